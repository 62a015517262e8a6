//! Where the endpoints are, and which keys sign (accounts-api, 1.1). Built from the configured address alone.

use app::App;
use app::auth::keys::PublicKey;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::token::GRANTS;
use crate::json::Json;
use crate::problem::Problem;

/// How clients prove themselves where tokens are given and revoked.
const AUTH_METHODS: &[&str] = &["client_secret_basic", "client_secret_post", "none"];

/// OpenID Connect Discovery 1.0, section 3; RFC 8414.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Configuration {
    /// Who signs the tokens.
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    device_authorization_endpoint: String,
    response_types_supported: &'static [&'static str],
    response_modes_supported: &'static [&'static str],
    grant_types_supported: &'static [&'static str],
    code_challenge_methods_supported: &'static [&'static str],
    subject_types_supported: &'static [&'static str],
    id_token_signing_alg_values_supported: &'static [&'static str],
    scopes_supported: &'static [&'static str],
    token_endpoint_auth_methods_supported: &'static [&'static str],
    revocation_endpoint_auth_methods_supported: &'static [&'static str],
}

impl Configuration {
    fn of(app: &App) -> Self {
        let issuer = &app.settings.public_url;
        let at = |name: &str| format!("{issuer}/api/2/idp/{name}");
        Self {
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            jwks_uri: at("keys"),
            revocation_endpoint: at("revoke_token"),
            introspection_endpoint: at("introspect_token"),
            device_authorization_endpoint: at("device_authorization"),
            issuer: issuer.clone(),
            response_types_supported: &["code"],
            response_modes_supported: &["query"],
            grant_types_supported: GRANTS,
            code_challenge_methods_supported: &["S256"],
            subject_types_supported: &["public"],
            id_token_signing_alg_values_supported: &["RS256"],
            scopes_supported: &["openid", "offline_access"],
            token_endpoint_auth_methods_supported: AUTH_METHODS,
            revocation_endpoint_auth_methods_supported: AUTH_METHODS,
        }
    }
}

/// Where the endpoints are.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "idp", security(()),
    responses((status = 200, description = "Where the endpoints are and what they can do",
            body = Configuration)))]
pub(super) async fn configuration(State(app): State<App>) -> Json<Configuration> {
    Json(Configuration::of(&app))
}

/// The same, where OAuth 2 clients look for it (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "idp", security(()),
    responses((status = 200, description = "Where the endpoints are and what they can do",
            body = Configuration)))]
pub(super) async fn metadata(State(app): State<App>) -> Json<Configuration> {
    Json(Configuration::of(&app))
}

/// A set of keys (RFC 7517, 5).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KeySet {
    /// The key that signs, the next one, and those whose tokens may still be in use.
    keys: Vec<Jwk>,
}

/// A public key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Jwk {
    kty: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    /// 40 hex digits.
    kid: String,
    alg: &'static str,
    n: String,
    e: String,
}

impl From<PublicKey> for Jwk {
    fn from(key: PublicKey) -> Self {
        Self { kty: "RSA", purpose: "sig", kid: key.kid, alg: "RS256", n: key.modulus, e: key.exponent }
    }
}

/// The keys that sign tokens.
#[utoipa::path(get, path = "/idp/keys", tag = "idp", security(()),
    responses((status = 200, description = "The keys", body = KeySet)))]
pub(super) async fn keys(State(app): State<App>) -> Result<Json<KeySet>, Problem> {
    let keys = app::auth::keys::published(&app).await?;
    Ok(Json(KeySet { keys: keys.into_iter().map(Jwk::from).collect() }))
}
