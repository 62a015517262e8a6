//! Users: made, read, changed, deleted and listed (accounts-api, 1.9).

pub mod activation;
mod create;
pub mod email;
mod first;
pub(crate) mod links;
mod lists;
mod me;
mod password;
mod restore;
mod update;

use domain::access::Permission;
use domain::ids::UserId;
use domain::text::check_login;
use domain::user::User;
use store::Conn;

use crate::access::{Deleted, Depth};
use crate::tenants::shown;
use crate::{App, Caller, Error, Result, Rule};

pub use create::{NewUser, create};
pub use first::{FIRST_LOGIN, create_first};
pub(crate) use lists::grand_children;
pub use lists::{ListOptions, Order, OrderBy, of_tenant};
pub(crate) use me::client_name;
pub use me::{Me, Myself, me};
pub(crate) use password::check_reach;
pub use password::{LoginCheck, login_check, set_password};
pub use restore::{Restoring, restore};
pub use update::{UserChange, delete, update};

/// A user, for whoever may look into its tenant.
pub async fn get(app: &App, caller: &Caller, id: UserId, deleted_too: bool) -> Result<User> {
    let mut conn = app.read().await?;
    find(app, &mut conn, caller, Permission::TenantViewer, id, shown(deleted_too)).await
}

/// The user, where the caller may do this on the users of its tenant: 404 where there is none, 403 where it lies outside
/// or behind a closed tenant.
pub(crate) async fn find(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    permission: Permission,
    id: UserId,
    deleted: Deleted,
) -> Result<User> {
    let found = store::users::by_id(conn, id).await?;
    let user = found
        .filter(|user| deleted == Deleted::Shown || user.deleted_at.is_none())
        .ok_or(Error::NotFound { what: "user" })?;
    app.allow_at(conn, caller, permission, user.tenant_id, Depth::Inside, deleted).await?;
    Ok(user)
}

/// The trimmed login; 1033 where it has characters that logins do not have.
fn checked_login(login: &str) -> Result<String> {
    let login = check_login(login).map_err(|why| Error::rule(Rule::BadLogin, format!("login: {why}")))?;
    Ok(login.to_owned())
}

/// A login that another live user has is 1033.
fn login_taken(error: store::Error, login: &str) -> Error {
    if error.is_unique("users.login") {
        return Error::rule(Rule::LoginTaken, format!("login: {login} is taken"));
    }
    error.into()
}

/// The words of a list, each once, in the order of the specification.
fn distinct<T: Copy + PartialEq>(all: &[T], sent: &[T]) -> Vec<T> {
    all.iter().copied().filter(|word| sent.contains(word)).collect()
}
