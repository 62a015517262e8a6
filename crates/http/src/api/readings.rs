//! Readings in bulk: Tidemark's own way in, beside `PUT /tenants/usages`.

use std::io;
use std::time::Duration;

use app::App;
use app::usage::upload::{self, Encoding, Form, Format, Source, Summary};
use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt as _;
use futures_util::stream;
use serde::Serialize;
use tokio_util::io::{StreamReader, SyncIoBridge};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{AnyToken, Can};
use crate::json::Json;
use crate::params::Params;
use crate::problem::{Envelope, Problem};

/// How long a sender may be silent. The whole of an upload may take as long as it needs.
const SILENCE: Duration = Duration::from_mins(1);

/// The routes whose bodies are read as they come: they stand apart from the limits of the others.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post))
}

/// What became of an upload.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadSummary, example = json!({"accepted": 998, "absorbed": 1, "refused_count": 1,
    "refused": [{"line": 17, "field": "date", "error": "lies in the future"}], "seq": 4711}))]
struct SummaryBody {
    /// Readings that changed something.
    accepted: u64,
    /// Readings that said what was known already.
    absorbed: u64,
    /// Readings that were refused.
    refused_count: u64,
    /// The first 1,000 of those, by line.
    refused: Vec<RefusalBody>,
    /// The acceptance number of the last change; null where nothing changed.
    seq: Option<i64>,
}

/// A reading that was refused; the others are not touched by it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UploadRefusal)]
struct RefusalBody {
    /// Its line, the first one being 1 (in CSV the header); in a JSON array its place, from 1 on.
    line: u64,
    /// The member at fault; empty where it is the reading itself.
    field: String,
    /// What is wrong with it.
    error: String,
}

impl From<Summary> for SummaryBody {
    fn from(summary: Summary) -> Self {
        let Summary { accepted, absorbed, refused_count, refused, seq } = summary;
        let refusal = |refusal: upload::Refusal| RefusalBody {
            line: refusal.line,
            field: refusal.field.into_owned(),
            error: refusal.error.into_owned(),
        };
        let refused = refused.into_iter().map(refusal).collect();
        Self { accepted, absorbed, refused_count, refused, seq: seq.map(|seq| seq.0) }
    }
}

/// A reading of an upload.
#[derive(Debug, ToSchema)]
#[schema(as = UploadReading, example = json!({"tenant_id": "dbcacdd4-17f5-4678-8175-f6c35c23fb2d",
    "offering_item": "vms", "date": "2026-05-07", "value": 21, "key": "night-run-17"}))]
#[expect(dead_code, reason = "describes what app reads as it comes")]
struct ReadingBody {
    #[schema(format = Uuid)]
    tenant_id: String,
    /// Offering item name, with edition prefix.
    offering_item: String,
    /// The storage, for items bound to one.
    #[schema(format = Uuid)]
    infra_id: Option<String>,
    /// The day it is for; today if absent.
    #[schema(format = Date)]
    date: Option<String>,
    /// As usage_value of `PUT /tenants/usages`; required unless retract is true.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    value: Option<i64>,
    /// True: the reading of that day is taken back.
    retract: Option<bool>,
    /// The caller's own, kept 90 days: the same content under it is absorbed, other content refused.
    #[schema(min_length = 1, max_length = 256)]
    key: Option<String>,
}

/// Takes readings in bulk, streamed: late ones, corrections and retractions too.
///
/// The body may be compressed (`Content-Encoding: gzip` or `zstd`). A broken upload stores nothing. Readings that are refused
/// do not hinder the others. An upload that ended half way may be sent again: nothing counts twice.
#[utoipa::path(post, path = "/readings", tag = "usages",
    params(("reason" = Option<String>, Query, min_length = 1,
        description = "Why its readings come late: needed for days before the configured window")),
    request_body(description = "An array of readings or an object with the members readings and reason; one object a line; \
        or CSV whose header names the members",
        content((Vec<ReadingBody> = "application/json"), (ReadingBody = "application/x-ndjson"),
            (String = "text/csv", example = "tenant_id,offering_item,date,value\n\
                dbcacdd4-17f5-4678-8175-f6c35c23fb2d,vms,2026-05-07,21\n"))),
    responses((status = 200, description = "What became of the readings", body = SummaryBody),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope),
        (status = 413, body = Envelope), (status = 415, body = Envelope)))]
async fn post(
    State(app): State<App>,
    caller: Can<AnyToken>,
    params: Params,
    request: Request,
) -> Result<Json<SummaryBody>, Problem> {
    // Before the body is looked at, as for `PUT /tenants/usages`.
    let source = Source::caller(&caller.0)?;
    params.only(&["reason"])?;
    let headers = request.headers();
    let nothing = request.body().is_end_stream();
    let form = Form {
        format: format(headers, nothing)?,
        encoding: encoding(headers)?,
        reason: params.get("reason").map(str::to_owned),
    };
    let received = upload::receive(&app, form, blocking(request.into_body())).await?;
    Ok(Json(upload::store(&app, &source, received, |_| ()).await?.into()))
}

/// Of an upload without a byte a type that says nothing is no fault, as with other calls.
fn format(headers: &HeaderMap, nothing: bool) -> Result<Format, Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(Format::Json) };
    let media = kind.to_str().unwrap_or("").split(';').next().unwrap_or("");
    let format = Format::from_media_type(media).or_else(|| nothing.then_some(Format::Json));
    format.ok_or(Problem::UnsupportedMedia(
        "Content-Type is none of application/json, application/x-ndjson, application/jsonl, text/csv",
    ))
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let words: Vec<&str> =
        headers.get_all(header::CONTENT_ENCODING).iter().map(|word| word.to_str().unwrap_or("?")).collect();
    Encoding::from_word(&words.join(","))
        .ok_or(Problem::UnsupportedMedia("Content-Encoding is none of gzip, zstd, identity"))
}

/// The body for a thread that reads and waits.
fn blocking(body: Body) -> impl io::Read + Send + 'static {
    let frames =
        stream::try_unfold(body.into_data_stream(), async |mut frames| {
            match tokio::time::timeout(SILENCE, frames.next()).await {
                Ok(Some(Ok(bytes))) => Ok(Some((bytes, frames))),
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Ok(None) => Ok(None),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        });
    SyncIoBridge::new(StreamReader::new(Box::pin(frames)))
}
