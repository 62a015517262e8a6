//! Revocation and introspection (accounts-api, 1.4).

use app::App;
use app::auth::{Introspected, ScopeItem};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::ids::{ClientId, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use uuid::Uuid;

use super::form::Form;
use super::refusal::{OAuthError, Refused, uncached};
use crate::json::Json;

/// The fields of a revocation.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub(super) struct RevocationForm {
    /// An access or refresh token.
    token: String,
    /// `access_token` or `refresh_token`.
    token_type_hint: Option<String>,
    /// Of a client that sends no Basic header.
    client_id: Option<String>,
    /// Of a client that sends no Basic header.
    client_secret: Option<String>,
}

/// Revokes a token with what was issued together with it and narrowed from it.
#[utoipa::path(post, path = "/idp/revoke_token", tag = "idp", security((), ("basic" = [])),
    request_body(content = RevocationForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Revoked, or unknown"),
        (status = 400, body = OAuthError), (status = 401, body = OAuthError),
        (status = 413, body = OAuthError)))]
pub(super) async fn revoke(State(app): State<App>, mut form: Form) -> Result<Response, Refused> {
    let token = form.require("token")?;
    if !matches!(form.get("token_type_hint"), None | Some("access_token" | "refresh_token")) {
        return Err(Refused::UnsupportedTokenType);
    }
    app::auth::revoke(&app, &token, form.client()?.as_ref()).await?;
    Ok(uncached(StatusCode::OK.into_response()))
}

/// The field of an introspection.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the form, which is read field by field")]
pub(super) struct IntrospectionForm {
    /// An access token.
    token: String,
}

/// What a token is good for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Introspection {
    /// It is good.
    Good(Box<Facts>),
    /// It is not, and nothing else is said.
    Bad(NoFacts),
}

/// What is said of a token that is not good.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NoFacts {
    #[schema(schema_with = only::<false>)]
    active: bool,
}

/// What a good token says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Facts {
    #[schema(schema_with = only::<true>)]
    active: bool,
    token_type: &'static str,
    exp: i64,
    aud: String,
    #[schema(value_type = Uuid)]
    jti: Uuid,
    iss: String,
    sub: Uuid,
    /// The type of the client, or `user`.
    sub_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    uid: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    client_id: Option<ClientId>,
    #[schema(value_type = Uuid)]
    owner_tuid: TenantId,
    /// The roles held now.
    #[schema(value_type = Vec<Object>)]
    scope: Vec<ScopeItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    narrowing: Option<Vec<Vec<String>>>,
}

/// A boolean that is always this.
fn only<const VALUE: bool>() -> Object {
    ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
}

impl From<Introspected> for Facts {
    fn from(Introspected { claims, client_type }: Introspected) -> Self {
        Self {
            active: true,
            token_type: "access_token",
            exp: claims.exp,
            aud: claims.aud,
            jti: claims.jti,
            iss: claims.iss,
            sub: claims.sub,
            sub_type: client_type.map_or("user", domain::access::ClientType::as_str),
            uid: claims.uid,
            client_id: claims.client_id,
            owner_tuid: claims.owner_tuid,
            scope: claims.scope,
            narrowing: claims.narrowing,
        }
    }
}

/// Says whether a token is good, and what for. Only clients of a top tenant may ask.
#[utoipa::path(post, path = "/idp/introspect_token", tag = "idp", security(("bearer" = [])),
    request_body(content = IntrospectionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "Whether the token is good, and what it says",
            body = Introspection),
        (status = 400, body = OAuthError),
        (status = 401, body = OAuthError), (status = 403, body = OAuthError),
        (status = 413, body = OAuthError), (status = 429, body = OAuthError)))]
pub(super) async fn introspect(State(app): State<App>, form: Form) -> Result<Response, Refused> {
    let bearer = form.bearer.as_deref().or(form.in_query("access_token")).ok_or(Refused::NoBearer)?;
    let caller = app::auth::bearer(&app, bearer).await.map_err(refused)?;
    app.admit(caller.actor)?;
    if !caller.introspects {
        return Err(Refused::NotAllowed);
    }
    let token = form.require("token")?;
    let introspected = app::auth::introspect(&app, &caller, &token).await.map_err(refused)?;
    let answer = introspected.map_or(Introspection::Bad(NoFacts { active: false }), |introspected| {
        Introspection::Good(Box::new(introspected.into()))
    });
    Ok(uncached(Json(answer).into_response()))
}

fn refused(error: app::Error) -> Refused {
    match error {
        app::Error::Unauthenticated { .. } => Refused::NoBearer,
        app::Error::Forbidden => Refused::NotAllowed,
        other => other.into(),
    }
}
