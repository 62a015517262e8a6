//! Access policies of users.

use domain::access::{AccessPolicy, Role};
use domain::ids::{TenantNo, UserId};

use crate::audit::{Change, Object};
use crate::{Conn, Result, Row, Write, args, dialect};

/// The columns of a policy under the alias `a`, its tenant under `t`.
macro_rules! policy_columns {
    () => {
        "a.id, a.version, a.user_id, a.trustee_type, a.issuer_id, a.tenant_no, t.id AS tenant_id, a.role_id,
         a.created_at, a.updated_at, a.resource_server_id, a.resource_namespace, a.resource_path"
    };
}

macro_rules! select_policies {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            policy_columns!(),
            " FROM access_policies a JOIN tenants t ON t.no = a.tenant_no ",
            $rest
        )
    };
}

/// Whether this end of a policy stands outside the branch `$1`, and what stands above both is left by a move below `$2`.
macro_rules! left_behind {
    ($outside:literal) => {
        concat!(
            "NOT EXISTS (SELECT 1 FROM closure i WHERE i.ancestor_no = $1 AND i.tenant_no = ",
            $outside,
            ") AND EXISTS (
                 SELECT 1 FROM closure b CROSS JOIN closure o WHERE b.tenant_no = $1 AND b.depth > 0
                 AND o.ancestor_no = b.ancestor_no AND o.tenant_no = ",
            $outside,
            " AND NOT EXISTS (
                 SELECT 1 FROM closure n WHERE n.ancestor_no = b.ancestor_no AND n.tenant_no = $2))"
        )
    };
}

/// The policies of a user, oldest first.
pub async fn of_user(conn: &mut Conn, user: UserId) -> Result<Vec<AccessPolicy>> {
    let sql = select_policies!("WHERE a.user_id = $1 ORDER BY a.created_at, a.id");
    conn.all(sql, args![user]).await?.iter().map(policy).collect()
}

/// The policies of these users, each user's oldest first.
pub async fn of_users(conn: &mut Conn, users: &[UserId]) -> Result<Vec<AccessPolicy>> {
    let mut policies = Vec::new();
    for batch in users.chunks(dialect::MAX_LIST) {
        let sql = select_policies!("WHERE a.user_id IN (");
        let sql = format!("{sql}{}) ORDER BY a.created_at, a.id", dialect::placeholders(1, batch.len()));
        for row in conn.all_of(sql, batch.iter().map(|user| (*user).into()).collect()).await? {
            policies.push(policy(&row)?);
        }
    }
    Ok(policies)
}

/// The roles of each of these users, in the order of the users given.
pub async fn roles_of(conn: &mut Conn, users: &[UserId]) -> Result<Vec<(UserId, Role)>> {
    let mut roles = Vec::new();
    for batch in users.chunks(1000) {
        let sql = format!(
            "SELECT user_id, role_id FROM access_policies WHERE user_id IN ({})",
            dialect::placeholders(1, batch.len())
        );
        for row in conn.all_of(sql, batch.iter().map(|user| (*user).into()).collect()).await? {
            roles.push((row.parsed("user_id")?, row.parsed("role_id")?));
        }
    }
    Ok(roles)
}

fn policy(row: &Row) -> Result<AccessPolicy> {
    Ok(AccessPolicy {
        id: row.parsed("id")?,
        version: row.int("version")?,
        trustee_id: row.parsed("user_id")?,
        trustee_type: row.parsed("trustee_type")?,
        issuer_id: row.parsed("issuer_id")?,
        tenant: TenantNo(row.int("tenant_no")?),
        tenant_id: row.parsed("tenant_id")?,
        role: row.parsed("role_id")?,
        created_at: row.instant("created_at")?,
        updated_at: row.instant("updated_at")?,
        resource: [
            row.opt_text("resource_server_id")?,
            row.opt_text("resource_namespace")?,
            row.opt_text("resource_path")?,
        ],
    })
}

/// Replaces the whole set of a user's policies, `old` by `new`. `home` is the user's tenant, in whose scope the change
/// is logged.
pub async fn replace(
    tx: &mut Write,
    user: UserId,
    home: TenantNo,
    old: &[AccessPolicy],
    new: &[AccessPolicy],
) -> Result<()> {
    tx.run("DELETE FROM access_policies WHERE user_id = $1", args![user]).await?;
    for policy in new {
        insert(tx, policy).await?;
    }
    let before = |policy: &AccessPolicy| old.iter().find(|known| known.id == policy.id).map(grant);
    for policy in new {
        log(tx, home, policy, before(policy), Some(grant(policy))).await?;
    }
    for policy in old.iter().filter(|policy| new.iter().all(|kept| kept.id != policy.id)) {
        log(tx, home, policy, Some(grant(policy)), None).await?;
    }
    stamp_user(tx, user).await
}

/// A user in lists may show its policies. Its version stays.
async fn stamp_user(tx: &mut Write, user: UserId) -> Result<()> {
    let stamp = tx.stamp().await?;
    tx.run("UPDATE users SET updated_at = $2 WHERE id = $1", args![user, stamp]).await.map(|_| ())
}

/// Ends the policies that a move would carry to where nobody gave them: one between a user and a tenant of which only one
/// lies from `moved` down lasts only if `target` lies below all that stand above both.
pub async fn end_crossing(tx: &mut Write, moved: TenantNo, target: TenantNo) -> Result<()> {
    let rows = tx.all(CROSSING, args![moved, target]).await?;
    for row in &rows {
        let (policy, home) = (policy(row)?, TenantNo(row.int("home")?));
        tx.run("DELETE FROM access_policies WHERE id = $1", args![policy.id]).await?;
        stamp_user(tx, policy.trustee_id).await?;
        log(tx, home, &policy, Some(grant(&policy)), None).await?;
    }
    Ok(())
}

/// The first half are the policies on tenants of the branch, the second those of its users.
const CROSSING: &str = concat!(
    "SELECT ",
    policy_columns!(),
    ", u.tenant_no AS home FROM closure m JOIN access_policies a ON a.tenant_no = m.tenant_no
     JOIN tenants t ON t.no = a.tenant_no JOIN users u ON u.id = a.user_id
     WHERE m.ancestor_no = $1 AND ",
    left_behind!("u.tenant_no"),
    " UNION ALL SELECT ",
    policy_columns!(),
    ", u.tenant_no AS home FROM closure m JOIN users u ON u.tenant_no = m.tenant_no
     JOIN access_policies a ON a.user_id = u.id JOIN tenants t ON t.no = a.tenant_no
     WHERE m.ancestor_no = $1 AND ",
    left_behind!("a.tenant_no")
);

async fn insert(tx: &mut Write, policy: &AccessPolicy) -> Result<()> {
    let [server, namespace, path] = policy.resource.clone();
    tx.run(
        "INSERT INTO access_policies (id, version, user_id, trustee_type, issuer_id, tenant_no, role_id, created_at,
         updated_at, resource_server_id, resource_namespace, resource_path)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args![
            policy.id,
            policy.version,
            policy.trustee_id,
            policy.trustee_type.as_str(),
            policy.issuer_id,
            policy.tenant,
            policy.role.as_str(),
            policy.created_at,
            policy.updated_at,
            server,
            namespace,
            path
        ],
    )
    .await
    .map(|_| ())
}

/// What the change log says of a policy.
fn grant(policy: &AccessPolicy) -> String {
    let grant = format!("{} of {} on {}", policy.role, policy.trustee_id, policy.tenant_id);
    let resource = policy.resource.each_ref().map(|part| part.as_deref().unwrap_or_default());
    if resource == [""; 3] { grant } else { format!("{grant}, {}", resource.join(":")) }
}

async fn log(
    tx: &mut Write,
    home: TenantNo,
    policy: &AccessPolicy,
    old: Option<String>,
    new: Option<String>,
) -> Result<()> {
    let (object, id) = (Object::Policy, policy.id.to_string());
    tx.log(Change { object, id: &id, tenant: home, field: "grant", old, new }).await
}
