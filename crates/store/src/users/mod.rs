//! Users.

mod change;
mod lists;
mod password;
mod restore;

use domain::ids::{TenantNo, UserId};
use domain::tenant::Language;
use domain::user::User;

use crate::contacts::{self, contact_columns};
use crate::{Arg, Conn, Result, Row, args, dialect};

pub use change::{NewUser, delete, insert, update};
pub(crate) use lists::own_tenants;
pub use lists::{Listed, in_tenant, personal_usages};
pub use password::{login_exists, set_password};
pub use restore::restore;

/// The columns of a user under the alias `u`, its tenant under `t`, its contact under `o`, its personal tenant under `w`.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id, u.version, u.tenant_no, t.id AS tenant_id, u.login, u.activated, u.enabled, u.created_at, u.updated_at,
             u.deleted_at, u.language, u.idp_id, u.external_id, w.id AS personal_tenant_id, u.business_types,
             u.notifications, u.origin_id, u.origin_external_id, u.disable_after, ",
            $crate::mfa::mfa_columns!("u"),
            ", ",
            contact_columns!()
        )
    };
}
use user_columns;

macro_rules! select_users {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            " FROM users u JOIN tenants t ON t.no = u.tenant_no JOIN contacts o ON o.id = u.contact_id
             LEFT JOIN tenants w ON w.no = u.personal_tenant_no ",
            $rest
        )
    };
}

const BY_ID: &str = select_users!("WHERE u.id = $1");
const BY_IDS: &str = select_users!("WHERE u.id IN (");

/// The user with this id, deleted or not.
pub async fn by_id(conn: &mut Conn, id: UserId) -> Result<Option<User>> {
    conn.one(BY_ID, args![id]).await?.map(|row| user(&row)).transpose()
}

/// The users with these ids, deleted or not, in no order.
pub async fn by_ids(conn: &mut Conn, ids: &[UserId]) -> Result<Vec<User>> {
    let mut found = Vec::with_capacity(ids.len());
    for batch in ids.chunks(dialect::MAX_LIST) {
        let sql = format!("{BY_IDS}{})", dialect::placeholders(1, batch.len()));
        for row in conn.all_of(sql, batch.iter().map(|id| Arg::from(*id)).collect()).await? {
            found.push(user(&row)?);
        }
    }
    Ok(found)
}

fn user(row: &Row) -> Result<User> {
    let language = row.text("language")?;
    let language = Language::from_code(&language)
        .ok_or_else(|| crate::conn::corrupt("language", language, "a language code"))?;
    Ok(User {
        id: row.parsed("id")?,
        version: row.int("version")?,
        tenant: TenantNo(row.int("tenant_no")?),
        tenant_id: row.parsed("tenant_id")?,
        login: row.text("login")?,
        contact: contacts::from_row(row)?,
        activated: row.flag("activated")?,
        enabled: row.flag("enabled")?,
        created_at: row.instant("created_at")?,
        updated_at: row.instant("updated_at")?,
        deleted_at: row.opt_instant("deleted_at")?,
        language,
        idp_id: row.parsed("idp_id")?,
        external_id: row.opt_text("external_id")?,
        personal_tenant_id: row.opt_parsed("personal_tenant_id")?,
        business_types: row.parsed_list("business_types")?,
        notifications: row.parsed_list("notifications")?,
        origin_id: row.opt_text("origin_id")?,
        origin_external_id: row.opt_text("origin_external_id")?,
        disable_after: row.opt_instant("disable_after")?,
        mfa_status: crate::mfa::status(row)?,
    })
}
