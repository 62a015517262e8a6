//! API clients (accounts-api, 1.5).

use app::App;
use app::clients::{Changes, Made, NewClient};
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::{Client, ClientAuthMethod, ClientStatus, ClientType};
use domain::ids::{ClientId, TenantId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::caller::{Anyone, Can, TenantAdmin, TenantViewer};
use crate::json::{Body, Json};
use crate::params::{Params, PathId};
use crate::problem::{Envelope, Problem};
use crate::schema;
use crate::wire::{Items, Zulu, object_option};

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, update, delete))
        .routes(routes!(of_tenant))
}

/// An API client.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClientBody {
    #[schema(value_type = Uuid)]
    client_id: ClientId,
    #[schema(value_type = Uuid)]
    tenant_id: TenantId,
    /// Always 0: never.
    client_secret_expires_at: i64,
    #[serde(rename = "type")]
    #[schema(value_type = schema::ClientType)]
    client_type: ClientType,
    /// Free object.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    #[schema(value_type = schema::ClientAuthMethod)]
    token_endpoint_auth_method: ClientAuthMethod,
    created_at: Zulu,
    created_by: Uuid,
    #[schema(value_type = schema::ClientStatus)]
    status: ClientStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_id: Option<String>,
}

impl TryFrom<Client> for ClientBody {
    type Error = Problem;

    fn try_from(client: Client) -> Result<Self, Problem> {
        Ok(Self {
            client_id: client.id,
            tenant_id: client.tenant_id,
            client_secret_expires_at: 0,
            client_type: client.client_type,
            data: RawValue::from_string(client.data).map_err(app::Error::internal)?,
            token_endpoint_auth_method: client.auth_method,
            created_at: client.created_at.into(),
            created_by: client.created_by,
            status: client.status,
            redirect_uris: client.redirect_uris,
            origin_id: client.origin_id,
        })
    }
}

/// A client with the last token it got.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct KnownClient {
    #[serde(flatten)]
    client: ClientBody,
    last_access_at: Option<Zulu>,
    last_access_from_ip: Option<String>,
}

impl TryFrom<Client> for KnownClient {
    type Error = Problem;

    fn try_from(client: Client) -> Result<Self, Problem> {
        Ok(Self {
            last_access_at: client.last_access_at.map(Zulu),
            last_access_from_ip: client.last_access_from_ip.clone(),
            client: client.try_into()?,
        })
    }
}

/// A client just made, with the secrets that are shown only now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewClientAnswer {
    #[serde(flatten)]
    client: ClientBody,
    /// 32 hex digits; none of a public client, which has no secret to prove itself with.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// 32 hex digits.
    registration_access_token: String,
}

/// What a new client is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClientBody {
    #[serde(rename = "type")]
    #[schema(value_type = schema::ClientType)]
    client_type: ClientType,
    #[schema(value_type = Uuid)]
    tenant_id: TenantId,
    #[schema(value_type = schema::ClientAuthMethod)]
    token_endpoint_auth_method: ClientAuthMethod,
    /// Free object, usually with `client_name`.
    #[serde(default, deserialize_with = "object_option")]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    redirect_uris: Option<Vec<String>>,
    origin_id: Option<String>,
}

impl Body for NewClientBody {}

impl From<NewClientBody> for NewClient {
    fn from(body: NewClientBody) -> Self {
        Self {
            client_type: body.client_type,
            tenant_id: body.tenant_id,
            auth_method: body.token_endpoint_auth_method,
            data: body.data.unwrap_or_default(),
            redirect_uris: body.redirect_uris.unwrap_or_default(),
            origin_id: body.origin_id,
        }
    }
}

/// What may change of a client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientChangesBody {
    #[serde(default, deserialize_with = "object_option")]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    #[schema(value_type = Option<schema::ClientStatus>)]
    status: Option<ClientStatus>,
    redirect_uris: Option<Vec<String>>,
    origin_id: Option<String>,
}

impl Body for ClientChangesBody {
    const READ_ONLY: &'static [&'static str] = &[
        "client_id",
        "tenant_id",
        "client_secret_expires_at",
        "type",
        "token_endpoint_auth_method",
        "created_at",
        "created_by",
        "last_access_at",
        "last_access_from_ip",
    ];
    const MAY_BE_MISSING: bool = true;
}

/// Makes a client; its secret is shown only here.
#[utoipa::path(post, path = "/clients", tag = "clients", request_body = NewClientBody,
    responses((status = 201, description = "The new client, with the secrets that are shown only here",
            body = NewClientAnswer),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope)))]
async fn create(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    Json(body): Json<NewClientBody>,
) -> Result<(StatusCode, Json<NewClientAnswer>), Problem> {
    let Made { client, secret, registration_token } =
        app::clients::create(&app, &caller.0, body.into()).await?;
    let is_public = client.auth_method == ClientAuthMethod::None;
    let answer = NewClientAnswer {
        client: client.try_into()?,
        client_secret: (!is_public).then_some(secret),
        registration_access_token: registration_token,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The clients that the filters name together; without one those of the caller's tenant.
#[utoipa::path(get, path = "/clients", tag = "clients",
    params(("uuids" = Option<String>, Query, pattern = r"^([0-9A-Fa-f-]{36}(,[0-9A-Fa-f-]{36})*)?$",
        description = "Up to 100 client ids, comma separated"),
        ("origin_id" = Option<String>, Query), ("allow_deleted" = Option<bool>, Query)),
    responses((status = 200, description = "The clients", body = Items<KnownClient>),
        (status = 400, body = Envelope), (status = 401, body = Envelope), (status = 403, body = Envelope)))]
async fn list(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    query: Params,
) -> Result<Json<Items<KnownClient>>, Problem> {
    let found = app::clients::list(
        &app,
        &caller.0,
        query.few("uuids")?.filter(|ids| !ids.is_empty()),
        query.parsed("origin_id")?,
        query.flag("allow_deleted")?.unwrap_or(false),
    )
    .await?;
    let items = found.into_iter().map(KnownClient::try_from).collect::<Result<_, _>>()?;
    Ok(Json(Items { items }))
}

/// One client; a client may always look at itself.
#[utoipa::path(get, path = "/clients/{client_id}", tag = "clients", params(("client_id" = Uuid, Path)),
    responses((status = 200, description = "The client", body = KnownClient),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope)))]
async fn get(
    caller: Can<Anyone>,
    State(app): State<App>,
    PathId(id): PathId<ClientId>,
) -> Result<Json<KnownClient>, Problem> {
    Ok(Json(app::clients::get(&app, &caller.0, id).await?.try_into()?))
}

/// Changes a client.
#[utoipa::path(put, path = "/clients/{client_id}", tag = "clients", params(("client_id" = Uuid, Path)),
    request_body = Option<ClientChangesBody>,
    responses((status = 200, description = "The client after the change", body = KnownClient),
        (status = 400, body = Envelope), (status = 401, body = Envelope),
        (status = 403, body = Envelope), (status = 404, body = Envelope), (status = 415, body = Envelope)))]
async fn update(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<ClientId>,
    Json(body): Json<ClientChangesBody>,
) -> Result<Json<KnownClient>, Problem> {
    let ClientChangesBody { data, status, redirect_uris, origin_id } = body;
    let changes = Changes { data, status, redirect_uris, origin_id };
    Ok(Json(app::clients::update(&app, &caller.0, id, changes).await?.try_into()?))
}

/// Deletes a client.
#[utoipa::path(delete, path = "/clients/{client_id}", tag = "clients", params(("client_id" = Uuid, Path)),
    responses((status = 204, description = "Deleted"),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope)))]
async fn delete(
    caller: Can<TenantAdmin>,
    State(app): State<App>,
    PathId(id): PathId<ClientId>,
) -> Result<StatusCode, Problem> {
    app::clients::delete(&app, &caller.0, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The ids of a tenant's clients.
#[utoipa::path(get, path = "/tenants/{tenant_id}/clients", tag = "clients", params(("tenant_id" = Uuid, Path)),
    responses((status = 200, description = "Ids of clients", body = Items<String>),
        (status = 401, body = Envelope), (status = 403, body = Envelope), (status = 404, body = Envelope)))]
async fn of_tenant(
    caller: Can<TenantViewer>,
    State(app): State<App>,
    PathId(tenant): PathId<TenantId>,
) -> Result<Json<Items<String>>, Problem> {
    let clients = app::clients::list_of_tenant(&app, &caller.0, tenant).await?;
    Ok(Json(Items { items: clients.into_iter().map(|client| client.id.to_string()).collect() }))
}
