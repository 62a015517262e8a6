//! The history of usage: what each meter said on each day, and the changes that made it so.

mod accept;
mod changes;
mod cursor;

use app::cells::{self, Asked, Form};
use app::{App, Error};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use domain::ids::TenantId;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reports::at_once::body;
use crate::caller::{Can, FileReader};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(changes::get))
}

/// A history as one JSON object.
#[derive(Debug, ToSchema)]
#[schema(as = UsageHistory)]
#[expect(dead_code, reason = "describes what render writes line by line")]
struct HistoryBody {
    #[schema(format = Uuid)]
    tenant_id: String,
    #[schema(format = Date)]
    from: String,
    #[schema(format = Date)]
    to: String,
    /// The acceptance number up to which everything is taken into account.
    as_of: i64,
    items: Vec<LineBody>,
}

/// A meter on a day.
#[derive(Debug, ToSchema)]
#[schema(as = UsageHistoryLine, example = json!({"tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d",
    "tenant_name": "Harbour", "offering_item": "vms", "infra_id": null, "date": "2026-05-07", "value": 21, "level": 21,
    "state": "reported"}))]
#[expect(dead_code, reason = "describes what render writes line by line")]
struct LineBody {
    #[schema(format = Uuid)]
    tenant_id: String,
    /// Its name on that day.
    tenant_name: String,
    /// Offering item name, with edition prefix.
    offering_item: String,
    /// The storage, for items bound to one.
    #[schema(format = Uuid)]
    infra_id: Option<String>,
    #[schema(format = Date)]
    date: String,
    /// For accumulating items the use since the billing period began, else the level.
    value: i64,
    /// What the meter stood at at the end of the day. Of accumulating items it never begins anew.
    level: i64,
    /// `reported` that day, or `carried` from an earlier one.
    state: String,
}

/// What each meter of a tenant and of all below it said on each day, sent as it is read.
///
/// One line for each meter and day, by tenant, meter and day. A day belongs to the parent that held the tenant at its end:
/// a tenant that was elsewhere, or deleted, has no line for that day, nor has a meter that had never been heard by then.
/// Tenants that hide their inside show their own meters and nothing below.
#[utoipa::path(get, path = "/tenants/{tenant_id}/history", tag = "usages",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("from" = Option<String>, Query, format = "date", example = "2026-05-01",
            description = "The first day; where it is absent the 1st of the month of `to`. At most 400 days are told at once"),
        ("to" = Option<String>, Query, format = "date", example = "2026-05-07",
            description = "The last day, at most today; where it is absent the last one that is closed"),
        ("items" = Option<String>, Query, example = "vms,notarizations",
            description = "Offering item names; all where it is absent"),
        ("as_of" = Option<i64>, Query, minimum = 0, example = 4711,
            description = "An acceptance number: every value as it was known then. Where it is absent the newest"),
        ("format" = Option<String>, Query, example = "csv",
            description = "`json`, `ndjson` or `csv`; where it is absent as `Accept` says, and else `json`"),
    ),
    responses(
        (status = 200, description = "The lines", content((HistoryBody = "application/json"),
            (LineBody = "application/x-ndjson"),
            (String = "text/csv", example = "tenant_id,tenant_name,offering_item,infra_id,date,value,level,state\n\
                dbcacdd4-17f5-4678-8175-f6c35c23fb2d,Harbour,vms,,2026-05-07,21,21,reported\n"))),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope),
    ))]
async fn get(
    caller: Can<FileReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Problem> {
    params.only(&["from", "to", "items", "as_of", "format"])?;
    let form = match params.parsed("format")? {
        Some(form) => form,
        None => accept::form(&headers)?,
    };
    let file = cells::file(&app, &caller.0, tenant, &asked(&params)?, form).await?;
    let headers = [
        (header::CONTENT_TYPE, media_type(form)),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, body(file)).into_response())
}

const fn media_type(form: Form) -> &'static str {
    match form {
        Form::Json => "application/json; charset=utf-8",
        Form::Ndjson => "application/x-ndjson; charset=utf-8",
        Form::Csv => "text/csv; charset=utf-8",
    }
}

fn asked(params: &Params) -> Result<Asked, Error> {
    Ok(Asked {
        from: params.parsed("from")?,
        to: params.parsed("to")?,
        items: params.list("items")?.filter(|items: &Vec<String>| !items.is_empty()),
        as_of: params.seq("as_of")?,
    })
}
