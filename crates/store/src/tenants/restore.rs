//! Bringing back what one deletion took away.
//!
//! The change log says what that was: everything below the tenant that the same transaction deleted. What had been deleted
//! before stays so, whatever the clock said then.

use std::collections::HashSet;

use domain::ids::{Seq, TenantId, TenantNo, UserId};
use domain::tenant::Tenant;

use super::change::deleted;
use super::holding;
use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args, search, users};

/// One deletion of a tenant with all that was below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// The tenant that was asked to be deleted, or one below it.
    pub root: TenantNo,
    /// The acceptance number of the deletion.
    pub seq: Seq,
}

/// What a deletion (`$1`, `$2`) took, as rows `c` of the change log. The log comes first, by its number.
macro_rules! taken {
    () => {
        " FROM changes c CROSS JOIN closure k
          WHERE c.seq = $2 AND c.field = 'deleted' AND c.new_value = 'true'
          AND k.ancestor_no = $1 AND k.tenant_no = c.tenant_no"
    };
}

/// The newest deletion of a tenant; `None` where it never was deleted.
pub async fn deletion(conn: &mut Conn, root: TenantNo) -> Result<Option<Deletion>> {
    // `|| ''` keeps planners from the index by field, which would bring every deletion there ever was.
    let sql = "SELECT MAX(seq) AS seq FROM changes
               WHERE tenant_no = $1 AND object || '' = 'tenant' AND field = 'deleted' AND new_value = 'true'";
    let row = conn.one(sql, args![root]).await?;
    let seq = row.map_or(Ok(None), |row| row.opt_int("seq"))?;
    Ok(seq.map(|seq| Deletion { root, seq: Seq(seq) }))
}

/// An owner whose lock on one of the tenants to come back the tenant `allowed` does not hold. An owner that comes back with
/// them holds it again.
pub async fn lock_within(conn: &mut Conn, deletion: Deletion, allowed: TenantNo) -> Result<Option<TenantId>> {
    let sql = concat!(
        "SELECT t.update_lock_owner_id AS owner FROM tenants t
         WHERE t.update_lock_owner_id IS NOT NULL AND NOT ",
        holding!("$3", "t.update_lock_owner_id"),
        " AND t.no IN (SELECT c.tenant_no",
        taken!(),
        " AND c.object = 'tenant') LIMIT 1"
    );
    let row = conn.one(sql, args![deletion.root, deletion.seq, allowed]).await?;
    row.map(|row| row.parsed("owner")).transpose()
}

/// Whether a live child of this parent, personal tenants left out, bears the name.
pub async fn has_child_named(conn: &mut Conn, parent: TenantNo, name: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM tenants WHERE parent_no = $1 AND no <> $1 AND deleted_at IS NULL
               AND owner_id IS NULL AND name = $2) AS n";
    Ok(conn.count(sql, args![parent, name]).await? != 0)
}

/// A user to come back whose login a live user has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ousted {
    /// Its id.
    pub id: UserId,
    /// Its tenant.
    pub tenant: TenantNo,
    /// Its login.
    pub login: String,
}

/// The users to come back whose logins are taken.
pub async fn ousted(conn: &mut Conn, deletion: Deletion) -> Result<Vec<Ousted>> {
    let sql = concat!(
        "SELECT u.id, u.tenant_no, u.login FROM users u
         WHERE EXISTS (SELECT 1 FROM users l WHERE l.login = u.login AND l.deleted_at IS NULL)
         AND u.id IN (SELECT c.object_id",
        taken!(),
        " AND c.object = 'user') ORDER BY u.id"
    );
    let rows = conn.all(sql, args![deletion.root, deletion.seq]).await?;
    let ousted = |row: &Row| {
        Ok(Ousted {
            id: row.parsed("id")?,
            tenant: TenantNo(row.int("tenant_no")?),
            login: row.text("login")?,
        })
    };
    rows.iter().map(ousted).collect()
}

/// The logins of all users to come back.
pub async fn logins(conn: &mut Conn, deletion: Deletion) -> Result<HashSet<String>> {
    let sql = concat!(
        "SELECT u.login FROM users u WHERE u.id IN (SELECT c.object_id",
        taken!(),
        " AND c.object = 'user')"
    );
    let rows = conn.all(sql, args![deletion.root, deletion.seq]).await?;
    rows.iter().map(|row| row.text("login")).collect()
}

/// Whether a live user has the login.
pub async fn is_taken(conn: &mut Conn, login: &str) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE login = $1 AND deleted_at IS NULL) AS n";
    Ok(conn.count(sql, args![login]).await? != 0)
}

/// Gives a deleted tenant another name.
pub async fn rename(tx: &mut Write, old: &Tenant, name: &str) -> Result<()> {
    tx.run("UPDATE tenants SET name = $2 WHERE no = $1", args![old.no, name]).await?;
    let new = Tenant { name: name.to_owned(), ..old.clone() };
    search::tenant_renamed(tx, old, &new).await?;
    let (object, id, tenant) = (Object::Tenant, old.id.to_string(), old.no);
    let (old, new) = (Some(old.name.clone()), Some(new.name));
    tx.log(Change { object, id: &id, tenant, field: "name", old, new }).await
}

/// Gives a deleted user another login.
pub async fn rename_user(tx: &mut Write, user: &Ousted, login: &str) -> Result<()> {
    tx.run("UPDATE users SET login = $2 WHERE id = $1", args![user.id, login]).await?;
    if let Some(stored) = users::by_id(tx, user.id).await? {
        search::put_user(tx, user.id, login, &stored.contact.texts).await?;
    }
    let (object, id, tenant) = (Object::User, user.id.to_string(), user.tenant);
    let (old, new) = (Some(user.login.clone()), Some(login.to_owned()));
    tx.log(Change { object, id: &id, tenant, field: "login", old, new }).await
}

/// Brings everything back: tenants, users with their access policies, clients.
pub async fn restore(tx: &mut Write, deletion: Deletion) -> Result<()> {
    let now = tx.stamp().await?;
    let taken = concat!("SELECT c.object, c.object_id, c.tenant_no", taken!());
    let taken = tx.all(taken, args![deletion.root, deletion.seq]).await?;
    for sql in [
        concat!(
            "UPDATE tenants SET deleted_at = NULL, updated_at = $3, version = version + 1
             WHERE deleted_at IS NOT NULL AND no IN (SELECT c.tenant_no",
            taken!(),
            " AND c.object = 'tenant')"
        ),
        concat!(
            "UPDATE users SET deleted_at = NULL, updated_at = $3, version = version + 1
             WHERE deleted_at IS NOT NULL AND id IN (SELECT c.object_id",
            taken!(),
            " AND c.object = 'user')"
        ),
    ] {
        tx.run(sql, args![deletion.root, deletion.seq, now]).await?;
    }
    let clients = concat!(
        "UPDATE clients SET deleted_at = NULL WHERE deleted_at IS NOT NULL AND id IN (SELECT c.object_id",
        taken!(),
        " AND c.object = 'client')"
    );
    tx.run(clients, args![deletion.root, deletion.seq]).await?;
    log_restored(tx, &taken).await
}

async fn log_restored(tx: &mut Write, taken: &[Row]) -> Result<()> {
    let mut objects = Vec::with_capacity(taken.len());
    for row in taken {
        let object = match row.text("object")?.as_str() {
            "tenant" => Object::Tenant,
            "user" => Object::User,
            _ => Object::Client,
        };
        objects.push((object, row.text("object_id")?, TenantNo(row.int("tenant_no")?)));
    }
    tx.log_all(objects.iter().map(|(object, id, tenant)| deleted(*object, id, *tenant, false)).collect())
        .await
}
