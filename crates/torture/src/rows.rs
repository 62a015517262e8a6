//! What the database says in the end. The only statements of this crate: they look from outside, past what the product
//! would say of itself.

use std::path::Path;

use anyhow::{Context as _, Result};
use domain::time::Instant;
use store::{Conn, Db, Postgres, Row};
use tokio::runtime::Runtime;

/// A run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The report it is of.
    pub report: String,
    /// When it was due.
    pub due_at: Instant,
    /// Whether it is to be mailed.
    pub is_sent: bool,
    /// How it ended.
    pub status: String,
    /// Why.
    pub reason: Option<String>,
}

/// A mail of the ledger.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// The run it belongs to.
    pub run: String,
    /// Who gets it.
    pub user: String,
    /// 0 for the first sending.
    pub resend_no: i64,
    /// Its Message-ID.
    pub message_id: String,
    /// How it ended.
    pub status: String,
    /// The relay's words, or the reason.
    pub detail: Option<String>,
}

/// A report.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Whether it is monthly.
    pub is_monthly: bool,
    /// When it was made.
    pub created_at: Instant,
}

/// A database, opened beside the nodes.
#[derive(Debug)]
pub struct Rows {
    runtime: Runtime,
    db: Db,
}

impl Rows {
    /// Opens PostgreSQL at this address, or else the file in the folder.
    pub fn open(address: Option<&str>, folder: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let db = runtime.block_on(async {
            match address {
                Some(address) => {
                    let mut server = Postgres::at(address).map_err(anyhow::Error::msg)?;
                    server.connections = 2;
                    Ok::<_, anyhow::Error>(Db::join_postgres(&server).await?)
                }
                None => Ok(Db::join(&folder.join("tidemark.db")).await?),
            }
        })?;
        Ok(Self { runtime, db })
    }

    /// Runs, oldest first.
    pub fn runs(&self) -> Result<Vec<Run>> {
        let sql = "SELECT id, report_id, due_at, result_action, status, reason FROM runs ORDER BY no";
        self.all(sql, |row| {
            Ok(Run {
                id: row.text("id")?,
                report: row.text("report_id")?,
                due_at: row.instant("due_at")?,
                is_sent: row.text("result_action")? == "send",
                status: row.text("status")?,
                reason: row.opt_text("reason")?,
            })
        })
    }

    /// Mails.
    pub fn deliveries(&self) -> Result<Vec<Delivery>> {
        let sql = "SELECT id, run_id, user_id, resend_no, message_id, status, detail FROM deliveries";
        self.all(sql, |row| {
            Ok(Delivery {
                id: row.text("id")?,
                run: row.text("run_id")?,
                user: row.text("user_id")?,
                resend_no: row.int("resend_no")?,
                message_id: row.text("message_id")?,
                status: row.text("status")?,
                detail: row.opt_text("detail")?,
            })
        })
    }

    /// Reports.
    pub fn reports(&self) -> Result<Vec<Report>> {
        let sql = "SELECT id, schedule, created_at FROM reports ORDER BY no";
        self.all(sql, |row| {
            Ok(Report {
                id: row.text("id")?,
                is_monthly: row.text("schedule")? == "monthly",
                created_at: row.instant("created_at")?,
            })
        })
    }

    /// Who was to get the mail of which run.
    pub fn recipients(&self) -> Result<Vec<(String, String)>> {
        let sql = "SELECT run_id, user_id FROM run_recipients";
        self.all(sql, |row| Ok((row.text("run_id")?, row.text("user_id")?)))
    }

    /// The runs that have an edition.
    pub fn editions(&self) -> Result<Vec<String>> {
        self.all("SELECT run_id FROM editions", |row| Ok(row.text("run_id")?))
    }

    /// Leases that somebody still holds, and work that is under way.
    pub fn held(&self) -> Result<(i64, i64)> {
        let leases = "SELECT (SELECT COUNT(*) FROM runs WHERE lease_until IS NOT NULL)
            + (SELECT COUNT(*) FROM deliveries WHERE lease_until IS NOT NULL) AS n";
        self.read(async |conn| {
            let open = store::runs::count_open(conn).await? + store::deliveries::count_open(conn).await?;
            Ok((conn.count(leases, Vec::new()).await?, open))
        })
    }

    /// The next moment that a mail or a run waits for.
    pub fn next_moment(&self, now: Instant) -> Result<Option<Instant>> {
        self.read(async |conn| {
            let run = store::runs::next_moment(conn, now).await?;
            Ok([run, store::deliveries::next_moment(conn, now).await?].into_iter().flatten().min())
        })
    }

    /// Whether the history has nothing left to do.
    pub fn history_rests(&self) -> Result<bool> {
        self.read(async |conn| {
            let rewrite = store::history::next_rewrite(conn).await?;
            Ok(rewrite.is_none() && store::history::unpacked_range(conn).await?.is_none())
        })
    }

    fn all<T>(&self, sql: &'static str, read: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
        let rows = self.read(async |conn| Ok(conn.all(sql, Vec::new()).await?))?;
        rows.iter().map(|row| read(row).context(sql)).collect()
    }

    fn read<T>(&self, look: impl AsyncFnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        self.runtime.block_on(async {
            let mut conn = self.db.read().await?;
            look(&mut conn).await
        })
    }
}
