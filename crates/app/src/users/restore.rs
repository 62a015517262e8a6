//! Deleted users who come back (accounts-api, tier 3).

use domain::access::Permission;
use domain::ids::UserId;
use domain::text::NAME_MAX_CHARS;
use store::Conn;

use super::login_taken;
use crate::{App, Caller, Error, Result};

/// How a user is brought back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Restoring {
    /// Gives the login a postfix where somebody else has it by now.
    pub force: bool,
    /// Lets the user sign in again: it had to be disabled before it could be deleted.
    pub enable: bool,
}

/// Brings a deleted user back with its personal tenant, password, roles and second factor; nothing where it is not
/// deleted. 1033 where its login is taken, 1005 where its tenant is deleted.
pub async fn restore(app: &App, caller: &Caller, id: UserId, how: Restoring) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let user = store::users::by_id(&mut tx, id).await?.ok_or(Error::NotFound { what: "user" })?;
    app.allow_inside(&mut tx, caller, Permission::TenantAdmin, user.tenant_id).await?;
    let Some(deleted_at) = user.deleted_at else { return Ok(()) };
    let login = if how.force { free_login(&mut tx, &user.login).await? } else { user.login.clone() };
    store::users::restore(&mut tx, &user, deleted_at, &login, user.enabled || how.enable)
        .await
        .map_err(|error| login_taken(error, &login))?;
    Ok(tx.commit().await?)
}

/// The login itself where nobody has it, else the first of `login-1`, `login-2` and so on that is free.
async fn free_login(conn: &mut Conn, login: &str) -> Result<String> {
    let (mut candidate, mut n) = (login.to_owned(), 0_u32);
    while store::users::login_exists(conn, &candidate).await? {
        n += 1;
        let postfix = format!("-{n}");
        // Logins are ASCII, so characters are bytes.
        let kept = login.get(..NAME_MAX_CHARS.saturating_sub(postfix.len())).unwrap_or(login);
        candidate = format!("{kept}{postfix}");
    }
    Ok(candidate)
}
