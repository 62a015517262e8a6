//! Nodes: the processes that serve a database, and what becomes of the leases of one that is gone.
//!
//! All times here are of the database's clock, the one that all nodes share.

use domain::ids::NodeId;
use domain::node::NodeStatus;
use domain::time::Instant;

use crate::dialect::lease_now;
use crate::{Conn, Result, Row, Write, args};

/// A node that has said nothing for this long is taken for dead, in microseconds.
pub const SILENCE_MICROS: i64 = 15_000_000;

/// Nodes are forgotten this long after their last sign of life: a week, in microseconds.
macro_rules! kept {
    () => {
        "604800000000"
    };
}

/// How long ago the node `n` gave its last sign of life, in microseconds. A sign that lies ahead is of a clock that was set
/// back since, and is as far away.
macro_rules! silence {
    () => {
        concat!("ABS(", lease_now!(), " - n.seen_at)")
    };
}

/// The leases that have not run out of nodes that have said goodbye and, where `$1`, of those that have said nothing for
/// [`SILENCE_MICROS`].
macro_rules! is_held_by_one_gone {
    () => {
        concat!(
            " AND lease_until IS NOT NULL AND lease_node IN (SELECT n.id FROM nodes n
              WHERE n.stopped_at IS NOT NULL OR ($1 = 1 AND ",
            silence!(),
            " > 15000000))"
        )
    };
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Drawn anew at each start.
    pub id: NodeId,
    /// The name of its machine.
    pub host: String,
    /// Where it listens.
    pub address: Option<String>,
    /// Of Tidemark.
    pub version: String,
}

/// A node as the database knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it says of itself.
    pub about: About,
    /// How it is.
    pub status: NodeStatus,
    /// When it gave its first sign of life.
    pub started_at: Instant,
    /// When it gave its last.
    pub seen_at: Instant,
    /// When it said goodbye.
    pub stopped_at: Option<Instant>,
    /// How long ago its last sign of life is, in microseconds.
    pub silence_micros: i64,
}

/// Gives a sign of life, the first of which makes the node known; gives back its moment. For a transaction aside.
pub async fn sign(tx: &mut Write, about: &About) -> Result<Instant> {
    let row = tx
        .one(
            concat!(
                "INSERT INTO nodes (id, host, address, version, started_at, seen_at) VALUES ($1, $2, $3, $4, ",
                lease_now!(),
                ", ",
                lease_now!(),
                ") ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at RETURNING seen_at"
            ),
            args![about.id, about.host.as_str(), about.address.as_deref(), about.version.as_str()],
        )
        .await?;
    row.map_or(Ok(Instant(0)), |row| row.instant("seen_at"))
}

/// Says goodbye for a node, and forgets those that are long gone.
pub async fn stop(tx: &mut Write, id: NodeId) -> Result<()> {
    tx.run(concat!("UPDATE nodes SET stopped_at = ", lease_now!(), " WHERE id = $1"), args![id]).await?;
    forget(tx).await
}

/// Forgets the nodes that are long gone.
pub async fn forget(tx: &mut Write) -> Result<()> {
    let sql = concat!("DELETE FROM nodes WHERE seen_at < ", lease_now!(), " - ", kept!());
    tx.run(sql, args![]).await.map(drop)
}

/// Whether a node holds a lease that has said goodbye or, with `silent_too`, is silent.
pub async fn has_work_of_one_gone(conn: &mut Conn, silent_too: bool) -> Result<bool> {
    let sql = concat!(
        "SELECT (SELECT COUNT(*) FROM runs WHERE status = 'building'",
        is_held_by_one_gone!(),
        ") + (SELECT COUNT(*) FROM deliveries WHERE status = 'sending'",
        is_held_by_one_gone!(),
        ") + (SELECT COUNT(*) FROM mailed_links WHERE status = 'sending'",
        is_held_by_one_gone!(),
        ") AS n"
    );
    Ok(conn.count(sql, args![silent_too]).await? > 0)
}

/// Voids the leases of nodes that have said goodbye and, with `silent_too`, of those that are silent, so that others take the
/// work over; gives back how many there were. Their epochs stay until then: a node that comes back before goes on with what
/// it held.
pub async fn void_leases_of_those_gone(tx: &mut Write, silent_too: bool) -> Result<u64> {
    let runs =
        concat!("UPDATE runs SET lease_until = NULL WHERE status = 'building'", is_held_by_one_gone!());
    let deliveries =
        concat!("UPDATE deliveries SET lease_until = NULL WHERE status = 'sending'", is_held_by_one_gone!());
    let links = concat!(
        "UPDATE mailed_links SET lease_until = NULL WHERE status = 'sending'",
        is_held_by_one_gone!()
    );
    let mut voided = 0;
    for sql in [runs, deliveries, links] {
        voided += tx.run(sql, args![silent_too]).await?;
    }
    Ok(voided)
}

/// Whether no other node that is alive has been there for longer: for what does not get on where several are at it.
pub async fn is_eldest(conn: &mut Conn, own: NodeId) -> Result<bool> {
    let sql = concat!(
        "SELECT COUNT(*) AS n FROM nodes n JOIN nodes o ON o.id = $1
         WHERE (n.started_at < o.started_at OR (n.started_at = o.started_at AND n.id < o.id))
         AND n.stopped_at IS NULL AND ",
        silence!(),
        " <= 15000000"
    );
    Ok(conn.count(sql, args![own]).await? == 0)
}

/// Tells the nodes that listen ([`crate::Db::hints`]) that there may be work, once the transaction is committed.
pub async fn hint(tx: &mut Write, own: NodeId) -> Result<()> {
    // Nobody listens to a database that is not shared.
    let sql =
        tx.in_dialect("SELECT $1 AS told", "SELECT CAST(pg_notify('tidemark_work', $1) AS TEXT) AS told");
    tx.one(sql, args![own]).await.map(drop)
}

/// All nodes that are known, by start.
pub async fn all(conn: &mut Conn) -> Result<Vec<Node>> {
    let sql = concat!(
        "SELECT n.id, n.host, n.address, n.version, n.started_at, n.seen_at, n.stopped_at, ",
        silence!(),
        " AS silence FROM nodes n ORDER BY n.started_at, n.id"
    );
    let rows = conn.all(sql, args![]).await?;
    rows.iter().map(node).collect()
}

fn node(row: &Row) -> Result<Node> {
    let (stopped_at, silence_micros) = (row.opt_instant("stopped_at")?, row.int("silence")?);
    let status = match stopped_at {
        Some(_) => NodeStatus::Stopped,
        None if silence_micros > SILENCE_MICROS => NodeStatus::Silent,
        None => NodeStatus::Alive,
    };
    let about = About {
        id: row.parsed("id")?,
        host: row.text("host")?,
        address: row.opt_text("address")?,
        version: row.text("version")?,
    };
    let (started_at, seen_at) = (row.instant("started_at")?, row.instant("seen_at")?);
    Ok(Node { about, status, started_at, seen_at, stopped_at, silence_micros })
}
