//! Brands: how a tenant and those below it look (accounts-api, tier 3).
//!
//! Partners, folders and the top tenant can have one. A brand counts as part of its tenant: the tenant's version guards it
//! and goes up with it.

use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use domain::access::Permission;
use domain::brand::{Look, Members, check_png, is_inner};
use domain::ids::TenantId;
use domain::tenant::{Tenant, TenantKind};
use store::brands::{Stored, Version};
use store::{Conn, Write};
use tokio::time::timeout;

use crate::ids::hex;
use crate::tenants::{Details, check_version, load};
use crate::{App, Caller, Error, Result, Rule, mail};

const MISSING: Error = Error::NotFound { what: "brand" };
/// How long a name may take to resolve when it is set.
const RESOLVING: Duration = Duration::from_secs(5);

/// The members of a brand that a body carries; the others stay as they are, and empty texts clear.
#[derive(Debug, Clone, Default)]
pub struct BrandChange {
    /// The published members.
    pub members: Members,
    /// The password of its mail server, which no answer shows.
    pub smtp_password: Option<String>,
}

/// The tenant's own brand; with `effective` that of its parent, which may be an inherited one or the platform's.
pub async fn get(app: &App, caller: &Caller, id: TenantId, effective: bool) -> Result<Members> {
    let mut conn = app.read().await?;
    let brand = readable(app, &mut conn, caller, id, effective).await?;
    match brand {
        Some(brand) => Ok(brand.version.members),
        None if effective => Ok(Members::default()),
        None => Err(MISSING),
    }
}

/// The logo of the tenant's own brand, or of its parent's: a PNG file.
pub async fn logo(app: &App, caller: &Caller, id: TenantId, effective: bool) -> Result<Vec<u8>> {
    let mut conn = app.read().await?;
    let brand = readable(app, &mut conn, caller, id, effective).await?;
    let sha256 = brand.and_then(|brand| brand.version.logo_sha256);
    let logo = store::brands::logo(&mut conn, &sha256.ok_or(Error::NotFound { what: "logo" })?).await?;
    logo.ok_or_else(|| Error::internal("a brand without its logo"))
}

async fn readable(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    id: TenantId,
    effective: bool,
) -> Result<Option<Stored>> {
    let granted = app.allow(conn, caller, Permission::TenantViewer, id).await?;
    let tenant = granted.tenant();
    has_brands(tenant)?;
    Ok(if effective {
        store::brands::nearest(conn, tenant.parent).await?
    } else {
        store::brands::of_tenant(conn, tenant.no).await?
    })
}

/// Gives a tenant a brand; fails where it has one.
pub async fn create(
    app: &App,
    caller: &Caller,
    id: TenantId,
    version: i64,
    change: BrandChange,
) -> Result<Details> {
    check(app, &change).await?;
    let (mut tx, tenant) = writable(app, caller, id, version).await?;
    if store::brands::of_tenant(&mut tx, tenant.no).await?.is_some() {
        return Err(Error::InTheWay { why: "the tenant has a brand: PUT changes it" });
    }
    let uuid = app.ids.other()?;
    let new = changed(app, uuid, Version::default(), change)?;
    store::brands::insert(&mut tx, uuid, tenant.no, &new).await?;
    done(app, tx, &tenant).await
}

/// Changes the tenant's own brand.
pub async fn update(
    app: &App,
    caller: &Caller,
    id: TenantId,
    version: i64,
    change: BrandChange,
) -> Result<Details> {
    check(app, &change).await?;
    let (mut tx, tenant) = writable(app, caller, id, version).await?;
    let brand = store::brands::of_tenant(&mut tx, tenant.no).await?.ok_or(MISSING)?;
    let new = changed(app, brand.uuid, brand.version.clone(), change)?;
    store::brands::update(&mut tx, &brand, &new).await?;
    done(app, tx, &tenant).await
}

/// Gives the tenant's own brand a logo.
pub async fn set_logo(
    app: &App,
    caller: &Caller,
    id: TenantId,
    version: i64,
    png: Vec<u8>,
) -> Result<Details> {
    check_png(&png).map_err(|why| Error::invalid("logo", why.to_string()))?;
    let (mut tx, tenant) = writable(app, caller, id, version).await?;
    let brand = store::brands::of_tenant(&mut tx, tenant.no).await?.ok_or(MISSING)?;
    let sha256 = hex(digest::digest(&digest::SHA256, &png).as_ref());
    store::brands::insert_logo(&mut tx, &sha256, png).await?;
    let new = Version { logo_sha256: Some(sha256), ..brand.version.clone() };
    store::brands::update(&mut tx, &brand, &new).await?;
    done(app, tx, &tenant).await
}

/// Takes the tenant's own brand away: it shows that of its parent again.
pub async fn delete(app: &App, caller: &Caller, id: TenantId, version: i64) -> Result<()> {
    let (mut tx, tenant) = writable(app, caller, id, version).await?;
    let brand = store::brands::of_tenant(&mut tx, tenant.no).await?.ok_or(MISSING)?;
    store::brands::delete(&mut tx, &brand).await?;
    done(app, tx, &tenant).await.map(|_| ())
}

async fn writable(app: &App, caller: &Caller, id: TenantId, version: i64) -> Result<(Write, Tenant)> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::InfraAdmin, id).await?;
    granted.check_lock()?;
    let tenant = granted.tenant().clone();
    check_version(version, tenant.version)?;
    has_brands(&tenant)?;
    Ok((tx, tenant))
}

fn has_brands(tenant: &Tenant) -> Result<()> {
    if matches!(tenant.kind, TenantKind::Customer | TenantKind::Unit) {
        return Err(Error::rule(Rule::Business, format!("a {} has no brand of its own", tenant.kind)));
    }
    Ok(())
}

async fn done(app: &App, mut tx: Write, tenant: &Tenant) -> Result<Details> {
    store::tenants::touch(&mut tx, tenant.no).await?;
    let details = load(app, &mut tx, tenant.no).await?;
    tx.commit().await?;
    Ok(details)
}

fn changed(app: &App, uuid: uuid::Uuid, old: Version, change: BrandChange) -> Result<Version> {
    let sealed_smtp_password = match change.smtp_password {
        None => old.sealed_smtp_password,
        Some(password) if password.is_empty() => None,
        Some(password) => Some(app.sealing.seal(&seal_name(uuid), password.as_bytes())?),
    };
    let members = change.members.over(old.members);
    Ok(Version { members, sealed_smtp_password, logo_sha256: old.logo_sha256 })
}

/// Fails where a member's value is not allowed. Asks the network: belongs before the transaction.
async fn check(app: &App, change: &BrandChange) -> Result<()> {
    let members = &change.members;
    members.check().map_err(|bad| Error::invalid(bad.name, bad.why))?;
    if let Some(address) = members.smtp_reply_address.as_deref().filter(|address| !address.is_empty()) {
        mail::check_address(address).map_err(|why| Error::invalid("smtp_reply_address", why))?;
    }
    match members.smtp_server.as_deref().filter(|server| !server.is_empty()) {
        Some(server) => check_server(server, app.settings.mail.private_brand_servers).await,
        None => Ok(()),
    }
}

/// A name that does not resolve now is taken: whether it leads inside is asked at every connection.
async fn check_server(server: &str, private_too: bool) -> Result<()> {
    let refuse = |why: &str| Err(Error::rule(Rule::BadSmtp, format!("smtp_server: {why}")));
    let bare = server.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(server);
    let is_address = bare.parse::<IpAddr>().is_ok();
    let is_name = server.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    if !is_address && (!is_name || server.starts_with(['.', '-'])) {
        return refuse("must be the name or the address of a host, without a port");
    }
    if private_too {
        return Ok(());
    }
    let found = timeout(RESOLVING, tokio::net::lookup_host((bare, 25))).await;
    let mut addresses = found.ok().and_then(std::io::Result::ok).into_iter().flatten();
    if addresses.any(|address| is_inner(address.ip())) {
        return refuse("leads to a private or loopback address");
    }
    Ok(())
}

/// The password of a brand's mail server.
pub(crate) fn smtp_password(app: &App, uuid: uuid::Uuid, sealed: Option<&[u8]>) -> Result<Option<String>> {
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = app.sealing.open(&seal_name(uuid), sealed).map_err(Error::internal)?;
    String::from_utf8(opened).map(Some).map_err(Error::internal)
}

fn seal_name(uuid: uuid::Uuid) -> String {
    format!("brand/{uuid}/smtp")
}

/// What pages and mails show of a brand; the platform's own look where there is none.
pub(crate) async fn look(conn: &mut Conn, brand: Option<&Stored>) -> Result<Look> {
    let Some(brand) = brand else { return Ok(Look::default()) };
    let logo = match &brand.version.logo_sha256 {
        Some(sha256) => store::brands::logo(conn, sha256).await?,
        None => None,
    };
    let members = &brand.version.members;
    Ok(Look {
        name: members.sender().map(str::to_owned),
        color: members.shown_color(),
        logo: logo.map(Into::into),
    })
}
