//! The trail: every accepted change of the readings, so that a number can be explained.

use app::cells::{self, Change, Trail, Who};
use app::{App, Error};
use axum::extract::State;
use domain::access::Actor;
use domain::ids::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked;
use super::cursor::Cursor;
use crate::caller::{Can, ReportReader};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::wire::{self, Zulu};

const MOST: i64 = 1000;
const DEFAULT: i64 = 100;

/// A page of changes, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageChanges)]
pub(super) struct ChangesBody {
    #[schema(format = Date)]
    from: String,
    #[schema(format = Date)]
    to: String,
    /// The acceptance number up to which changes are told.
    as_of: i64,
    items: Vec<ChangeBody>,
    /// What the next page is asked for with; null where this is the last one.
    after: Option<String>,
}

/// A change of what a meter said of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageChange, example = json!({"seq": 4711, "recorded_at": "2026-05-09T08:00:00Z",
    "actor": {"type": "client", "id": "0f1d1e5c-8f0a-4b86-9d3b-6c3a5a3f0a51"}, "reason": "meters of the old system",
    "tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d", "offering_item": "vms", "infra_id": null, "date": "2026-05-07",
    "old": 21, "new": 12, "late": true, "moves_later_days": false}))]
struct ChangeBody {
    /// Its acceptance number.
    seq: i64,
    recorded_at: Zulu,
    actor: ActorBody,
    /// Why, where that was said.
    reason: Option<String>,
    #[schema(format = Uuid)]
    tenant_id: String,
    /// Offering item name, with edition prefix.
    offering_item: String,
    #[schema(format = Uuid)]
    infra_id: Option<String>,
    /// The day it is for.
    #[schema(format = Date)]
    date: String,
    /// The level reported for that day before; null where none was. Below zero where the correction of an earlier day moved
    /// it there: it counts as zero then.
    old: Option<i64>,
    /// The level reported for that day since; null where the reading was taken back.
    new: Option<i64>,
    /// Whether the day was over by then.
    late: bool,
    /// Whether the levels that were reported for later days moved by the same difference: the item accumulates.
    moves_later_days: bool,
}

/// Who made it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UsageChangeActor)]
struct ActorBody {
    /// `client`, `user`, `system` for Tidemark itself, or `other` for somebody of a tenant that the caller cannot look
    /// into, such as one above it.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The id of the client or user.
    #[schema(format = Uuid)]
    id: Option<String>,
}

impl From<Who> for ActorBody {
    fn from(who: Who) -> Self {
        match who {
            Who::Known(Actor::System) => Self { kind: Actor::System.kind(), id: None },
            Who::Known(actor) => Self { kind: actor.kind(), id: Some(actor.id().to_string()) },
            Who::Other => Self { kind: "other", id: None },
        }
    }
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        Self {
            seq: change.seq.0,
            recorded_at: Zulu(change.recorded_at),
            actor: change.who.into(),
            reason: change.reason,
            tenant_id: change.tenant.to_string(),
            offering_item: change.item.to_owned(),
            infra_id: change.infra.map(|infra| infra.to_string()),
            date: change.date.to_string(),
            old: change.old,
            new: change.new,
            late: change.late,
            moves_later_days: change.shifts,
        }
    }
}

/// The changes that made the history of a tenant and of all below it what it is: what was said of which day, when, by whom
/// and why. Of the days and tenants that the history shows.
///
/// A reading equal to the one before changes nothing and is not told. Oldest first, a page at a time.
#[utoipa::path(get, path = "/tenants/{tenant_id}/history/changes", tag = "usages",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("from" = Option<String>, Query, format = "date", example = "2026-05-01",
            description = "The first day whose readings changed; where it is absent the 1st of the month of `to`. \
                At most 400 days are told at once"),
        ("to" = Option<String>, Query, format = "date", example = "2026-05-07",
            description = "The last one, at most today; where it is absent the last one that is closed"),
        ("items" = Option<String>, Query, example = "vms,notarizations",
            description = "Offering item names; all where it is absent"),
        ("as_of" = Option<i64>, Query, minimum = 0, example = 4711,
            description = "Changes accepted after this number are left out. Where it is absent none is"),
        ("limit" = Option<i64>, Query, minimum = 1, maximum = 1000, example = 100,
            description = "The most changes of a page; 100 where it is absent"),
        ("after" = Option<String>, Query,
            description = "The page behind the one that gave this; it stands for all the others but `limit`"),
    ),
    responses(
        (status = 200, description = "A page", body = ChangesBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
pub(super) async fn get(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<ChangesBody>, Problem> {
    let (asked, after) = if let Some(text) = params.get("after").filter(|text| !text.is_empty()) {
        params.only(&["after", "limit"])?;
        let (asked, after) = Cursor::open(&app, &caller.0, tenant, text)?;
        (asked, Some(after))
    } else {
        params.only(&["from", "to", "items", "as_of", "limit", "after"])?;
        (asked(&params)?, None)
    };
    let trail = cells::trail(&app, &caller.0, tenant, &asked, after, limit(&params)?).await?;
    let Trail { period, as_of, changes, last } = trail;
    let cursor = |last| Cursor::new(period, asked.items, as_of, last).seal(&app, &caller.0, tenant);
    Ok(Json(ChangesBody {
        from: period.start.to_string(),
        to: period.last().to_string(),
        as_of: as_of.0,
        items: changes.into_iter().map(ChangeBody::from).collect(),
        after: last.map(cursor).transpose()?,
    }))
}

fn limit(params: &Params) -> Result<usize, Error> {
    let text = params.get("limit").filter(|text| !text.is_empty());
    let limit = text.map_or(Some(DEFAULT), wire::digits).filter(|limit| (1..=MOST).contains(limit));
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.ok_or_else(|| Error::invalid("limit", format!("must be an integer from 1 to {MOST}")))
}
