//! Stored files of reports (reports-api, 7).

use app::reports::StoredFile;
use app::{App, reports};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use domain::ids::{ArtefactId, ReportId};
use domain::report::{Artefact, ArtefactStatus, Format};
use futures_util::stream;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Can, FileReader, ReportReader};
use crate::json::Json;
use crate::params::{PathId, PathIds};
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::Items;

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredItem {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub id: ArtefactId,
    /// Its format.
    #[schema(value_type = schema::ReportFormat)]
    pub report_format: Format,
    /// When its run was inserted.
    #[schema(format = DateTime, example = "2020-03-04T10:58:53+00:00")]
    pub created_at: String,
    /// Where it stands.
    #[schema(value_type = schema::StoredStatus)]
    pub status: ArtefactStatus,
    /// Size of the compressed bytes, once saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
}

impl From<Artefact> for StoredItem {
    fn from(artefact: Artefact) -> Self {
        Self {
            id: artefact.id,
            report_format: artefact.format,
            created_at: artefact.created_at.with_offset(),
            status: artefact.status,
            size: artefact.size_bytes,
        }
    }
}

/// The files of a report, oldest run first; none for one that is sent.
#[utoipa::path(get, path = "/reports/{report_id}/stored", tag = "reports",
    params(("report_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The files", body = Items<StoredItem>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
    ))]
pub(super) async fn list(
    caller: Can<ReportReader>,
    State(app): State<App>,
    PathId(id): PathId<ReportId>,
) -> Result<Json<Items<StoredItem>>, Problem> {
    let files = reports::stored(&app, &caller.0, id).await?;
    Ok(Json(Items { items: files.into_iter().map(StoredItem::from).collect() }))
}

/// A file, as one gzip member whatever the request offers.
#[utoipa::path(get, path = "/reports/{report_id}/stored/{stored_report_id}", tag = "reports",
    params(
        ("report_id" = String, Path, format = "uuid"),
        ("stored_report_id" = String, Path, format = "uuid"),
    ),
    responses(
        (status = 200, description = "The file's bytes, compressed",
            body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Content-Encoding" = String, description = "always gzip"))),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope),
        (status = 503, description = "The place that the file lies in cannot be reached now", body = Envelope),
    ))]
pub(super) async fn download(
    caller: Can<FileReader>,
    State(app): State<App>,
    PathIds(id, file): PathIds<ReportId, ArtefactId>,
) -> Result<Response, Problem> {
    let file = reports::stored_file(&app, &caller.0, id, file).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (header::CONTENT_LENGTH, HeaderValue::from(file.size_bytes())),
    ];
    Ok((headers, Body::from_stream(pieces(file))).into_response())
}

/// The file piece by piece: it may be larger than the memory. One that turns out to be damaged ends with the connection,
/// short of its Content-Length.
pub(in crate::api) fn pieces(file: StoredFile) -> impl stream::Stream<Item = Result<Bytes, app::Error>> {
    stream::try_unfold(file, |mut file| async move {
        let piece = file.next().await?;
        Ok(piece.map(|piece| (Bytes::from(piece), file)))
    })
}
