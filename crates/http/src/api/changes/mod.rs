//! The audit log: who changed what of a tenant and of those below it, when and why.

mod cursor;

use app::App;
use app::changes::{self, Change, Page, Who};
use axum::extract::State;
use domain::ids::TenantId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use cursor::Cursor;

use crate::caller::{Can, TenantViewer};
use crate::json::Json;
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema::ChangeObject;
use crate::wire::Zulu;

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get))
}

/// A page of changes, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Changes)]
struct ChangesBody {
    items: Vec<ChangeBody>,
    /// What the next page is asked for with; null where this is the last one.
    after: Option<String>,
}

/// A change of one field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Change, example = json!({"seq": 4711, "recorded_at": "2026-05-09T08:00:00Z",
    "actor": {"type": "user", "id": "ca451758-b48a-45d9-9ae6-8f1059f67619", "name": "ann@north.example"}, "reason": null,
    "tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d", "object": "item", "object_id": "vms", "field": "quota_value",
    "old": "20", "new": "25", "valid_from": "2026-05-09"}))]
struct ChangeBody {
    /// Its acceptance number; changes that were made together share one.
    seq: i64,
    recorded_at: Zulu,
    actor: ActorBody,
    /// Why, where that was said.
    reason: Option<String>,
    /// The tenant that the object belongs to.
    #[schema(format = Uuid)]
    tenant_id: String,
    #[schema(value_type = ChangeObject)]
    object: String,
    /// A UUID; of an offering item its name, with `@` and the storage's id where it is bound to one; of a setting
    /// the service's id, `/` and its name.
    object_id: String,
    field: String,
    /// What the field was; null where it had no value.
    old: Option<String>,
    /// What it became; null where it has none.
    new: Option<String>,
    /// From the end of which day on; null for a first version, which reaches back for ever.
    #[schema(format = Date)]
    valid_from: Option<String>,
}

/// Who made it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChangeActor)]
pub(super) struct ActorBody {
    /// `client`, `user`, `system` for Tidemark itself, or `other` for somebody of a tenant that the caller cannot look
    /// into, such as one above it.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The id of the client or user.
    #[schema(format = Uuid)]
    id: Option<String>,
    /// The user's login, or the client's name where it has one.
    name: Option<String>,
}

impl From<Who> for ActorBody {
    fn from(who: Who) -> Self {
        Self { kind: who.kind(), id: who.id(), name: who.name().map(str::to_owned) }
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
            object: change.object,
            object_id: change.object_id,
            field: change.field,
            old: change.old,
            new: change.new,
            valid_from: change.valid_from.map(|day| day.to_string()),
        }
    }
}

/// Who changed what of a tenant and of those below it, when and why: the audit log.
///
/// Newest first, a page at a time. A page may have fewer changes than `limit`, and none, though more follow: `after` says
/// so. Each tenant's changes are shown as far as the caller could see that tenant when they were made. Readings have a
/// log of their own: `history/changes`.
#[utoipa::path(get, path = "/tenants/{tenant_id}/changes", tag = "changes",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("object" = Option<ChangeObject>, Query, description = "What was changed", example = "item"),
        ("object_id" = Option<String>, Query, description = "Which one", example = "vms"),
        ("field" = Option<String>, Query, description = "Which of its fields", example = "quota_value"),
        ("actor" = Option<String>, Query, example = "system",
            description = "Who made the change: the id of a client or user, or `system` for Tidemark itself"),
        ("from" = Option<String>, Query, example = "2026-05-01",
            description = "From this moment or day on, UTC"),
        ("to" = Option<String>, Query, example = "2026-05-09T08:30:00Z",
            description = "Before this moment, or up to the end of this day, UTC"),
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
async fn get(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Json<ChangesBody>, Problem> {
    let after = params.get("after").filter(|text| !text.is_empty());
    let cursor = if let Some(text) = after {
        params.only(&["after", "limit"])?;
        Cursor::open(&app, &caller.0, tenant, text)?
    } else {
        params.only(&["object", "object_id", "field", "actor", "from", "to", "limit", "after"])?;
        Cursor::begin(&params)?
    };
    let (asked, behind) = cursor.place()?;
    let Page { changes, next } =
        changes::page(&app, &caller.0, tenant, &asked, behind, params.limit()?).await?;
    Ok(Json(ChangesBody {
        items: changes.into_iter().map(ChangeBody::from).collect(),
        after: next.map(|next| cursor.behind(next).seal(&app, &caller.0, tenant)).transpose()?,
    }))
}
