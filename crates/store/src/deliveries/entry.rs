//! A row of the delivery ledger.

use domain::access::Actor;
use domain::delivery::Delivery;
use domain::ids::{ReportId, TenantId, TenantNo};
use domain::report::Level;
use domain::time::{Instant, Period};

use super::delivery;
use super::ledger::Position;
use crate::{Result, Row};

/// A delivery with what it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The delivery.
    pub delivery: Delivery,
    /// The report it is of.
    pub report_id: ReportId,
    /// Whom the report is about.
    pub subject_id: TenantId,
    /// Its subject's number.
    pub subject: TenantNo,
    /// Which descendants the run shows.
    pub level: Level,
    /// The days the run reports.
    pub period: Period,
    /// When the run was due.
    pub run_due_at: Instant,
    /// The number of the run's edition.
    pub edition: Option<i64>,
    /// When the mail should have left.
    pub due_at: Instant,
    /// Who asked for it; `System` for what follows from the report itself.
    pub asked_by: Actor,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// When it was sent once more; `None` of the newest.
    pub resent_at: Option<Instant>,
    /// When somebody said to know that it did not arrive.
    pub acknowledged_at: Option<Instant>,
    /// What the last report of a delay said, on the way behind the server that took it.
    pub delay: Option<String>,
    /// Up to when its link gives the files; `None` where they are attached.
    pub link_until: Option<Instant>,
    /// Whether the reader may see whom it went to.
    pub sees_recipient: bool,
}

impl Entry {
    /// Where it stands in the ledger.
    pub fn position(&self) -> Position {
        Position { created_at: self.delivery.created_at, id: self.delivery.id.to_string() }
    }
}

/// An entry of a row of the ledger.
pub(super) fn entry(row: &Row) -> Result<Entry> {
    let asked_by = match row.text("asked_by_kind")?.as_str() {
        "system" => Actor::System,
        "client" => Actor::Client(row.parsed("asked_by")?),
        _ => Actor::User(row.parsed("asked_by")?),
    };
    Ok(Entry {
        delivery: delivery(row)?,
        report_id: row.parsed("report_id")?,
        subject_id: row.parsed("subject_id")?,
        subject: TenantNo(row.int("subject_no")?),
        level: row.parsed("level")?,
        period: Period { start: row.day("period_start")?, end: row.day("period_end")? },
        run_due_at: row.instant("run_due_at")?,
        edition: row.opt_int("edition")?,
        due_at: row.instant("due_at")?,
        asked_by,
        finished_at: row.opt_instant("finished_at")?,
        resent_at: row.opt_instant("resent_at")?,
        acknowledged_at: row.opt_instant("acknowledged_at")?,
        delay: row.opt_text("delay")?,
        link_until: row.opt_instant("link_until")?,
        sees_recipient: row.flag("sees_recipient")?,
    })
}
