//! How users set up their own second factor: Tidemark's own calls, as the compatible API has none.

use app::mfa::{self, Enrolment};
use app::{App, Error};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::caller::{Can, Enroller};
use crate::json::{Body, Json};
use crate::params::Params;
use crate::problem::{Envelope, Problem};

/// The routes behind `/api/tidemark/1`.
pub fn own_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(begin, confirm, remove))
}

/// A second factor that is being set up; shown this once.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    "otpauth_uri": "otpauth://totp/tide.example.com:jdoe?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
&issuer=tide.example.com&algorithm=SHA1&digits=6&period=30"}))]
pub struct TotpEnrolment {
    /// The secret in base32, to be typed into an authenticator app.
    secret: String,
    /// The same as an address that authenticator apps read, mostly from a QR code.
    otpauth_uri: String,
}

impl From<Enrolment> for TotpEnrolment {
    fn from(enrolment: Enrolment) -> Self {
        Self { secret: enrolment.secret, otpauth_uri: enrolment.otpauth_uri }
    }
}

/// A code that the authenticator app shows.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"code": "287082"}))]
pub struct TotpCode {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$")]
    code: String,
}

impl Body for TotpCode {}

/// The code, if it has the form of one.
fn checked(code: &str) -> Result<&str, Error> {
    let is_code = code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit());
    if is_code { Ok(code) } else { Err(Error::invalid("code", "must be six digits")) }
}

/// Begins the set-up of the caller's second factor. Users who must have one come by login and password (Basic).
#[utoipa::path(post, path = "/users/me/totp", tag = "users", responses(
    (status = 201, description = "The secret", body = TotpEnrolment),
    (status = 400, description = "1027 there is one already", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 clients, and users with a narrowed token", body = Envelope),
    (status = 429, description = "Too many wrong passwords", body = Envelope),
))]
async fn begin(caller: Can<Enroller>, State(app): State<App>) -> Result<Response, Problem> {
    let enrolment: TotpEnrolment = mfa::enrol(&app, &caller.0).await?.into();
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(enrolment)).into_response())
}

/// Ends the set-up with a code: from now on every sign-in needs one, and what was issued before is revoked.
#[utoipa::path(put, path = "/users/me/totp", tag = "users", request_body = TotpCode, responses(
    (status = 204, description = "The second factor counts"),
    (status = 400, description = "Malformed; a wrong code; 1027 confirmed already", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 clients, and users with a narrowed token", body = Envelope),
    (status = 404, description = "No set-up was begun", body = Envelope),
    (status = 415, description = "Not JSON", body = Envelope),
    (status = 429, description = "Too many wrong codes or passwords", body = Envelope),
))]
async fn confirm(
    caller: Can<Enroller>,
    State(app): State<App>,
    Json(body): Json<TotpCode>,
) -> Result<StatusCode, Problem> {
    mfa::confirm(&app, &caller.0, checked(&body.code)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes the caller's second factor.
#[utoipa::path(delete, path = "/users/me/totp", tag = "users", params(
    ("code" = Option<String>, Query, pattern = r"^[0-9]{6}$",
        description = "Six digits; not needed while the set-up is not confirmed",
        example = "287082"),
), responses(
    (status = 204, description = "Removed"),
    (status = 400, description = "A missing or wrong code", body = Envelope),
    (status = 401, description = "No valid credentials", body = Envelope),
    (status = 403, description = "1002 clients, and users with a narrowed token", body = Envelope),
    (status = 404, description = "There is none", body = Envelope),
    (status = 429, description = "Too many wrong codes or passwords", body = Envelope),
))]
async fn remove(
    caller: Can<Enroller>,
    State(app): State<App>,
    params: Params,
) -> Result<StatusCode, Problem> {
    params.only(&["code"])?;
    let code = params.get("code").map(checked).transpose()?;
    mfa::remove(&app, &caller.0, code).await?;
    Ok(StatusCode::NO_CONTENT)
}
