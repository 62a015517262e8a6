//! Settings of services at tenants, the partner's price list among them.

use domain::ids::{ApplicationId, TenantNo};

use crate::audit::{Change, Object};
use crate::{Conn, Result, Write, args};

/// A setting as it is set at a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// JSON text.
    pub value: String,
    /// Stored as sent.
    pub lock: bool,
    /// Stored as sent.
    pub exclusive: bool,
}

/// Which setting of which service at which tenant.
#[derive(Debug, Clone, Copy)]
pub struct SettingKey<'a> {
    /// The tenant.
    pub tenant: TenantNo,
    /// The service.
    pub application_id: ApplicationId,
    /// The name.
    pub name: &'a str,
}

/// The setting, where it is set.
pub async fn get(conn: &mut Conn, key: SettingKey<'_>) -> Result<Option<Setting>> {
    let row = conn
        .one(
            "SELECT value, locked, exclusive FROM application_settings
             WHERE tenant_no = $1 AND application_id = $2 AND name = $3",
            args![key.tenant, key.application_id, key.name],
        )
        .await?;
    row.map(|row| {
        Ok(Setting {
            value: row.text("value")?,
            lock: row.flag("locked")?,
            exclusive: row.flag("exclusive")?,
        })
    })
    .transpose()
}

/// Sets a setting. The first value reaches back for ever.
pub async fn set(tx: &mut Write, key: SettingKey<'_>, new: &Setting) -> Result<()> {
    let old = get(tx, key).await?;
    tx.run(
        "INSERT INTO application_settings (tenant_no, application_id, name, value, locked, exclusive)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_no, application_id, name)
         DO UPDATE SET value = excluded.value, locked = excluded.locked, exclusive = excluded.exclusive",
        args![key.tenant, key.application_id, key.name, new.value.as_str(), new.lock, new.exclusive],
    )
    .await?;
    log(tx, key, old, Some(new)).await
}

/// Unsets a setting; whether it was set.
pub async fn unset(tx: &mut Write, key: SettingKey<'_>) -> Result<bool> {
    let Some(old) = get(tx, key).await? else { return Ok(false) };
    tx.run(
        "DELETE FROM application_settings WHERE tenant_no = $1 AND application_id = $2 AND name = $3",
        args![key.tenant, key.application_id, key.name],
    )
    .await?;
    log(tx, key, Some(old), None).await?;
    Ok(true)
}

async fn log(tx: &mut Write, key: SettingKey<'_>, old: Option<Setting>, new: Option<&Setting>) -> Result<()> {
    let id = format!("{}/{}", key.application_id, key.name);
    let is_first = old.is_none() && !was_ever_set(tx, key.tenant, &id).await?;
    let (object, tenant) = (Object::Setting, key.tenant);
    let pairs = logged(old.as_ref()).into_iter().zip(logged(new));
    let changes = pairs.map(|((field, old), (_, new))| Change { object, id: &id, tenant, field, old, new });
    let changes: Vec<Change<'_>> = changes.filter(|change| change.old != change.new).collect();
    if is_first { tx.log_all_first(changes).await } else { tx.log_all(changes).await }
}

/// A setting that is not locked, nor exclusive, says so by saying nothing.
fn logged(setting: Option<&Setting>) -> [(&'static str, Option<String>); 3] {
    let flag = |is_so: fn(&Setting) -> bool| setting.filter(|set| is_so(set)).map(|_| true.to_string());
    [
        ("value", setting.map(|set| set.value.clone())),
        ("lock", flag(|set| set.lock)),
        ("exclusive", flag(|set| set.exclusive)),
    ]
}

async fn was_ever_set(conn: &mut Conn, tenant: TenantNo, id: &str) -> Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM changes WHERE tenant_no = $1 AND object = $2 AND object_id = $3) AS n";
    Ok(conn.count(sql, args![tenant, Object::Setting.as_str(), id]).await? != 0)
}
