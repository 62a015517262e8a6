//! API clients (accounts-api, 1.5).

use domain::access::{Actor, Client, ClientAuthMethod, ClientStatus, ClientType, Grant, Permission, Role};
use domain::ids::{ClientId, TenantId, TenantNo};
use domain::{oauth, text};
use serde_json::{Map, Value, json};
use store::clients::{Filter, Hashes};
use store::{Conn, Write};

use crate::auth::fingerprint;
use crate::{App, Caller, Error, Result};

/// A client just made, with what is shown only now.
#[derive(Debug, Clone)]
pub struct Made {
    /// The client.
    pub client: Client,
    /// Its secret: 128 random bits as 32 hex digits, of which the database keeps a hash.
    pub secret: String,
    /// Its registration access token, alike.
    pub registration_token: String,
}

/// What a new client is given.
#[derive(Debug, Clone)]
pub struct NewClient {
    /// What it is.
    pub client_type: ClientType,
    /// Where it reaches from.
    pub tenant_id: TenantId,
    /// How it says it will prove itself.
    pub auth_method: ClientAuthMethod,
    /// Free object.
    pub data: Map<String, Value>,
    /// Where authorisation codes may be sent.
    pub redirect_uris: Vec<String>,
    /// Where it came from.
    pub origin_id: Option<String>,
}

/// What may change; absent members stay.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// Free object, replaced as a whole.
    pub data: Option<Map<String, Value>>,
    /// Whether it gets tokens.
    pub status: Option<ClientStatus>,
    /// Replaced as a whole.
    pub redirect_uris: Option<Vec<String>>,
    /// Where it came from.
    pub origin_id: Option<String>,
}

/// Makes a client with the roles that its creator holds on its tenant; it keeps them whatever becomes of the creator.
pub async fn create(app: &App, caller: &Caller, new: NewClient) -> Result<Made> {
    check(Some(&new.data), Some(&new.redirect_uris), new.origin_id.as_deref())?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow_inside(&mut tx, caller, Permission::TenantAdmin, new.tenant_id).await?;
    let tenant = granted.tenant().no;
    let roles = roles_on(&mut tx, &caller.grants, tenant).await?;
    let made = insert(app, &mut tx, tenant, roles, new).await?;
    tx.commit().await?;
    Ok(made)
}

/// Makes a client that has no creator to copy a role from: the first one of an installation.
pub async fn create_first(
    app: &App,
    tx: &mut Write,
    tenant: TenantNo,
    tenant_id: TenantId,
    role: Role,
) -> Result<Made> {
    let name = json!("First client");
    let new = NewClient {
        client_type: ClientType::ApiClient,
        tenant_id,
        auth_method: ClientAuthMethod::Basic,
        data: std::iter::once(("client_name".to_owned(), name)).collect(),
        redirect_uris: Vec::new(),
        origin_id: None,
    };
    insert(app, tx, tenant, vec![role], new).await
}

async fn insert(
    app: &App,
    tx: &mut Write,
    tenant: TenantNo,
    roles: Vec<Role>,
    new: NewClient,
) -> Result<Made> {
    let (secret, registration_token) = (app.ids.secret()?, app.ids.secret()?);
    let client = Client {
        id: ClientId(app.ids.other()?),
        tenant,
        tenant_id: new.tenant_id,
        client_type: new.client_type,
        auth_method: new.auth_method,
        data: Value::Object(new.data).to_string(),
        redirect_uris: new.redirect_uris,
        origin_id: new.origin_id,
        status: ClientStatus::Enabled,
        roles,
        created_at: tx.now(),
        created_by: tx.actor().id(),
        deleted_at: None,
        last_access_at: None,
        last_access_from_ip: None,
    };
    let hashes = Hashes { secret: fingerprint(&secret), registration: fingerprint(&registration_token) };
    store::clients::insert(tx, &client, &hashes).await?;
    Ok(Made { client, secret, registration_token })
}

/// The roles of those grants that reach a tenant, each once.
async fn roles_on(conn: &mut Conn, grants: &[Grant], tenant: TenantNo) -> Result<Vec<Role>> {
    let mut roles = Vec::new();
    for grant in grants {
        let reach = store::tenants::reach(conn, grant.tenant, tenant).await?;
        if reach.is_some_and(|reach| reach.walls == 0) && !roles.contains(&grant.role) {
            roles.push(grant.role);
        }
    }
    Ok(roles)
}

/// A client, for those who may see its tenant and for itself.
pub async fn get(app: &App, caller: &Caller, id: ClientId) -> Result<Client> {
    let mut conn = app.read().await?;
    if caller.actor == Actor::Client(id) {
        return load(&mut conn, id).await;
    }
    caller.require(Permission::TenantViewer)?;
    allowed(app, &mut conn, caller, Permission::TenantViewer, id).await
}

/// The clients that a filter names, below the caller's grants; without one those of the caller's own tenant, or of the
/// tenant that its token is narrowed to.
pub async fn list(
    app: &App,
    caller: &Caller,
    ids: Option<Vec<ClientId>>,
    origin_id: Option<String>,
    deleted_too: bool,
) -> Result<Vec<Client>> {
    let mut conn = app.read().await?;
    let filter = Filter { ids, origin_id, deleted_too };
    if filter.ids.is_none() && filter.origin_id.is_none() {
        let tenant = caller.narrowed_to.unwrap_or(caller.tenant_id);
        let granted = app.allow_inside(&mut conn, caller, Permission::TenantViewer, tenant).await?;
        return Ok(store::clients::of_tenant(&mut conn, granted.tenant().no, filter.deleted_too).await?);
    }
    let viewing = caller.grants.iter().filter(|grant| grant.role.permits(Permission::TenantViewer));
    let roots: Vec<TenantNo> = viewing.map(|grant| grant.tenant).collect();
    Ok(store::clients::below(&mut conn, &roots, &filter).await?)
}

/// The clients of one tenant.
pub async fn list_of_tenant(app: &App, caller: &Caller, tenant: TenantId) -> Result<Vec<Client>> {
    let mut conn = app.read().await?;
    let granted = app.allow_inside(&mut conn, caller, Permission::TenantViewer, tenant).await?;
    Ok(store::clients::of_tenant(&mut conn, granted.tenant().no, false).await?)
}

/// Changes a client. Disabled, it gets no tokens, and those in use are refused.
pub async fn update(app: &App, caller: &Caller, id: ClientId, changes: Changes) -> Result<Client> {
    check(changes.data.as_ref(), changes.redirect_uris.as_deref(), changes.origin_id.as_deref())?;
    let mut tx = app.write(caller).await?;
    let old = allowed(app, &mut tx, caller, Permission::TenantAdmin, id).await?;
    let mut new = old.clone();
    if let Some(data) = changes.data {
        new.data = Value::Object(data).to_string();
    }
    new.status = changes.status.unwrap_or(new.status);
    new.redirect_uris = changes.redirect_uris.unwrap_or(new.redirect_uris);
    new.origin_id = changes.origin_id.or(new.origin_id);
    store::clients::update(&mut tx, &old, &new).await?;
    tx.commit().await?;
    Ok(new)
}

/// Deletes a client; its tokens are refused from now on.
pub async fn delete(app: &App, caller: &Caller, id: ClientId) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let old = allowed(app, &mut tx, caller, Permission::TenantAdmin, id).await?;
    let new = Client { deleted_at: Some(tx.now()), ..old.clone() };
    store::clients::update(&mut tx, &old, &new).await?;
    tx.commit().await?;
    Ok(())
}

async fn load(conn: &mut Conn, id: ClientId) -> Result<Client> {
    store::clients::by_id(conn, id).await?.ok_or(Error::NotFound { what: "client" })
}

async fn allowed(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    permission: Permission,
    id: ClientId,
) -> Result<Client> {
    let client = load(conn, id).await?;
    app.allow_inside(conn, caller, permission, client.tenant_id).await?;
    Ok(client)
}

/// No control characters where a text is shown or logged (wire-conventions, section 3), and no address that a code could
/// be lost at.
fn check(
    data: Option<&Map<String, Value>>,
    redirect_uris: Option<&[String]>,
    origin_id: Option<&str>,
) -> Result<()> {
    if let Some(name) = data.and_then(|data| data.get("client_name")).filter(|name| !name.is_null()) {
        let name = name.as_str().ok_or_else(|| Error::invalid("data.client_name", "must be a string"))?;
        text::check_text(name).map_err(|why| Error::invalid("data.client_name", why.to_string()))?;
    }
    for (at, uri) in redirect_uris.unwrap_or_default().iter().enumerate() {
        oauth::check_redirect_uri(uri)
            .map_err(|why| Error::invalid(format!("redirect_uris[{at}]"), why.to_string()))?;
    }
    if let Some(origin) = origin_id {
        text::check_text(origin).map_err(|why| Error::invalid("origin_id", why.to_string()))?;
    }
    Ok(())
}
