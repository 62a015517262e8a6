//! Flat OAuth 2 errors (RFC 6749, 5.2; accounts-api, 1.2).

use std::net::IpAddr;

use app::auth::Refusal;
use app::{App, Caller, Error};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::access::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::peer;
use crate::json::Json;
use crate::problem::Problem;
use crate::serve::Incompressible;

/// The body of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OAuthError {
    /// One of the words of RFC 6749 and of accounts-api 1.2.
    error: &'static str,
    /// What exactly, for people.
    error_description: String,
}

/// A failure of an `/idp` form endpoint on its way out.
#[derive(Debug)]
pub(super) enum Refused {
    /// As the use case says.
    By(Refusal),
    /// 400: a grant that is not offered.
    UnsupportedGrant,
    /// 400: a hint at a kind of token that there is not.
    UnsupportedTokenType,
    /// 413: a body over the limit.
    TooLarge,
    /// 401: the caller of an endpoint that takes bearer tokens has no good one.
    NoBearer,
    /// 403: the caller's token does not do.
    NotAllowed,
}

impl<E: Into<Refusal>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::By(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, error) = match &self {
            Self::By(Refusal::Malformed(_)) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::By(Refusal::BadGrant(_)) => (StatusCode::BAD_REQUEST, "invalid_grant"),
            Self::By(Refusal::BadClient) => (StatusCode::UNAUTHORIZED, "invalid_client"),
            Self::By(Refusal::BadUser) => (StatusCode::UNAUTHORIZED, "access_denied"),
            Self::By(Refusal::TotpSetupRequired) => (StatusCode::BAD_REQUEST, "totp_setup_required"),
            Self::By(Refusal::TotpRequired) => (StatusCode::BAD_REQUEST, "totp_required"),
            Self::By(Refusal::InvalidTotp) => (StatusCode::BAD_REQUEST, "invalid_totp"),
            Self::By(Refusal::UnknownClient) => (StatusCode::BAD_REQUEST, "unauthorized_client"),
            Self::By(Refusal::Pending) => (StatusCode::BAD_REQUEST, "authorization_pending"),
            Self::By(Refusal::SlowDown) => (StatusCode::BAD_REQUEST, "slow_down"),
            Self::By(Refusal::Expired) => (StatusCode::BAD_REQUEST, "expired_token"),
            Self::By(Refusal::Denied) => (StatusCode::BAD_REQUEST, "access_denied"),
            Self::By(Refusal::ScopeNotAllowed | Refusal::Failed(Error::Forbidden)) | Self::NotAllowed => {
                (StatusCode::FORBIDDEN, "access_denied")
            }
            Self::By(Refusal::Failed(Error::Throttled { .. })) => {
                (StatusCode::TOO_MANY_REQUESTS, "access_denied")
            }
            Self::By(Refusal::Failed(Error::TooOften { .. })) => {
                (StatusCode::TOO_MANY_REQUESTS, "temporarily_unavailable")
            }
            Self::By(Refusal::Failed(_)) => return self.fault(),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "invalid_request"),
            Self::UnsupportedGrant => (StatusCode::BAD_REQUEST, "unsupported_grant_type"),
            Self::UnsupportedTokenType => (StatusCode::BAD_REQUEST, "unsupported_token_type"),
            Self::NoBearer => (StatusCode::UNAUTHORIZED, "invalid_token"),
        };
        let body = OAuthError { error, error_description: self.describe() };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            let scheme = if matches!(self, Self::NoBearer) { "Bearer" } else { "Basic" };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
        }
        if let Self::By(Refusal::Failed(
            Error::Throttled { retry_after_seconds } | Error::TooOften { retry_after_seconds },
        )) = &self
        {
            headers.insert(header::RETRY_AFTER, HeaderValue::from((*retry_after_seconds).max(1)));
        }
        uncached(response)
    }
}

impl Refused {
    fn describe(&self) -> String {
        match self {
            Self::By(refusal) => refusal.to_string(),
            Self::UnsupportedGrant => "this grant is not offered".to_owned(),
            Self::UnsupportedTokenType => "token_type_hint: access_token or refresh_token".to_owned(),
            Self::TooLarge => crate::problem::TOO_LARGE.to_owned(),
            Self::NoBearer => "a bearer token is needed".to_owned(),
            Self::NotAllowed => "access denied".to_owned(),
        }
    }

    /// A fault has the same shape everywhere.
    fn fault(self) -> Response {
        match self {
            Self::By(Refusal::Failed(error)) => Problem::from(error).into_response(),
            other => Problem::from(Error::internal(other.describe())).into_response(),
        }
    }
}

/// A caller with a bearer token, of a call whose refusals are flat.
pub(super) struct Bearer {
    /// Who.
    pub(super) caller: Caller,
    /// The other end of the connection.
    pub(super) from: Option<IpAddr>,
}

impl FromRequestParts<App> for Bearer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let identified = crate::caller::identify::<crate::caller::AnyToken>(parts, app).await;
        let caller = identified.map_err(|problem| match problem {
            Problem::App(Error::Unauthenticated { .. }) => Refused::NoBearer.into_response(),
            Problem::App(error @ Error::Invalid { .. }) => {
                Refused::By(Refusal::malformed(error.to_string())).into_response()
            }
            other => other.into_response(),
        })?;
        app.admit(caller.actor).map_err(|error| Refused::By(error.into()).into_response())?;
        Ok(Self { caller, from: peer(parts) })
    }
}

impl Bearer {
    /// Fails where the caller may do this nowhere.
    pub(super) fn require(&self, permission: Permission) -> Result<(), Refused> {
        if self.caller.has(permission) { Ok(()) } else { Err(Refused::NotAllowed) }
    }
}

/// Says that nobody may keep the answer (RFC 6749, 5.1), and leaves it as it is: how small a secret gets beside what a
/// stranger sent would tell of it (BREACH).
pub(super) fn uncached(mut response: Response) -> Response {
    response.extensions_mut().insert(Incompressible);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
