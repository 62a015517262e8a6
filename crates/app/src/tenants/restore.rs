//! Deleted tenants that come back (accounts-api, tier 3).

use domain::access::Permission;
use domain::ids::TenantId;
use domain::tenant::Tenant;
use domain::text::NAME_MAX_CHARS;
use store::Write;
use store::tenants::restore::{self as stored, Deletion};

use super::not_personal;
use crate::access::{Deleted, Depth};
use crate::{App, Caller, Error, Result, Rule};

/// Brings a deleted tenant back with everything that was deleted with it: tenants, users, their access, clients. Its
/// items are as its parent lets them be: what went off above meanwhile went off here, too. A tenant that is not deleted
/// stays as it is, so that a repeated call does no harm.
///
/// 1004 where a sibling has its name or somebody the login of one of its users, unless `force`, which adds a postfix; 1012
/// while another tenant holds a lock; 1027 where its parent is deleted, too.
pub async fn restore(app: &App, caller: &Caller, id: TenantId, force: bool) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let granted =
        app.allow_at(&mut tx, caller, Permission::TenantAdmin, id, Depth::Own, Deleted::Shown).await?;
    granted.check_lock()?;
    let tenant = granted.tenant();
    if tenant.deleted_at.is_none() {
        return Ok(());
    }
    not_personal(tenant, "it comes back with its user")?;
    let parent = store::tenants::by_no(&mut tx, tenant.parent).await?;
    if parent.is_none_or(|parent| parent.deleted_at.is_some()) {
        let info = format!("tenant {} above it is deleted, too: restore that one", tenant.parent_id);
        return Err(Error::rule(Rule::Business, info));
    }
    let deletion = stored::deletion(&mut tx, tenant.no).await?;
    let deletion = deletion.ok_or_else(|| Error::internal("a deletion that is not in the change log"))?;
    if let Some(owner) = stored::lock_within(&mut tx, deletion, caller.tenant).await? {
        return Err(Error::rule(Rule::Locked, format!("a tenant below {id} is locked by {owner}")));
    }
    settle_name(&mut tx, tenant, force).await?;
    settle_logins(&mut tx, deletion, force).await?;
    stored::restore(&mut tx, deletion).await?;
    Ok(tx.commit().await?)
}

async fn settle_name(tx: &mut Write, tenant: &Tenant, force: bool) -> Result<()> {
    if !stored::has_child_named(tx, tenant.parent, &tenant.name).await? {
        return Ok(());
    }
    if !force {
        return Err(Error::rule(Rule::NameConflict, format!("name: {:?} is taken", tenant.name)));
    }
    let mut name = String::new();
    for postfix in 1_u32.. {
        name = with_postfix(&tenant.name, postfix);
        if !stored::has_child_named(tx, tenant.parent, &name).await? {
            break;
        }
    }
    Ok(stored::rename(tx, tenant, &name).await?)
}

async fn settle_logins(tx: &mut Write, deletion: Deletion, force: bool) -> Result<()> {
    let ousted = stored::ousted(tx, deletion).await?;
    match ousted.first() {
        None => return Ok(()),
        Some(user) if !force => {
            return Err(Error::rule(Rule::NameConflict, format!("login: {:?} is taken", user.login)));
        }
        Some(_) => {}
    }
    let mut coming = stored::logins(tx, deletion).await?;
    for user in ousted {
        let mut login = String::new();
        for postfix in 1_u32.. {
            login = with_postfix(&user.login, postfix);
            if !coming.contains(&login) && !stored::is_taken(tx, &login).await? {
                break;
            }
        }
        stored::rename_user(tx, &user, &login).await?;
        coming.insert(login);
    }
    Ok(())
}

/// `Harbour-1`; what would be too long loses its end.
fn with_postfix(text: &str, postfix: u32) -> String {
    let postfix = format!("-{postfix}");
    let kept: String = text.chars().take(NAME_MAX_CHARS.saturating_sub(postfix.len())).collect();
    format!("{kept}{postfix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postfix_makes_no_name_too_long() {
        assert_eq!(with_postfix("Harbour", 2), "Harbour-2");
        let long = with_postfix(&"ü".repeat(NAME_MAX_CHARS), 10);
        assert_eq!(long.chars().count(), NAME_MAX_CHARS);
        assert!(long.ends_with("ü-10"));
    }
}
