//! The bodies of the delivery ledger.

use app::deliveries::Shown;
use domain::delivery::DeliveryStatus;
use domain::ids::{DeliveryId, ReportId, RunId, TenantId, UserId};
use domain::time::Day;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::changes::ActorBody;
use crate::json::Body;
use crate::schema;
use crate::wire::{Zulu, id_option};

/// A page of deliveries, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deliveries)]
pub(super) struct DeliveriesBody {
    pub(super) items: Vec<DeliveryBody>,
    /// What the next page is asked for with; null where this is the last one.
    pub(super) after: Option<String>,
}

/// What was sent again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Resent)]
pub(super) struct ResentBody {
    /// The new deliveries; one that is `skipped` says why in `answer`.
    pub(super) items: Vec<DeliveryBody>,
    /// Whether more are left, which the same call sends next.
    pub(super) more: bool,
}

/// One mail to one recipient.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery, example = json!({"id": "8b1d0a53-51a1-4a29-9a5e-0c7b5c1c6c1f",
    "report_id": "d0f1a2b3-54c3-4b7c-8a55-3c1b3a0d8f10", "run_id": "1f0a9d5c-7d0f-4d2b-8d36-52a7f1b1c0aa",
    "tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d", "period_start": "2026-04-01", "period_end": "2026-04-30",
    "run_due_at": "2026-05-01T23:59:59Z", "edition": 1, "recipient_id": "ca451758-b48a-45d9-9ae6-8f1059f67619",
    "address": "ann@harbour.example", "resend_no": 0, "message_id": "3f2b8c1e5d7a4b0c9e8f7a6b5c4d3e2f@tide.example.com",
    "state": "bounced", "answer": "RCPT: 550 no such user here", "attempts": 1,
    "asked_by": {"type": "system", "id": null, "name": null}, "created_at": "2026-05-02T00:00:00Z",
    "due_at": "2026-05-02T00:00:00Z", "finished_at": "2026-05-02T00:00:03Z", "resent_at": null,
    "acknowledged_at": null, "delay": null, "link_until": null}))]
pub struct DeliveryBody {
    #[schema(value_type = String, format = "uuid")]
    id: DeliveryId,
    #[schema(value_type = String, format = "uuid")]
    report_id: ReportId,
    /// The execution of the report whose files it carries.
    #[schema(value_type = String, format = "uuid")]
    run_id: RunId,
    /// Whom the report is about.
    #[schema(value_type = String, format = "uuid")]
    tenant_id: TenantId,
    /// The first day of the report.
    #[schema(value_type = String, format = "date")]
    period_start: Day,
    /// Its last day.
    #[schema(value_type = String, format = "date")]
    period_end: Day,
    /// When the report was due.
    run_due_at: Zulu,
    /// The number of the edition: of the same report and days, the first, the second and so on.
    edition: Option<i64>,
    /// The user whom it goes to.
    #[schema(value_type = String, format = "uuid")]
    recipient_id: UserId,
    /// Where it went, in lower case; null where there was no address, or the caller could not look the user up.
    address: Option<String>,
    /// 0 for what follows from the report itself; each resend counts up.
    resend_no: i64,
    /// The mail's Message-ID, without angle brackets.
    message_id: String,
    #[schema(value_type = schema::DeliveryState)]
    state: DeliveryStatus,
    /// What the mail server answered, or why the mail was not sent or did not arrive; while it waits for the next try, what
    /// failed last.
    answer: Option<String>,
    /// How often it was tried.
    attempts: i64,
    /// Who asked for it: Tidemark itself (`system`) for what follows from the report.
    asked_by: ActorBody,
    created_at: Zulu,
    /// When it should have left.
    due_at: Zulu,
    /// When it was sent, given up or skipped.
    finished_at: Option<Zulu>,
    /// When it was sent again, as a delivery of its own; null of the newest one.
    resent_at: Option<Zulu>,
    /// When somebody said to know that it did not arrive.
    acknowledged_at: Option<Zulu>,
    /// What a server on the way last said of a delay, after it was sent (RFC 3464).
    delay: Option<String>,
    /// Up to when the link in the mail gives the files, where they were too large for it.
    link_until: Option<Zulu>,
}

impl From<Shown> for DeliveryBody {
    fn from(shown: Shown) -> Self {
        let (answer, address) = (shown.answer().map(str::to_owned), shown.address().map(str::to_owned));
        let delay = shown.delay().map(str::to_owned);
        let Shown { entry, asked_by } = shown;
        let delivery = entry.delivery;
        Self {
            id: delivery.id,
            report_id: entry.report_id,
            run_id: delivery.run_id,
            tenant_id: entry.subject_id,
            period_start: entry.period.start,
            period_end: entry.period.last(),
            run_due_at: Zulu(entry.run_due_at),
            edition: entry.edition,
            recipient_id: delivery.user_id,
            address,
            resend_no: delivery.resend_no,
            message_id: delivery.message_id,
            state: delivery.state.parts().0,
            answer,
            attempts: delivery.attempts,
            asked_by: asked_by.into(),
            created_at: Zulu(delivery.created_at),
            due_at: Zulu(entry.due_at),
            finished_at: entry.finished_at.map(Zulu),
            resent_at: entry.resent_at.map(Zulu),
            acknowledged_at: entry.acknowledged_at.map(Zulu),
            delay,
            link_until: entry.link_until.map(Zulu),
        }
    }
}

/// Which failed deliveries are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResendFailed, example = json!({"run_id": "1f0a9d5c-7d0f-4d2b-8d36-52a7f1b1c0aa"}))]
pub(super) struct ResendFailedBody {
    /// Only of this run; of all runs of the report where it is absent.
    #[serde(default, deserialize_with = "id_option")]
    #[schema(value_type = Option<String>, format = "uuid")]
    pub(super) run_id: Option<RunId>,
    /// `bounced`, `gave_up` and `skipped`; the first two where it is absent or empty.
    #[serde(default)]
    #[schema(value_type = Vec<schema::DeliveryState>)]
    pub(super) states: Vec<DeliveryStatus>,
}

impl Body for ResendFailedBody {
    const MAY_BE_MISSING: bool = true;
}
