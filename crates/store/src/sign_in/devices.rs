//! Devices that wait for somebody to connect them.

use domain::access::Actor;
use domain::ids::{ClientId, TenantNo};
use domain::time::Instant;

use super::clear;
use crate::audit::{Change, Object};
use crate::tokens::opt_actor;
use crate::{Conn, Result, Row, Write, args};

/// A device that asks for tokens.
#[derive(Debug, Clone)]
pub struct Device {
    /// SHA-256 of the device code, in hex.
    pub sha256: String,
    /// SHA-256 of the user code's letters, in hex.
    pub user_code_sha256: String,
    /// The client that it runs.
    pub client: ClientId,
    /// What it is called, for people.
    pub display_name: String,
    /// The scope that it asks for or, once approved, was given.
    pub scope: String,
    /// How long it must wait between two questions, in seconds.
    pub interval_seconds: i64,
    /// When it asked last.
    pub polled_at: Option<Instant>,
    /// Who has approved it.
    pub approved_by: Option<Actor>,
    /// Whether somebody did not want it.
    pub denied: bool,
    /// When its codes run out.
    pub expires_at: Instant,
}

/// Lets a device wait.
pub async fn insert_device(tx: &mut Write, device: &Device) -> Result<()> {
    clear(tx).await?;
    tx.run(
        "INSERT INTO device_codes (sha256, user_code_sha256, client_id, display_name, scope, interval_seconds, denied,
         expires_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7)",
        args![
            device.sha256.as_str(),
            device.user_code_sha256.as_str(),
            device.client,
            device.display_name.as_str(),
            device.scope.as_str(),
            device.interval_seconds,
            device.expires_at
        ],
    )
    .await
    .map(|_| ())
}

/// The device with this device code, in whatever state.
pub async fn device(conn: &mut Conn, sha256: &str) -> Result<Option<Device>> {
    conn.one("SELECT * FROM device_codes WHERE sha256 = $1", args![sha256])
        .await?
        .map(|row| read(&row))
        .transpose()
}

/// The device with this user code, in whatever state.
pub async fn device_of_user_code(conn: &mut Conn, sha256: &str) -> Result<Option<Device>> {
    let sql = "SELECT * FROM device_codes WHERE user_code_sha256 = $1";
    conn.one(sql, args![sha256]).await?.map(|row| read(&row)).transpose()
}

fn read(row: &Row) -> Result<Device> {
    Ok(Device {
        sha256: row.text("sha256")?,
        user_code_sha256: row.text("user_code_sha256")?,
        client: row.parsed("client_id")?,
        display_name: row.text("display_name")?,
        scope: row.text("scope")?,
        interval_seconds: row.int("interval_seconds")?,
        polled_at: row.opt_instant("polled_at")?,
        approved_by: opt_actor(row)?,
        denied: row.flag("denied")?,
        expires_at: row.instant("expires_at")?,
    })
}

/// Notes that a device has asked, and how long it must wait from now on.
pub async fn note_poll(tx: &mut Write, sha256: &str, interval_seconds: i64) -> Result<()> {
    let now = tx.now();
    let sql = "UPDATE device_codes SET polled_at = $2, interval_seconds = $3 WHERE sha256 = $1";
    tx.run(sql, args![sha256, now, interval_seconds]).await.map(|_| ())
}

const APPROVE: &str = "UPDATE device_codes SET principal_kind = $2, principal_id = $3, scope = $4
     WHERE sha256 = $1 AND principal_id IS NULL AND denied = 0";

/// Gives a device tokens of whoever writes, with this scope, and logs that; `false` where it was decided on before.
/// `home` is the tenant of the one who writes.
pub async fn approve_device(tx: &mut Write, home: TenantNo, device: &Device, scope: &str) -> Result<bool> {
    let by = tx.actor();
    let done = tx.run(APPROVE, args![device.sha256.as_str(), by.kind(), by.id(), scope]).await? > 0;
    if done {
        log_decision(tx, home, device, "device_connected").await?;
    }
    Ok(done)
}

/// Refuses a device, and logs that; `false` where it was decided on before.
pub async fn deny_device(tx: &mut Write, home: TenantNo, device: &Device) -> Result<bool> {
    let sql = "UPDATE device_codes SET denied = 1 WHERE sha256 = $1 AND principal_id IS NULL AND denied = 0";
    let done = tx.run(sql, args![device.sha256.as_str()]).await? > 0;
    if done {
        log_decision(tx, home, device, "device_refused").await?;
    }
    Ok(done)
}

/// A device is logged with whoever lends it tokens: by its name and the client that it runs.
async fn log_decision(tx: &mut Write, home: TenantNo, device: &Device, field: &str) -> Result<()> {
    let by = tx.actor();
    let object = if matches!(by, Actor::Client(_)) { Object::Client } else { Object::User };
    let (id, new) = (by.id().to_string(), format!("{}, client {}", device.display_name, device.client));
    tx.log(Change { object, id: &id, tenant: home, field, old: None, new: Some(new) }).await
}

/// Forgets a device; `false` where it was gone.
pub async fn delete_device(tx: &mut Write, sha256: &str) -> Result<bool> {
    Ok(tx.run("DELETE FROM device_codes WHERE sha256 = $1", args![sha256]).await? > 0)
}
