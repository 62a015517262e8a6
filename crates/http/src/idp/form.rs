//! The form bodies of these endpoints, and the credentials of a client in one of its two carriers.

use std::net::IpAddr;

use app::App;
use app::auth::{Credentials, Refusal};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use domain::text::form_decoded;

use super::refusal::Refused;
use crate::caller::{basic_pair, peer};
use crate::params::Params;

/// An URL-encoded form with what comes beside it.
pub(super) struct Form {
    fields: Params,
    query: Params,
    basic: Option<Result<Credentials, Refused>>,
    /// The token of an `Authorization: Bearer` header.
    pub(super) bearer: Option<String>,
    /// The other end of the connection.
    pub(super) from: Option<IpAddr>,
}

impl FromRequest<App> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        check_content_type(&parts.headers)?;
        let bytes =
            Bytes::from_request(Request::from_parts(parts.clone(), body), app).await.map_err(|error| {
                match error.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Refused::TooLarge,
                    _ => Refusal::malformed("the body cannot be read").into(),
                }
            })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Refusal::malformed("the body is not UTF-8"))?;
        let (basic, bearer) = authorization(&parts);
        Ok(Self {
            fields: Params::of(Some(text.trim())),
            query: Params::of(parts.uri.query()),
            basic,
            bearer,
            from: peer(&parts),
        })
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim();
    if media.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(());
    }
    Err(Refusal::malformed("Content-Type is not application/x-www-form-urlencoded").into())
}

type Basic = Option<Result<Credentials, Refused>>;

fn authorization(parts: &Parts) -> (Basic, Option<String>) {
    let header = parts.headers.get(header::AUTHORIZATION).map(|header| header.to_str().unwrap_or(""));
    let Some(header) = header else { return (None, None) };
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            (None, Some(token.trim().to_owned()))
        }
        Some((scheme, pair)) if scheme.eq_ignore_ascii_case("basic") => {
            (Some(client_of(pair).ok_or(Refused::By(Refusal::BadClient))), None)
        }
        _ => (Some(Err(Refused::By(Refusal::BadClient))), None),
    }
}

/// A client's two halves may be form-encoded (RFC 6749, 2.3.1). Those that were sent as they are stay what they are: ids
/// and secrets hold neither `%` nor `+`.
fn client_of(pair: &str) -> Option<Credentials> {
    let (id, secret) = basic_pair(pair)?;
    let decoded = |half: String| form_decoded(&half).unwrap_or(half);
    Some(Credentials { id: decoded(id), secret: decoded(secret) })
}

impl Form {
    /// A field, unless it is missing or empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).filter(|value| !value.is_empty())
    }

    /// A field that must be there.
    pub(super) fn require(&self, name: &'static str) -> Result<String, Refused> {
        let value = self.get(name).map(str::to_owned);
        value.ok_or_else(|| Refusal::malformed(format!("{name}: required")).into())
    }

    /// A parameter of the query, unless it is missing or empty.
    pub(super) fn in_query(&self, name: &str) -> Option<&str> {
        self.query.get(name).filter(|value| !value.is_empty())
    }

    /// What the client proves itself with: the header, or both fields of the form. An id alone proves nothing.
    pub(super) fn client(&mut self) -> Result<Option<Credentials>, Refused> {
        if let Some(basic) = self.basic.take() {
            return basic.map(Some);
        }
        match (self.get("client_id"), self.get("client_secret")) {
            (Some(id), Some(secret)) => {
                Ok(Some(Credentials { id: id.to_owned(), secret: secret.to_owned() }))
            }
            (Some(_) | None, None) => Ok(None),
            (None, Some(_)) => Err(Refusal::malformed("client_id: required").into()),
        }
    }
}
