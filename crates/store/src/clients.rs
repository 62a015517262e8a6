//! API clients.

use domain::access::Client;
use domain::ids::{ClientId, TenantNo};

use crate::audit::{Change, Object};
use crate::dialect::placeholders;
use crate::{Arg, Conn, Result, Row, Write, arg, args, conn};

macro_rules! columns {
    () => {
        "c.id, c.tenant_no, t.id AS tenant_id, c.client_type, c.auth_method, c.data, c.redirect_uris, c.origin_id, c.status,
         c.roles, c.created_at, c.created_by, c.deleted_at, c.last_access_at, c.last_access_from_ip"
    };
}

const BY_ID: &str =
    concat!("SELECT ", columns!(), " FROM clients c JOIN tenants t ON t.no = c.tenant_no WHERE c.id = $1");

/// From the clients on, which ids or an origin name.
const LIST: &str = concat!(
    "SELECT DISTINCT ",
    columns!(),
    " FROM clients c CROSS JOIN tenants t CROSS JOIN closure k
      WHERE t.no = c.tenant_no AND k.tenant_no = c.tenant_no AND k.walls = 0
      AND (t.ancestral_access = 1 OR k.depth = 0) AND (c.deleted_at IS NULL OR $1 = 1)"
);

/// The client with this id, unless it is deleted.
pub async fn by_id(conn: &mut Conn, id: ClientId) -> Result<Option<Client>> {
    let row = conn.one(BY_ID, args![id]).await?;
    Ok(row.map(|row| client(&row)).transpose()?.filter(|client| client.deleted_at.is_none()))
}

/// Which clients to list.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those of these ids; all where absent.
    pub ids: Option<Vec<ClientId>>,
    /// Those from here.
    pub origin_id: Option<String>,
    /// Deleted ones, too.
    pub deleted_too: bool,
}

/// The clients that the filter names below any of these tenants that are open to it, oldest first.
pub async fn below(conn: &mut Conn, roots: &[TenantNo], filter: &Filter) -> Result<Vec<Client>> {
    let mut args = args![filter.deleted_too];
    let mut among = |column: &str, values: Vec<Arg>| {
        let list = placeholders(args.len() + 1, values.len());
        args.extend(values);
        format!(" AND {column} IN ({list})")
    };
    let below = among("k.ancestor_no", roots.iter().map(|root| Arg::from(*root)).collect());
    let of = |ids: &Vec<ClientId>| ids.iter().map(|id| Arg::from(*id)).collect();
    let named = filter.ids.as_ref().map_or(String::new(), |ids| among("c.id", of(ids)));
    let origin = filter.origin_id.as_deref();
    let of_origin = origin.map_or(String::new(), |id| among("c.origin_id", args![id]));
    let sql = format!("{LIST}{below}{named}{of_origin} ORDER BY c.created_at, c.id");
    conn.all_of(sql, args).await?.iter().map(client).collect()
}

const OF_TENANT: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM clients c JOIN tenants t ON t.no = c.tenant_no
      WHERE c.tenant_no = $1 AND (c.deleted_at IS NULL OR $2 = 1) ORDER BY c.created_at, c.id"
);

/// The clients of one tenant, oldest first.
pub async fn of_tenant(conn: &mut Conn, tenant: TenantNo, deleted_too: bool) -> Result<Vec<Client>> {
    conn.all(OF_TENANT, args![tenant, deleted_too]).await?.iter().map(client).collect()
}

fn client(row: &Row) -> Result<Client> {
    let redirect_uris = row.text("redirect_uris")?;
    Ok(Client {
        id: row.parsed("id")?,
        tenant: TenantNo(row.int("tenant_no")?),
        tenant_id: row.parsed("tenant_id")?,
        client_type: row.parsed("client_type")?,
        auth_method: row.parsed("auth_method")?,
        data: row.text("data")?,
        redirect_uris: serde_json::from_str(&redirect_uris)
            .map_err(|_| conn::corrupt("redirect_uris", redirect_uris, "a list of texts"))?,
        origin_id: row.opt_text("origin_id")?,
        status: row.parsed("status")?,
        roles: row.parsed_list("roles")?,
        created_at: row.instant("created_at")?,
        created_by: row.parsed("created_by")?,
        deleted_at: row.opt_instant("deleted_at")?,
        last_access_at: row.opt_instant("last_access_at")?,
        last_access_from_ip: row.opt_text("last_access_from_ip")?,
    })
}

/// What a client's credentials leave behind: SHA-256 of each, in hex.
#[derive(Debug, Clone)]
pub struct Hashes {
    /// Of the secret.
    pub secret: String,
    /// Of the registration access token.
    pub registration: String,
}

/// Inserts a client, with the first version of its fields in the change log.
pub async fn insert(tx: &mut Write, client: &Client, hashes: &Hashes) -> Result<()> {
    tx.run(
        "INSERT INTO clients (id, tenant_no, client_type, auth_method, secret_sha256, registration_sha256, data,
         redirect_uris, origin_id, status, roles, created_at, created_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        args![
            client.id,
            client.tenant,
            client.client_type.as_str(),
            client.auth_method.as_str(),
            hashes.secret.as_str(),
            hashes.registration.as_str(),
            client.data.as_str(),
            uris(client),
            client.origin_id.clone(),
            client.status.as_str(),
            arg::list(&client.roles),
            client.created_at,
            client.created_by
        ],
    )
    .await?;
    let (id, tenant) = (client.id.to_string(), client.tenant);
    let kind = [
        ("type", Some(client.client_type.to_string())),
        ("token_endpoint_auth_method", Some(client.auth_method.to_string())),
    ];
    let change = |(field, new)| Change { object: Object::Client, id: &id, tenant, field, old: None, new };
    tx.log_all_first(versioned(client).into_iter().chain(kind).map(change).collect()).await
}

/// Saves what a client may change, and its deletion; logs what has changed.
pub async fn update(tx: &mut Write, old: &Client, new: &Client) -> Result<()> {
    tx.run(
        "UPDATE clients SET data = $2, redirect_uris = $3, origin_id = $4, status = $5, deleted_at = $6 WHERE id = $1",
        args![
            new.id,
            new.data.as_str(),
            uris(new),
            new.origin_id.clone(),
            new.status.as_str(),
            new.deleted_at
        ],
    )
    .await?;
    let id = new.id.to_string();
    for ((field, old), (_, changed)) in versioned(old).into_iter().zip(versioned(new)) {
        let change = Change { object: Object::Client, id: &id, tenant: new.tenant, field, old, new: changed };
        tx.log(change).await?;
    }
    Ok(())
}

/// Notes that a client got a token, and where the request came from.
pub async fn touch(tx: &mut Write, id: ClientId, from_ip: Option<String>) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE clients SET last_access_at = $2, last_access_from_ip = $3 WHERE id = $1",
        args![id, now, from_ip],
    )
    .await
    .map(|_| ())
}

fn versioned(client: &Client) -> [(&'static str, Option<String>); 6] {
    [
        ("status", Some(client.status.to_string())),
        ("roles", Some(arg::list(&client.roles))),
        ("data", Some(client.data.clone())),
        ("redirect_uris", Some(uris(client))),
        ("origin_id", client.origin_id.clone()),
        ("deleted", Some(client.deleted_at.is_some().to_string())),
    ]
}

fn uris(client: &Client) -> String {
    serde_json::Value::from(client.redirect_uris.clone()).to_string()
}

/// The statements of lists, as [`crate::lists`] has them.
#[cfg(test)]
pub(crate) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let list = |filter| format!("{LIST} AND k.ancestor_no IN ($2) AND {filter} ORDER BY c.created_at, c.id");
    vec![
        ("clients by id", "c USING INDEX sqlite_autoindex_clients_1 (id=?)", list("c.id IN ($3, $4)")),
        ("clients of an origin", "c USING INDEX clients_by_origin (origin_id=?)", list("c.origin_id = $3")),
        ("clients of a tenant", "t USING INTEGER PRIMARY KEY (rowid=?)", OF_TENANT.to_owned()),
    ]
}
