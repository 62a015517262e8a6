//! A report as the answer itself: nothing is stored, nothing has to be waited for.

use app::reports::Flow;
use app::reports::at_once::{self, Asked, File};
use app::{App, Error};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use domain::ids::TenantId;
use domain::report::{Format, Kind, Level};
use futures_util::{TryStreamExt as _, stream};

use crate::caller::{Can, FileReader};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;

/// What a csv_v2_0 file begins with (reports-api, 11).
const CSV: &str = "application.id,application.name,date,infra.backend_type,infra.id,infra.name,infra.owner_id,is_range,\
measurement_unit,name,pricing.currency,pricing.mode,pricing.price,pricing.total_cost,quota.value,tenant.customer_id,\
tenant.id,tenant.kind,tenant.name,usage.absolute.production,usage.absolute.total,usage.absolute.trial,\
usage.delta.production,usage.delta.total,usage.delta.trial,usage.effective.production,usage.effective.total,\
usage.effective.trial,edition
7459244f-68f3-3bf4-9f53-5f63ecc1d91f,platform,2020-03-03,,,,,False,,reseller_count,,,,,,,\
53b471e1-50dd-4557-ae6d-f687946821d4,partner,North Partner,1,1,0,0,0,0,1,1,0,
";
const HTML: &str = "<!DOCTYPE html>\n<html lang=\"en\">...";

/// One file of a report, made now and sent as it is written. Whoever may read reports on the tenant may ask for it.
#[utoipa::path(get, path = "/tenants/{tenant_id}/report", tag = "reports",
    params(
        ("tenant_id" = String, Path, format = "uuid", example = "53b471e1-50dd-4557-ae6d-f687946821d4"),
        ("kind" = Option<schema::ReportKind>, Query, example = "usage_summary",
            description = "What is counted; `usage_current` where it is absent"),
        ("level" = Option<schema::ReportLevel>, Query, example = "direct_partners",
            description = "Which descendants have rows; `direct_partners` where it is absent. Of a tenant that hides \
                its inside from those above, they get `itself` alone"),
        ("format" = Option<schema::ReportFormat>, Query, example = "csv_v2_0",
            description = "The form of the file; `csv_v2_0` where it is absent"),
        ("start" = Option<String>, Query, format = "date", example = "2026-04-01",
            description = "The first day; where it is absent the 1st of the month of `end`. Of kinds with rows for each day \
                at most 400 days before it"),
        ("end" = Option<String>, Query, format = "date", example = "2026-04-30",
            description = "The last day, which belongs to the period, at most today; where it is absent the last one \
                that is closed. Days that are not closed show what is known of them"),
        ("hide_zero_usage" = Option<bool>, Query, example = true, description = "Drop rows of nine zeros"),
        ("show_skus" = Option<bool>, Query, example = false, description = "Add the SKU column"),
        ("as_of" = Option<i64>, Query, minimum = 0, example = 4711,
            description = "An acceptance number: the file as it was known then, without any change or reading \
                accepted later. Where it is absent the newest"),
    ),
    responses(
        (status = 200, description = "The file",
            content(
                (String = "text/csv; charset=utf-8", example = json!(CSV)),
                (String = "text/html; charset=utf-8", example = json!(HTML)),
                (serde_json::Value = "application/json; charset=utf-8",
                    example = json!({"params": {"kind": 5, "gen_date": 1_494_201_600, "begin_date": 1_493_596_800,
                        "end_date": 1_494_201_599, "group_id": 1_400_794, "name": "North Partner",
                        "report_level": 1, "report_type": 5}, "tenants": []})),
            ),
            headers(("Content-Disposition" = String,
                description = "The name, such as `attachment; filename=\"usage-report-north-partner-2026-04-01-2026-04-30-v2.csv\"`"))),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
pub(super) async fn get(
    caller: Can<FileReader>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
    params: Params,
) -> Result<Response, Problem> {
    let asked = asked(&params)?;
    Ok(answer(at_once::make(&app, &caller.0, tenant, &asked).await?))
}

fn asked(params: &Params) -> Result<Asked, Error> {
    params.only(&["kind", "level", "format", "start", "end", "hide_zero_usage", "show_skus", "as_of"])?;
    Ok(Asked {
        kind: params.parsed("kind")?.unwrap_or(Kind::UsageCurrent),
        level: params.parsed("level")?.unwrap_or(Level::DirectPartners),
        format: params.parsed("format")?.unwrap_or(Format::CsvV2),
        start: params.parsed("start")?,
        end: params.parsed("end")?,
        hide_zero_usage: params.flag("hide_zero_usage")?.unwrap_or(false),
        show_skus: params.flag("show_skus")?.unwrap_or(false),
        as_of: params.seq("as_of")?,
    })
}

fn answer(file: File) -> Response {
    let headers = [
        (header::CONTENT_TYPE, file.format.media_type().to_owned()),
        // The name is of letters, digits, hyphens and dots alone.
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", file.name)),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, body(file.bytes)).into_response()
}

/// The bytes as they come. An error among them breaks the connection: what was sent by then must not pass for a file.
pub fn body(bytes: Flow) -> Body {
    let pieces = stream::try_unfold(bytes, Flow::next);
    Body::from_stream(pieces.map_ok(Bytes::from).inspect_err(|error| {
        tracing::error!(error = error as &dyn std::error::Error, "a file broke off");
    }))
}
