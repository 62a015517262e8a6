//! The authorisation endpoint (RFC 6749, 4.1; accounts-api, tier 3).

use app::App;
use app::auth::pages::Notice;
use app::auth::{Authorization, AuthorizationRequest};
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::browser::Browser;
use super::login::{self, Form};
use super::refusal::{OAuthError, Refused, uncached};
use crate::params::Params;

/// The parameters that a login page brings back here; `prompt` is done with by then.
const KEPT: [&str; 9] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "id_token_hint",
    "code_challenge",
    "code_challenge_method",
    "nonce",
];

/// Sends the browser back to the client, with a code where its person is signed in; asks the person to sign in
/// otherwise.
#[utoipa::path(get, path = "/idp/authorize", tag = "idp", security(()),
    params(("client_id" = String, Query), ("redirect_uri" = String, Query, description = "One registered with the client."),
        ("response_type" = String, Query, description = "`code`."), ("scope" = Option<String>, Query),
        ("state" = Option<String>, Query, description = "Comes back as it is."),
        ("prompt" = Option<String>, Query, description = "`none`: show nothing; `login`: sign in anew."),
        ("id_token_hint" = Option<String>, Query, description = "Who is to be signed in."),
        ("login_hint" = Option<String>, Query, description = "The login to begin with."),
        ("code_challenge" = Option<String>, Query, description = "Required of a client without a secret."),
        ("code_challenge_method" = Option<String>, Query, description = "`S256`."),
        ("nonce" = Option<String>, Query, description = "Comes back in the id_token.")),
    responses((status = 200, description = "The page to sign in on", body = String, content_type = "text/html"),
        (status = 302, description = "Back to the client, with `code` or `error`, and `state`"),
        (status = 400, description = "Not known to be the client's wish, so nobody is sent anywhere",
            body = OAuthError)))]
pub(super) async fn authorize(
    State(app): State<App>,
    browser: Browser,
    params: Params,
) -> Result<Response, Refused> {
    let request = request(&params);
    let outcome = match app::auth::authorize(&app, &request, browser.session.as_deref()).await {
        Ok(outcome) => outcome,
        Err(refusal) => return Ok(browser.refuse(Notice::BadRequest, Refused::By(refusal))),
    };
    let answer = match outcome {
        Authorization::SignIn => {
            let login = params.get("login_hint").unwrap_or("");
            let form = Form { next: &again(&params), login, wrong: None };
            return Ok(login::page(&browser, StatusCode::OK, &form)?);
        }
        Authorization::Code(code) => vec![("code", code)],
        Authorization::Refused { error, description } => {
            vec![("error", error.to_owned()), ("error_description", description)]
        }
    };
    Ok(back(&request.redirect_uri.unwrap_or_default(), answer, params.get("state")))
}

fn request(params: &Params) -> AuthorizationRequest {
    let get = |name| params.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    AuthorizationRequest {
        client_id: get("client_id"),
        redirect_uri: get("redirect_uri"),
        response_type: get("response_type"),
        scope: get("scope"),
        prompt: get("prompt"),
        id_token_hint: get("id_token_hint"),
        code_challenge: get("code_challenge"),
        code_challenge_method: get("code_challenge_method"),
        nonce: get("nonce"),
    }
}

/// The address of the same request, for whoever has signed in.
fn again(params: &Params) -> String {
    let kept: Vec<_> = KEPT.iter().filter_map(|name| Some((*name, params.get(name)?))).collect();
    format!("/api/2/idp/authorize?{}", serde_urlencoded::to_string(kept).unwrap_or_default())
}

/// The way back to the client (RFC 6749, 4.1.2).
fn back(redirect_uri: &str, mut answer: Vec<(&str, String)>, state: Option<&str>) -> Response {
    answer.extend(state.map(|state| ("state", state.to_owned())));
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    let target = format!("{redirect_uri}{joint}{}", serde_urlencoded::to_string(answer).unwrap_or_default());
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(target) = HeaderValue::from_str(&target) {
        response.headers_mut().insert(header::LOCATION, target);
    }
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    uncached(response)
}
