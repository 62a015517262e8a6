//! The first setup of a data directory: the top tenant and what it needs.

use domain::access::{Actor, Role};
use domain::ids::{ClientId, ContactId, TenantId, UserId};
use domain::tenant::TenantKind;
use store::Conn;
use store::tenants::NewTenant;

use crate::auth::keys::SigningKey;
use crate::ids::Noun;
use crate::{App, Error, Result, auth, clients, offering_items, users};

/// What the first setup made.
#[derive(Debug, Clone)]
pub struct FirstSetup {
    /// The top tenant.
    pub tenant_id: TenantId,
    /// An API client of the top tenant, with its root_admin's rights.
    pub client_id: ClientId,
    /// That client's secret, which is shown once.
    pub client_secret: String,
    /// The administrator of the top tenant.
    pub user_id: UserId,
    /// Its login.
    pub login: &'static str,
    /// Its password, which is shown once.
    pub password: String,
}

/// Makes the top tenant (kind root, its own parent) with its first storages and every catalogue item on, the keys that
/// sign tokens, the first administrator and the first API client.
pub async fn init(app: &App, name: &str, email: &str) -> Result<FirstSetup> {
    let (active, next) = (SigningKey::generate().await?, SigningKey::generate().await?);
    init_with_keys(app, name, email, &active, &next).await
}

/// As [`init`], with keys that are there already: the one that signs and the one that will next.
pub async fn init_with_keys(
    app: &App,
    name: &str,
    email: &str,
    active: &SigningKey,
    next: &SigningKey,
) -> Result<FirstSetup> {
    let password = app.ids.secret()?;
    let password_hash = auth::passwords::hash(app, &password).await?;
    let mut tx = app.write_as(Actor::System).await?;
    store::catalogue::insert_missing_items(&mut tx, app.catalogue()).await?;
    let today = tx.now().day();
    store::history::begin(&mut tx, today).await?;
    let tenant_id = TenantId(app.ids.fresh(Noun::Tenant)?);
    let contact = ContactId(app.ids.other()?);
    let top = NewTenant::plain(tenant_id, contact, None, name.to_owned(), TenantKind::Root);
    let top = store::tenants::insert(&mut tx, &top).await?;
    let tenant = store::tenants::by_no(&mut tx, top).await?.ok_or(Error::NotFound { what: "tenant" })?;
    let user_id = users::create_first(app, &mut tx, &tenant, email, &password_hash).await?;
    offering_items::first_setup(&mut tx, app, top).await?;
    auth::keys::insert_first(app, &mut tx, active, next).await?;
    let client = clients::create_first(app, &mut tx, top, tenant_id, Role::RootAdmin).await?;
    tx.commit().await?;
    Ok(FirstSetup {
        tenant_id,
        client_id: client.client.id,
        client_secret: client.secret,
        user_id,
        login: users::FIRST_LOGIN,
        password,
    })
}

/// Whether the first setup was done.
pub async fn is_done(conn: &mut Conn) -> Result<bool> {
    Ok(store::history::days(conn).await?.is_some())
}

/// What every start does before the first request: numbers for items that are new in this version's catalogue, and an
/// end to what the process before had begun, where no other can be at work.
pub async fn start(app: &App) -> Result<()> {
    let mut tx = app.write_as(Actor::System).await?;
    store::catalogue::insert_missing_items(&mut tx, app.catalogue()).await?;
    let clock = tx.now().day();
    store::history::begin_no_later_than(&mut tx, clock).await?;
    let today = tx.today().await?;
    if clock < today {
        tracing::warn!(%clock, open_day = %today, "the clock shows a day that is closed: readings and changes go to the open day");
    }
    let held = store::restores::count_held(&mut tx).await?;
    if held > 0 {
        tracing::warn!(
            held,
            "mails are held since a backup was restored, as they may have left before: see tidemark held-mails"
        );
    }
    tx.commit().await?;
    // Leases of other nodes run on; those of a node that died run out.
    if app.db.is_shared() { Ok(()) } else { crate::jobs::release_leases(app).await }
}
