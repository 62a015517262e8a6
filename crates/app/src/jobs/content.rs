//! What a run says: its rows, loaded as they were known when it began, and what is written from them.

use std::io;

use domain::report::{Document, Format, Heading, ReportInput, TenantTimeline};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use domain::timeline::Timeline;
use render::mail::Occasion;
use store::runs::{Pinned, Stored};

use crate::mail::Text;
use crate::{App, Error, Result};

pub(super) use render::RENDERER_VERSION;

/// A run's document with what stands above its rows. The same run gives the same content whenever it is loaded.
#[derive(Debug)]
pub(super) struct Content {
    heading: Heading,
    document: Document,
}

/// Loads the content of a run that has begun.
pub(super) async fn load(app: &App, stored: &Stored, pinned: &Pinned) -> Result<Content> {
    let run = &stored.run;
    let input = input(app, stored, pinned).await?;
    let document =
        tokio::task::spawn_blocking(move || Document::new(input)).await.map_err(Error::internal)?;
    let document = document.ok_or_else(|| Error::internal("the subject is not among its own tenants"))?;
    let heading = Heading {
        subject: document.subject(),
        period: run.period,
        kind: run.parameters.kind,
        level: run.parameters.level,
        show_skus: run.parameters.show_skus.unwrap_or(false),
        generated_at: pinned.generated_at,
        language: pinned.language,
    };
    Ok(Content { heading, document })
}

/// The seam to the history: until `store::report_input` has its loader, the subject alone without usage.
async fn input(app: &App, stored: &Stored, pinned: &Pinned) -> Result<ReportInput> {
    let run = &stored.run;
    let mut conn = app.read().await?;
    let tenant = store::tenants::by_no(&mut conn, stored.subject).await?;
    let tenant = tenant.ok_or_else(|| Error::internal("the subject is gone"))?;
    let tenants = vec![TenantTimeline {
        no: tenant.no,
        id: tenant.id,
        created_at: tenant.created_at,
        is_personal: tenant.owner_id.is_some(),
        parent: Timeline::always(tenant.parent),
        name: Timeline::always(tenant.name),
        kind: Timeline::always(tenant.kind),
        customer_id: Timeline::always(tenant.customer_id),
        ancestral_access: Timeline::always(tenant.ancestral_access),
        deleted: Timeline::always(false),
        pricing_mode: Timeline::always(domain::pricing::PricingMode::Production),
        currency: Timeline::always(None),
        billing_day: Timeline::always(domain::billing::BillingDay::CALENDAR),
        skus: Timeline::always(Vec::new()),
    }];
    Ok(ReportInput {
        subject: stored.subject,
        period: run.period,
        kind: run.parameters.kind,
        level: run.parameters.level,
        hide_zero_usage: run.parameters.hide_zero_usage.unwrap_or(false),
        show_skus: run.parameters.show_skus.unwrap_or(false),
        leave_out_trial: run.schedule == ScheduleType::Monthly,
        as_known: pinned.generated_at.day(),
        tenants,
        items: Vec::new(),
        cells: Vec::new(),
        infras: Vec::new(),
    })
}

/// The seam to day close: until `app::history` has it, days end without readings.
pub(super) async fn close_days(app: &App) -> Result<()> {
    let mut tx = app.write_as(domain::access::Actor::System).await?;
    let today = tx.now().day();
    tx.run("UPDATE day_close SET open_day = $1 WHERE open_day < $1", store::args![today]).await?;
    Ok(tx.commit().await?)
}

impl Content {
    /// Writes one file.
    pub(super) fn write(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        render::write(format, &self.heading, &self.document, out)
    }

    /// The name of that file where it is attached.
    pub(super) fn file_name(&self, format: Format) -> String {
        render::file_name(format, &self.heading)
    }

    /// Composes the mail to one recipient.
    pub(super) fn compose_mail(
        &self,
        language: Language,
        ordered_by: &str,
        schedule: ScheduleType,
        formats: &[Format],
    ) -> io::Result<Text> {
        let occasion = Occasion { language, ordered_by, schedule, formats };
        let mail = render::mail::compose(&self.heading, &self.document, &occasion)?;
        Ok(Text { subject: mail.subject, html: mail.html, plain: mail.text })
    }
}
