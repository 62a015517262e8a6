//! Second factors: what administrators demand (accounts-api, tier 3), and how users set theirs up.

use domain::access::{Actor, Permission};
use domain::ids::{TenantId, UserId};
use domain::mfa::MfaStatus;
use domain::tenant::TenantKind;
use domain::user::User;
use store::mfa::TotpFactor;
use store::{Conn, Write};

use crate::access::{Deleted, Granted};
use crate::auth::{factor, totp};
use crate::users::{check_reach, find};
use crate::{App, Caller, Error, Result, Rule};

/// What a tenant demands of its own users, and how far they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantMfa {
    /// Whether a second factor is demanded.
    pub status: MfaStatus,
    /// Live users of the tenant itself.
    pub users: i64,
    /// Those of them who have set one up.
    pub users_with_totp: i64,
    /// Whether the caller may change the demand.
    pub update_allowed: bool,
}

/// Where a tenant's users stand, for whoever may view the tenant.
pub async fn of_tenant(app: &App, caller: &Caller, id: TenantId) -> Result<TenantMfa> {
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantViewer, id).await?;
    let tenant = granted.tenant();
    let update_allowed = match app.allow(&mut conn, caller, Permission::MfaAdmin, id).await {
        Ok(granted) => may_change(&granted).is_ok(),
        Err(Error::Forbidden) => false,
        Err(error) => return Err(error),
    };
    let (users, users_with_totp) = store::mfa::users_of(&mut conn, tenant).await?;
    Ok(TenantMfa {
        status: MfaStatus::of_tenant(tenant.mfa_demanded),
        users,
        users_with_totp,
        update_allowed,
    })
}

/// Demands second factors of a tenant's own users, or no longer; 1027 for folders and units. Factors that are set up
/// stay, and stay in use.
pub async fn set_of_tenant(app: &App, caller: &Caller, id: TenantId, demanded: bool) -> Result<TenantMfa> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::MfaAdmin, id).await?;
    may_change(&granted)?;
    if granted.tenant().mfa_demanded != demanded {
        store::mfa::set_of_tenant(&mut tx, granted.tenant(), demanded).await?;
    }
    tx.commit().await?;
    of_tenant(app, caller, id).await
}

fn may_change(granted: &Granted) -> Result<()> {
    granted.check_lock()?;
    match granted.tenant().kind {
        kind @ (TenantKind::Folder | TenantKind::Unit) => {
            Err(Error::rule(Rule::Business, format!("a {kind} demands no second factor of its own")))
        }
        _ => Ok(()),
    }
}

/// Demands a second factor of one user, whatever its tenant does, or lets it do without: then one that is set up is
/// removed. One's own goes with a code instead (1027): whoever got hold of a session could remove it.
pub async fn set_of_user(app: &App, caller: &Caller, id: UserId, demanded: bool) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let before = find(app, &mut tx, caller, Permission::TenantAdmin, id, Deleted::Hidden).await?;
    if !demanded {
        check_reach(app, &mut tx, caller, id).await?;
        if before.mfa_status == MfaStatus::Enabled && caller.actor == Actor::User(id) {
            return Err(Error::rule(
                Rule::Business,
                "your own second factor is removed with one of its codes",
            ));
        }
        store::mfa::remove(&mut tx, &before).await?;
    }
    let tenant = store::tenants::by_no(&mut tx, before.tenant).await?;
    let of_tenant = tenant.is_some_and(|tenant| tenant.mfa_demanded);
    store::mfa::set_of_user(&mut tx, &before, (demanded != of_tenant).then_some(demanded)).await?;
    store::mfa::changed(&mut tx, &before).await?;
    Ok(tx.commit().await?)
}

/// A second factor that is being set up.
#[derive(Debug, Clone)]
pub struct Enrolment {
    /// Its secret in base32, to be typed in.
    pub secret: String,
    /// The same for authenticator apps, mostly as a QR code.
    pub otpauth_uri: String,
}

/// Begins the set-up of the caller's own second factor; it counts once a code confirms it. 1027 where there is one.
pub async fn enrol(app: &App, caller: &Caller) -> Result<Enrolment> {
    let mut tx = app.write(caller).await?;
    let user = myself(&mut tx, caller).await?;
    if user.mfa_status == MfaStatus::Enabled {
        return Err(Error::rule(Rule::Business, "there is a second factor: remove it first, with a code"));
    }
    let secret = app.ids.bytes::<{ totp::SECRET_BYTES }>()?;
    let sealed = app.sealing.seal(&factor::seal_name(user.id), &secret)?;
    store::mfa::begin(&mut tx, &user, sealed).await?;
    tx.commit().await?;
    Ok(Enrolment {
        secret: domain::text::base32(&secret),
        otpauth_uri: totp::uri(app.settings.host(), &user.login, &secret),
    })
}

/// Ends the set-up with a code. From now on every sign-in needs one, and what was issued before without is revoked.
pub async fn confirm(app: &App, caller: &Caller, code: &str) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let user = myself(&mut tx, caller).await?;
    let begun = own_factor(&mut tx, user.id).await?;
    if begun.is_confirmed {
        return Err(Error::rule(Rule::Business, "the second factor is confirmed already"));
    }
    take(app, &mut tx, user.id, &begun, code).await?;
    store::mfa::log_confirmed(&mut tx, &user).await?;
    store::mfa::changed(&mut tx, &user).await?;
    store::tokens::revoke_all(&mut tx, Actor::User(user.id)).await?;
    Ok(tx.commit().await?)
}

/// Removes the caller's second factor, with a code of it; one that was never confirmed goes without.
pub async fn remove(app: &App, caller: &Caller, code: Option<&str>) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let user = myself(&mut tx, caller).await?;
    let factor = own_factor(&mut tx, user.id).await?;
    if factor.is_confirmed {
        let code = code.ok_or_else(|| Error::invalid("code", "required"))?;
        take(app, &mut tx, user.id, &factor, code).await?;
    }
    store::mfa::remove(&mut tx, &user).await?;
    store::mfa::changed(&mut tx, &user).await?;
    Ok(tx.commit().await?)
}

/// The user who asks. Clients have no second factor, and a narrowed token acts on a tenant, not on its owner's account.
async fn myself(conn: &mut Conn, caller: &Caller) -> Result<User> {
    let (Actor::User(id), None) = (caller.actor, caller.narrowed_to) else { return Err(Error::Forbidden) };
    store::users::by_id(conn, id).await?.ok_or(Error::NotFound { what: "user" })
}

async fn own_factor(conn: &mut Conn, user: UserId) -> Result<TotpFactor> {
    store::mfa::factor(conn, user).await?.ok_or(Error::NotFound { what: "second factor" })
}

async fn take(app: &App, tx: &mut Write, user: UserId, of: &TotpFactor, code: &str) -> Result<()> {
    let taken = factor::take(app, tx, user, of, (code, None)).await?;
    if taken { Ok(()) } else { Err(Error::invalid("code", "is wrong, or was used before")) }
}
