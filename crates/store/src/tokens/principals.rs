//! Who may hold a token: clients and users, as far as signing in needs them.

use domain::access::{Actor, ClientAuthMethod, ClientStatus, ClientType, Grant, Role};
use domain::ids::{ClientId, TenantId, TenantNo, UserId};
use domain::mfa::MfaStatus;
use domain::time::Instant;

use crate::mfa::mfa_columns;
use crate::{Conn, Result, Row, args};

/// A client or a user, with whether it may sign in.
#[derive(Debug, Clone)]
pub struct Principal {
    /// Who.
    pub actor: Actor,
    /// The tenant it belongs to.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// Whether that tenant is its own parent.
    pub at_top: bool,
    /// Whether it is enabled and not deleted, and so are its tenant and every tenant above.
    pub live: bool,
    /// When a user stops being able to sign in.
    pub disable_after: Option<Instant>,
    /// The type of a client.
    pub client_type: Option<ClientType>,
    /// The client's `origin_id`.
    pub origin_id: Option<String>,
    /// The roles that a client was made with, on its own tenant; users have none of that kind.
    pub roles: Vec<Role>,
    /// Where a user's second factor stands; clients have none.
    pub mfa: MfaStatus,
}

macro_rules! tenant_columns {
    () => {
        "t.no, t.id AS tenant_id, t.parent_no = t.no AS at_top,
         NOT EXISTS (SELECT 1 FROM closure k JOIN tenants a ON a.no = k.ancestor_no
                     WHERE k.tenant_no = t.no AND (a.enabled = 0 OR a.deleted_at IS NOT NULL)) AS tenants_live"
    };
}

const CLIENT: &str = concat!(
    "SELECT 'client' AS principal_kind, p.id AS principal_id, p.client_type, p.origin_id, p.roles, NULL AS disable_after,
     p.status = 'enabled' AND p.deleted_at IS NULL AS live, ",
    tenant_columns!(),
    " FROM clients p JOIN tenants t ON t.no = p.tenant_no WHERE p.id = $1"
);
const USER: &str = concat!(
    "SELECT 'user' AS principal_kind, p.id AS principal_id, NULL AS client_type, NULL AS origin_id, NULL AS roles, p.disable_after,
     p.enabled = 1 AND p.deleted_at IS NULL AS live, ",
    tenant_columns!(),
    ", ",
    mfa_columns!("p"),
    " FROM users p JOIN tenants t ON t.no = p.tenant_no WHERE p.id = $1"
);

/// The client or user behind a token; `None` for the system and for unknown ones.
pub async fn principal(conn: &mut Conn, actor: Actor) -> Result<Option<Principal>> {
    let sql = match actor {
        Actor::Client(_) => CLIENT,
        Actor::User(_) => USER,
        Actor::System => return Ok(None),
    };
    let row = conn.one(sql, args![actor.id()]).await?;
    row.map(|row| {
        Ok(Principal {
            actor: self::actor(&row)?,
            tenant: TenantNo(row.int("no")?),
            tenant_id: row.parsed("tenant_id")?,
            at_top: row.flag("at_top")?,
            live: row.flag("live")? && row.flag("tenants_live")?,
            disable_after: row.opt_instant("disable_after")?,
            client_type: row.opt_parsed("client_type")?,
            origin_id: row.opt_text("origin_id")?,
            roles: match actor {
                Actor::Client(_) => row.parsed_list("roles")?,
                _ => Vec::new(),
            },
            mfa: match actor {
                Actor::User(_) => crate::mfa::status(&row)?,
                _ => MfaStatus::Disabled,
            },
        })
    })
    .transpose()
}

pub(super) fn actor(row: &Row) -> Result<Actor> {
    if row.text("principal_kind")? == "client" {
        row.parsed("principal_id").map(|id: ClientId| Actor::Client(id))
    } else {
        row.parsed("principal_id").map(|id: UserId| Actor::User(id))
    }
}

/// As [`actor`], where there may be none.
pub(crate) fn opt_actor(row: &Row) -> Result<Option<Actor>> {
    row.opt_text("principal_id")?.map(|_| actor(row)).transpose()
}

/// A role somebody holds, and how its tenant stands to the one that a token is narrowed to.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The role and where it is held.
    pub grant: Grant,
    /// The number of the tenant narrowed to, where it exists.
    pub narrowed_no: Option<TenantNo>,
    /// The tenant narrowed to is the grant's or below it, and no wall keeps the grant out of it.
    pub covers: bool,
    /// The grant's tenant is below the one narrowed to.
    pub is_below: bool,
}

macro_rules! held_columns {
    () => {
        ", t.no, t.id, n.no AS narrowed_no,
         (t.no = n.no OR EXISTS (SELECT 1 FROM closure k WHERE k.ancestor_no = t.no AND k.tenant_no = n.no
                                 AND k.walls = 0 AND n.ancestral_access = 1)) AS covers,
         EXISTS (SELECT 1 FROM closure k WHERE k.ancestor_no = n.no AND k.tenant_no = t.no AND k.depth > 0) AS is_below"
    };
}

const CLIENT_GRANTS: &str = concat!(
    "SELECT p.roles",
    held_columns!(),
    " FROM clients p JOIN tenants t ON t.no = p.tenant_no
      LEFT JOIN tenants n ON n.id = $2 AND n.deleted_at IS NULL WHERE p.id = $1 AND t.deleted_at IS NULL"
);
const USER_GRANTS: &str = concat!(
    "SELECT p.role_id AS roles",
    held_columns!(),
    " FROM access_policies p JOIN tenants t ON t.no = p.tenant_no
      LEFT JOIN tenants n ON n.id = $2 AND n.deleted_at IS NULL WHERE p.user_id = $1 AND t.deleted_at IS NULL
      ORDER BY p.created_at, p.id"
);

/// The roles that a client or user holds now: a client those it was made with, a user those of its access policies.
pub async fn grants(conn: &mut Conn, actor: Actor, narrowed_to: Option<TenantId>) -> Result<Vec<Held>> {
    let sql = if matches!(actor, Actor::Client(_)) { CLIENT_GRANTS } else { USER_GRANTS };
    let mut held = Vec::new();
    for row in conn.all(sql, args![actor.id(), narrowed_to]).await? {
        let (tenant, tenant_id) = (TenantNo(row.int("no")?), row.parsed("id")?);
        for role in row.parsed_list::<Role>("roles")? {
            held.push(Held {
                grant: Grant { tenant, tenant_id, role },
                narrowed_no: row.opt_int("narrowed_no")?.map(TenantNo),
                covers: row.opt_flag("covers")?.unwrap_or(false),
                is_below: row.opt_flag("is_below")?.unwrap_or(false),
            });
        }
    }
    Ok(held)
}

/// A client as the token endpoint needs it.
#[derive(Debug, Clone)]
pub struct SignInClient {
    /// SHA-256 of its secret, in hex.
    pub secret_sha256: String,
    /// Whether it gets tokens.
    pub status: ClientStatus,
    /// How it registered to prove itself.
    pub auth_method: ClientAuthMethod,
}

/// The client with this id, unless it is deleted.
pub async fn client_for_sign_in(conn: &mut Conn, id: ClientId) -> Result<Option<SignInClient>> {
    let row = conn
        .one(
            "SELECT secret_sha256, status, auth_method FROM clients WHERE id = $1 AND deleted_at IS NULL",
            args![id],
        )
        .await?;
    row.map(|row| {
        Ok(SignInClient {
            secret_sha256: row.text("secret_sha256")?,
            status: row.parsed("status")?,
            auth_method: row.parsed("auth_method")?,
        })
    })
    .transpose()
}

/// A user as signing in needs it.
#[derive(Debug, Clone)]
pub struct SignInUser {
    /// Its id.
    pub id: UserId,
    /// The stored hash of its password; `None` until it has set one.
    pub password_hash: Option<String>,
}

/// The live user with this login.
pub async fn user_for_sign_in(conn: &mut Conn, login: &str) -> Result<Option<SignInUser>> {
    let row = conn
        .one("SELECT id, password_hash FROM users WHERE login = $1 AND deleted_at IS NULL", args![login])
        .await?;
    row.map(|row| Ok(SignInUser { id: row.parsed("id")?, password_hash: row.opt_text("password_hash")? }))
        .transpose()
}
