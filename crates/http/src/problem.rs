//! Errors on the wire (wire-conventions, section 5): the one place where a use case's failure becomes a status and a body.

use std::sync::Arc;

use app::Error;
use app::offering_items::MissingItem;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::ids::{ApplicationId, InfraId, TenantNo};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::json::Json;

/// The answer to every failed call but those of the `/idp` form endpoints.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope {
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// A business rule's number, or the HTTP status; as an integer, in places as a string.
    #[schema(value_type = Value)]
    pub code: Value,
    /// Always `PlatformAccountServer`.
    pub domain: &'static str,
    /// The rule, or the status's standard phrase.
    pub message: String,
    /// `info` names the field where there is one.
    #[schema(value_type = Object)]
    pub details: Value,
    /// Further facts, `{}` when there are none.
    #[schema(value_type = Object)]
    pub context: Value,
}

/// What is said of a body over the limit.
pub(crate) const TOO_LARGE: &str = "the body is larger than 16 MiB";

/// What is said of a body in a coding that is not read.
const UNKNOWN_CODING: &str = "Content-Encoding is neither gzip nor identity";

/// The most characters of `details.info`, which may quote what was sent.
const INFO_MAX_CHARS: usize = 512;

/// The wire's name of this server.
pub const DOMAIN: &str = "PlatformAccountServer";

impl ErrorBody {
    /// A body with this code, message and `details.info`.
    pub fn new(code: impl Into<Value>, message: impl Into<String>, info: Option<String>) -> Self {
        Self {
            code: code.into(),
            domain: DOMAIN,
            message: message.into(),
            details: json!({ "info": info.map_or(Value::Null, |info| cut(info).into()) }),
            context: json!({}),
        }
    }
}

fn cut(mut info: String) -> String {
    if let Some((end, _)) = info.char_indices().nth(INFO_MAX_CHARS) {
        info.truncate(end);
        info.push_str("...");
    }
    info
}

/// A use case's failure, or one of the wire's own, on its way out.
#[derive(Debug)]
pub enum Problem {
    /// From a use case.
    App(Error),
    /// 415: a body or an `Accept` of a kind that the call does not know, in most cases not JSON.
    UnsupportedMedia(&'static str),
    /// 406: an argument that is not acceptable (`GET /users/check_login` only).
    NotAcceptable(String),
    /// 413: a body over the limit.
    TooLarge,
    /// 400 with a word in place of a number for its code.
    Word {
        /// The code.
        code: &'static str,
        /// The reason.
        info: String,
    },
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl Problem {
    fn parts(&self) -> (StatusCode, ErrorBody) {
        let plain = |status: StatusCode, info: Option<String>| (status, plain_body(status, info));
        match self {
            Self::UnsupportedMedia(info) => {
                plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, Some((*info).to_owned()))
            }
            Self::NotAcceptable(info) => plain(StatusCode::NOT_ACCEPTABLE, Some(info.clone())),
            Self::TooLarge => plain(StatusCode::PAYLOAD_TOO_LARGE, Some(TOO_LARGE.to_owned())),
            Self::Word { code, info } => {
                (StatusCode::BAD_REQUEST, ErrorBody::new(*code, "Bad Request", Some(info.clone())))
            }
            Self::App(error) => match error {
                Error::Unauthenticated { why } => plain(StatusCode::UNAUTHORIZED, Some(why.to_string())),
                Error::Forbidden => (StatusCode::FORBIDDEN, ErrorBody::new(1002, "Access denied", None)),
                Error::NotFound { what: "tenant" } => {
                    (StatusCode::NOT_FOUND, ErrorBody::new(1005, "Tenant not found", None))
                }
                Error::NotFound { .. } => plain(StatusCode::NOT_FOUND, Some(error.to_string())),
                Error::Invalid { .. } => plain(StatusCode::BAD_REQUEST, Some(error.to_string())),
                Error::Rule { rule, info } => {
                    (rule_status(*rule), ErrorBody::new(rule.code(), rule.message(), Some(info.to_string())))
                }
                Error::StillEnabled { tenant } => still_enabled(&error.to_string(), *tenant),
                Error::ItemsMissing { info, missing } => {
                    let rule = app::Rule::ItemUnavailable;
                    let body = ErrorBody::new(rule.code(), rule.message(), Some(info.clone()));
                    (StatusCode::BAD_REQUEST, ErrorBody { context: missing_items(missing), ..body })
                }
                Error::Stale { .. } => {
                    (StatusCode::CONFLICT, ErrorBody::new(1001, "Version mismatch", Some(error.to_string())))
                }
                Error::InTheWay { .. } => plain(StatusCode::CONFLICT, Some(error.to_string())),
                Error::StaleQuota { info } => (
                    StatusCode::UPGRADE_REQUIRED,
                    ErrorBody::new(1001, "Version mismatch", Some(info.clone())),
                ),
                Error::TooMany { why } => plain(StatusCode::PAYLOAD_TOO_LARGE, Some(why.to_string())),
                Error::Throttled { .. } | Error::TooOften { .. } => {
                    plain(StatusCode::TOO_MANY_REQUESTS, Some(error.to_string()))
                }
                Error::NotReady { retry_after_seconds: Some(_) } => {
                    let rule = app::Rule::Business;
                    (
                        StatusCode::BAD_REQUEST,
                        ErrorBody::new(rule.code(), rule.message(), Some(error.to_string())),
                    )
                }
                Error::NotReady { retry_after_seconds: None } => (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    ErrorBody::new(1000, "Internal system error", Some(error.to_string())),
                ),
                Error::Unavailable(_) => plain(StatusCode::SERVICE_UNAVAILABLE, None),
                Error::Internal(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, None),
            },
        }
    }

    const fn retry_after_seconds(&self) -> Option<i64> {
        match self {
            Self::App(Error::Throttled { retry_after_seconds } | Error::TooOften { retry_after_seconds }) => {
                Some(*retry_after_seconds)
            }
            Self::App(Error::NotReady { retry_after_seconds }) => *retry_after_seconds,
            Self::App(Error::Unavailable(_)) => Some(2),
            _ => None,
        }
    }
}

/// A 1006 with the tenant it is about (wire-conventions, 5.1).
fn still_enabled(info: &str, tenant: TenantNo) -> (StatusCode, ErrorBody) {
    let (rule, which) = (app::Rule::NotDisabled, json!({ "id": tenant.to_string() }));
    let details = json!({ "info": info, "addition": [which] });
    let body = ErrorBody::new(rule.code(), rule.message(), None);
    (rule_status(rule), ErrorBody { details, context: which, ..body })
}

/// An offering item that is missing, as the context of a 1021 names it.
#[derive(Serialize)]
struct Missing<'a> {
    application_id: ApplicationId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    infra_id: Option<InfraId>,
}

fn missing_items(missing: &[MissingItem]) -> Value {
    let item = |item: &MissingItem| {
        json!(Missing { application_id: item.application_id, name: &item.name, infra_id: item.infra_id })
    };
    json!({ "items": missing.iter().map(item).collect::<Vec<_>>() })
}

const fn rule_status(rule: app::Rule) -> StatusCode {
    use app::Rule;
    match rule {
        Rule::NameConflict | Rule::LoginTaken => StatusCode::CONFLICT,
        Rule::Locked => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn plain_body(status: StatusCode, info: Option<String>) -> ErrorBody {
    let code = if status == StatusCode::INTERNAL_SERVER_ERROR { 1000 } else { status.as_u16() };
    ErrorBody::new(code, status.canonical_reason().unwrap_or("Error"), info)
}

/// A failure on its way through the middleware that knows the request's id.
#[derive(Clone)]
struct Fault(Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, body) = self.parts();
        let mut response = (status, Json(Envelope { error: body })).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if status.is_server_error() {
            response.extensions_mut().insert(Fault(Arc::new(self)));
        }
        response
    }
}

/// Gives every failure without a body for its reader one (unknown paths, wrong methods, time-outs, panics), logs what only the log
/// may see, and puts the request's id into the body of a 5xx.
pub async fn complete(request: Request, next: Next) -> Response {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("").to_owned();
    let response = next.run(request).await;
    let status = response.status();
    if let Some(Fault(problem)) = response.extensions().get() {
        if let Problem::App(Error::Internal(source)) = &**problem {
            log_chain(&id, source.as_ref());
        } else {
            tracing::error!(request_id = id, ?problem, "failed");
        }
    }
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    // Pages are for people, who can do nothing with JSON.
    let says_why = kind.starts_with(b"application/json") || kind.starts_with(b"text/html");
    if status.is_server_error() && !response.headers().contains_key(header::RETRY_AFTER)
        || status.as_u16() >= 400 && !says_why
    {
        // Of the answers to an unknown coding alone, which are no handler's, some header names the known ones.
        let bad_coding = status == StatusCode::UNSUPPORTED_MEDIA_TYPE
            && response.headers().contains_key(header::ACCEPT_ENCODING);
        let info = status.is_server_error().then(|| format!("request {id}"));
        let info = info.or_else(|| bad_coding.then(|| UNKNOWN_CODING.to_owned()));
        return replace_body(response, plain_body(status, info));
    }
    response
}

fn log_chain(id: &str, error: &(dyn std::error::Error + 'static)) {
    let mut chain = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!(request_id = id, error = chain, "internal error");
}

fn replace_body(response: Response, body: ErrorBody) -> Response {
    let (mut parts, _) = response.into_parts();
    let bytes = serde_json::to_vec(&Envelope { error: body }).unwrap_or_default();
    // The body taken out may have been compressed on its way here.
    parts.headers.remove(header::CONTENT_ENCODING);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    Response::from_parts(parts, Body::from(bytes))
}
