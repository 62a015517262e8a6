//! What people sign in with beside passwords: browser sessions, authorisation codes, device codes, one-time tokens. Of
//! every secret the database knows SHA-256 only.

mod codes;
mod devices;
mod one_time;
mod sessions;

use domain::access::Actor;
use domain::ids::TenantNo;

pub use codes::{Code, code, insert_code, use_code};
pub use devices::{
    Device, approve_device, delete_device, deny_device, device, device_of_user_code, insert_device, note_poll,
};
pub use one_time::{OneTimeToken, insert_one_time, one_time, use_one_time, users_with_external_id};
pub use sessions::{BrowserSession, delete_session, insert_session, session};

use crate::{Conn, Result, Write, args};

/// How many dead rows of each table are cleared away each time a row is added: more than one, so none pile up.
const CLEARED_AT_ONCE: i64 = 8;

const CLEARANCES: [&str; 4] = [
    "DELETE FROM browser_sessions WHERE sha256 IN
     (SELECT sha256 FROM browser_sessions WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM authorization_codes WHERE sha256 IN
     (SELECT sha256 FROM authorization_codes WHERE forget_at <= $1 LIMIT $2)",
    "DELETE FROM device_codes WHERE sha256 IN
     (SELECT sha256 FROM device_codes WHERE expires_at <= $1 LIMIT $2)",
    "DELETE FROM one_time_tokens WHERE sha256 IN
     (SELECT sha256 FROM one_time_tokens WHERE expires_at <= $1 LIMIT $2)",
];

/// Clears away a few rows that nobody can use any more.
async fn clear(tx: &mut Write) -> Result<()> {
    let now = tx.now();
    for sql in CLEARANCES {
        tx.run(sql, args![now, CLEARED_AT_ONCE]).await?;
    }
    Ok(())
}

/// Whether a tenant stands above all that a client or user is and may: its home and every tenant it holds a role on are
/// that tenant or below it, and no closed tenant hides any of them.
pub async fn covers(conn: &mut Conn, tenant: TenantNo, who: Actor) -> Result<bool> {
    let outside = conn
        .count(
            "SELECT COUNT(*) AS n FROM (
                 SELECT tenant_no FROM users WHERE id = $2 UNION SELECT tenant_no FROM clients WHERE id = $2
                 UNION SELECT tenant_no FROM access_policies WHERE user_id = $2) h
             WHERE NOT EXISTS (
                 SELECT 1 FROM closure k JOIN tenants t ON t.no = k.tenant_no
                 WHERE k.ancestor_no = $1 AND k.tenant_no = h.tenant_no AND k.walls = 0
                 AND (t.ancestral_access = 1 OR k.depth = 0))",
            args![tenant, who.id()],
        )
        .await?;
    Ok(outside == 0)
}

/// Ends all that a client or user has begun here: its browser sessions, its codes, and what devices were to get of it.
pub(crate) async fn end_all(tx: &mut Write, who: Actor) -> Result<()> {
    for sql in [
        "DELETE FROM browser_sessions WHERE user_id = $1",
        "DELETE FROM authorization_codes WHERE user_id = $1",
        "DELETE FROM one_time_tokens WHERE user_id = $1",
        "DELETE FROM device_codes WHERE principal_id = $1",
    ] {
        tx.run(sql, args![who.id()]).await?;
    }
    Ok(())
}
