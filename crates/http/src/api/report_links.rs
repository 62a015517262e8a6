//! The page behind the link to files that were too large for a mail, and those files. Public: the link is the credential.

use app::App;
use app::reports::mailed_files::{self, Behind};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use domain::ids::ArtefactId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::reports::pieces;
use crate::page::answer;
use crate::params::{PathId, PathIds};
use crate::problem::{Envelope, Problem};

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(page)).routes(routes!(file))
}

/// The page with the files of a mail, for as long as its link works and its recipient may see them.
#[utoipa::path(get, path = "/report-links/{token}", tag = "reports", params(("token" = String, Path)), security(()),
    responses((status = 200, description = "The page with the files", body = String, content_type = "text/html"),
        (status = 403, description = "The page that refuses them", body = String, content_type = "text/html"),
        (status = 404, body = Envelope),
        (status = 410, description = "The page that says that the link has ended", body = String,
            content_type = "text/html"),
        (status = 429, body = Envelope)))]
async fn page(State(app): State<App>, PathId(token): PathId<String>) -> Result<Response, Problem> {
    Ok(match mailed_files::page(&app, &token).await? {
        Behind::There(page) => answer(StatusCode::OK, page),
        Behind::Ended(page) => answer(StatusCode::GONE, page),
        Behind::Refused(page) => answer(StatusCode::FORBIDDEN, page),
    })
}

/// One of these files, as one gzip member whatever the request offers.
#[utoipa::path(get, path = "/report-links/{token}/files/{stored_report_id}", tag = "reports", security(()),
    params(("token" = String, Path), ("stored_report_id" = String, Path, format = "uuid")),
    responses(
        (status = 200, description = "The file's bytes, compressed",
            body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Content-Encoding" = String, description = "always gzip"),
                ("Content-Disposition" = String, description = "the name of the file"))),
        (status = 403, description = "The page that refuses it", body = String, content_type = "text/html"),
        (status = 404, body = Envelope),
        (status = 410, description = "The page that says that the link has ended", body = String,
            content_type = "text/html"),
        (status = 429, body = Envelope)))]
async fn file(
    State(app): State<App>,
    PathIds(token, id): PathIds<String, ArtefactId>,
) -> Result<Response, Problem> {
    let named = match mailed_files::file(&app, &token, id).await? {
        Behind::There(named) => named,
        Behind::Ended(page) => return Ok(answer(StatusCode::GONE, page)),
        Behind::Refused(page) => return Ok(answer(StatusCode::FORBIDDEN, page)),
    };
    let saved_as = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", named.name));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_ENCODING, HeaderValue::from_static("gzip")),
        (header::CONTENT_LENGTH, HeaderValue::from(named.file.size_bytes())),
        (header::CONTENT_DISPOSITION, saved_as.map_err(app::Error::internal)?),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((headers, Body::from_stream(pieces(named.file))).into_response())
}
