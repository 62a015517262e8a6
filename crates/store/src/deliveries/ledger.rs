//! The delivery ledger as people read it: newest first, a slice at a time.
//!
//! Of a few tenants each one's newest are taken and sorted. Of more the ledger is walked down by time, at most [`WINDOW`]
//! deliveries a slice: of one run, report, user or address where that is asked for, else of all, or of all that were not
//! sent. So no slice reads the whole ledger.

use domain::delivery::DeliveryStatus;
use domain::ids::{DeliveryId, ReportId, RunId, TenantId, TenantNo, UserId};
use domain::report::Level;
use domain::time::{Instant, Period};

use super::entry::entry;
use crate::arg::list;
use crate::{Arg, Conn, Result, Write, args};

pub use super::entry::Entry;

/// The most tenants of which each one's newest deliveries are taken.
const FEW: i64 = 500;
/// The most deliveries that a slice looks at where there are more tenants.
const WINDOW: i64 = 10_000;

/// A place in the ledger. A later one is greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When the delivery was inserted.
    pub created_at: Instant,
    /// Its id; empty before all of that moment.
    pub id: String,
}

impl Position {
    const fn before(created_at: Instant) -> Self {
        Self { created_at, id: String::new() }
    }
}

/// Which deliveries are wanted: all that an absent one does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states; in any where there are none.
    pub states: Vec<DeliveryStatus>,
    /// Of this report.
    pub report: Option<ReportId>,
    /// Of this run.
    pub run: Option<RunId>,
    /// To this user.
    pub user: Option<UserId>,
    /// To this address, in lower case; only those that the reader sees.
    pub address: Option<String>,
    /// Of runs that report one of these days.
    pub days: Option<Period>,
    /// Inserted at this moment or later.
    pub since: Option<Instant>,
    /// Inserted before this moment.
    pub until: Option<Instant>,
}

impl Filter {
    fn has_sent(&self) -> bool {
        self.states.is_empty() || self.states.contains(&DeliveryStatus::Sent)
    }

    /// `,bounced,gave_up,`
    fn words(&self) -> Option<String> {
        (!self.states.is_empty()).then(|| format!(",{},", list(&self.states)))
    }
}

/// Who reads, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// The tenant at and below which subjects are read.
    pub root: TenantNo,
    /// Whether the reader may look inside it.
    pub inside: bool,
    /// The tenant from which recipients are seen.
    pub from: TenantNo,
    /// The operator's sight: nothing is hidden.
    pub all: bool,
}

/// Some deliveries, newest first.
#[derive(Debug, Clone)]
pub struct Slice {
    /// At most as many as were asked for. There may be none though more follow.
    pub entries: Vec<Entry>,
    /// Behind what the next slice begins, where more may follow.
    pub next: Option<Position>,
}

/// Whether the reader from `$4` may see the user of `d`; `$2`: everything.
macro_rules! sees_recipient {
    () => {
        "CASE WHEN $2 = 1 OR EXISTS (SELECT 1 FROM users u CROSS JOIN closure c CROSS JOIN tenants o
             WHERE u.id = d.user_id AND c.ancestor_no = $4 AND c.tenant_no = u.tenant_no AND c.walls = 0
             AND o.no = u.tenant_no AND (c.depth = 0 OR o.ancestral_access = 1)) THEN 1 ELSE 0 END"
    };
}
/// What a closed subject shows to those outside: deliveries of its own figures, as in its reports.
macro_rules! seen {
    ($run:literal) => {
        concat!(
            "(k.walls = 0 OR $2 = 1) AND (k.depth = 0 OR $3 = 1) AND ($2 = 1 OR ",
            $run,
            ".level = 'itself' OR (k.depth = 0 AND $3 = 1) OR (k.depth > 0 AND s.ancestral_access = 1))"
        )
    };
}

pub(crate) use seen;

/// Entries of what comes behind, which names `d`, `k`, `s` and `r`; from `($12, $13)` on, before `($14, $15)`.
macro_rules! entries {
    ($from:expr) => {
        concat!(
            "SELECT d.id, d.run_id, d.user_id, d.resend_no, d.message_id, d.status, d.detail, d.attempts, d.not_before,
             d.address, d.created_at, d.report_id, d.subject_no, d.due_at, d.asked_by_kind, d.asked_by, d.finished_at,
             d.resent_at, d.acknowledged_at, d.delay, d.link_until, s.id AS subject_id, r.level, r.period_start, r.period_end,
             r.due_at AS run_due_at, e.number AS edition, ",
            sees_recipient!(),
            " AS sees_recipient ",
            $from,
            " AND ",
            seen!("r"),
            " AND ($5 IS NULL OR $5 LIKE '%,' || d.status || ',%') AND ($6 IS NULL OR d.run_id || '' = $6)
             AND ($7 IS NULL OR d.user_id || '' = $7)
             AND ($8 IS NULL OR (d.address || '' = $8 AND ",
            sees_recipient!(),
            " = 1)) AND ($9 IS NULL OR d.report_id || '' = $9)
             AND ($10 IS NULL OR (r.period_start < $11 AND r.period_end > $10))
             AND (d.created_at, d.id) >= ($12, $13) AND (d.created_at, d.id) < ($14, $15)
             ORDER BY d.created_at DESC, d.id DESC LIMIT $16"
        )
    };
}

/// The tenants first: of each at least the newest `$16` that are wanted, and sorted.
macro_rules! by_tenant {
    ($outer:literal, $inner:literal) => {
        entries!(concat!(
            "FROM closure k CROSS JOIN tenants s CROSS JOIN deliveries d CROSS JOIN runs r
             LEFT JOIN editions e ON e.run_id = d.run_id
             WHERE k.ancestor_no = $1 AND s.no = k.tenant_no AND d.subject_no = k.tenant_no AND r.id = d.run_id",
            $outer,
            " AND d.created_at >= COALESCE((SELECT x.created_at FROM deliveries x CROSS JOIN runs m
                 WHERE x.subject_no = k.tenant_no AND m.id = x.run_id",
            $inner,
            " AND ",
            seen!("m"),
            " AND ($5 IS NULL OR $5 LIKE '%,' || x.status || ',%')
                 AND ($10 IS NULL OR (m.period_start < $11 AND m.period_end > $10))
                 AND (x.created_at, x.id) < ($14, $15) ORDER BY x.created_at DESC, x.id DESC LIMIT 1 OFFSET $16), $12)"
        ))
    };
}
const BY_TENANT: &str = by_tenant!("", "");
const NOT_SENT_BY_TENANT: &str = by_tenant!(" AND d.status <> 'sent'", " AND x.status <> 'sent'");

/// A walk down the ledger by time: the deliveries come first, and each subject is looked up in the tree.
struct Walk {
    slice: &'static str,
    /// The delivery that stands `$3` deliveries before a position, of those that are walked through.
    floor: &'static str,
}

macro_rules! walk {
    ($slice:literal, $floor:literal) => {
        Walk {
            slice: entries!(concat!(
                "FROM deliveries d CROSS JOIN closure k CROSS JOIN tenants s CROSS JOIN runs r
                 LEFT JOIN editions e ON e.run_id = d.run_id
                 WHERE k.ancestor_no = $1 AND k.tenant_no = d.subject_no AND s.no = d.subject_no AND r.id = d.run_id",
                $slice
            )),
            floor: concat!(
                "SELECT created_at, id FROM deliveries WHERE (created_at, id) < ($1, $2)",
                $floor,
                " ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET $3"
            ),
        }
    };
}
const OF_RUN: Walk = walk!(" AND d.run_id = $6", " AND run_id = $4");
const OF_REPORT: Walk = walk!(" AND d.report_id = $9", " AND report_id = $4");
const TO_USER: Walk = walk!(" AND d.user_id = $7", " AND user_id = $4");
const TO_ADDRESS: Walk = walk!(" AND d.address = $8", " AND address = $4");
const NOT_SENT: Walk = walk!(" AND d.status <> 'sent'", " AND status <> 'sent'");
const OF_ALL: Walk = walk!("", "");

/// The newest delivery of each recipient and run of a report, where it did not arrive.
const TO_RESEND: &str = entries!(
    "FROM deliveries d CROSS JOIN closure k CROSS JOIN tenants s CROSS JOIN runs r
     LEFT JOIN editions e ON e.run_id = d.run_id
     WHERE d.report_id = $9 AND d.status <> 'sent' AND d.resent_at IS NULL
     AND k.ancestor_no = $1 AND k.tenant_no = d.subject_no AND s.no = d.subject_no AND r.id = d.run_id"
);

/// The walk through the fewest deliveries, and what it is bounded by.
fn walk(filter: &Filter) -> (&'static Walk, Option<Arg>) {
    if let Some(run) = filter.run {
        (&OF_RUN, Some(run.into()))
    } else if let Some(report) = filter.report {
        (&OF_REPORT, Some(report.into()))
    } else if let Some(user) = filter.user {
        (&TO_USER, Some(user.into()))
    } else if let Some(address) = &filter.address {
        (&TO_ADDRESS, Some(address.clone().into()))
    } else if filter.has_sent() {
        (&OF_ALL, None)
    } else {
        (&NOT_SENT, None)
    }
}

/// At most `limit` deliveries that the reader sees, behind a position.
pub async fn newest(
    conn: &mut Conn,
    sight: Sight,
    filter: &Filter,
    behind: Option<Position>,
    limit: i64,
) -> Result<Slice> {
    let end = filter.until.map_or(Position::before(Instant(i64::MAX)), Position::before);
    let begin = Position::before(filter.since.unwrap_or(Instant(i64::MIN)));
    let end = behind.map_or(end.clone(), |behind| behind.min(end));
    let (walk, bound) = walk(filter);
    if bound.is_none() && are_few(conn, sight.root).await? {
        let sql = if filter.has_sent() { BY_TENANT } else { NOT_SENT_BY_TENANT };
        return slice(conn, sql, sight, filter, (&begin, &end), limit).await;
    }
    let floor = floor(conn, walk, &end, bound).await?.filter(|floor| *floor > begin);
    let from = floor.as_ref().unwrap_or(&begin);
    let mut found = slice(conn, walk.slice, sight, filter, (from, &end), limit).await?;
    found.next = found.next.or(floor);
    Ok(found)
}

async fn are_few(conn: &mut Conn, root: TenantNo) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM (SELECT 1 FROM closure WHERE ancestor_no = $1 LIMIT $2) few";
    Ok(conn.count(sql, args![root, FEW + 1]).await? <= FEW)
}

/// The delivery that stands [`WINDOW`] deliveries before a position; `None` where fewer do.
async fn floor(conn: &mut Conn, walk: &Walk, end: &Position, bound: Option<Arg>) -> Result<Option<Position>> {
    let mut args = args![end.created_at, end.id.as_str(), WINDOW];
    args.extend(bound);
    let row = conn.one(walk.floor, args).await?;
    row.map(|row| Ok(Position { created_at: row.instant("created_at")?, id: row.text("id")? })).transpose()
}

async fn slice(
    conn: &mut Conn,
    sql: &'static str,
    sight: Sight,
    filter: &Filter,
    (begin, end): (&Position, &Position),
    limit: i64,
) -> Result<Slice> {
    let Sight { root, inside, from, all } = sight;
    let (first, last) = filter.days.map_or((None, None), |days| (Some(days.start), Some(days.end)));
    let args = args![
        root,
        all,
        inside,
        from,
        filter.words(),
        filter.run,
        filter.user,
        filter.address.clone(),
        filter.report,
        first,
        last,
        begin.created_at,
        begin.id.as_str(),
        end.created_at,
        end.id.as_str(),
        limit.saturating_add(1)
    ];
    let rows = conn.all(sql, args).await?;
    let mut entries = rows.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let is_more = i64::try_from(entries.len()).is_ok_and(|found| found > limit);
    if is_more {
        entries.pop();
    }
    let next = entries.last().map(Entry::position).filter(|_| is_more);
    Ok(Slice { entries, next })
}

/// One delivery as the reader sees it; `None` where there is none or its subject lies out of sight.
pub async fn one(conn: &mut Conn, sight: Sight, id: DeliveryId) -> Result<Option<Entry>> {
    let Some(row) = conn.one("SELECT run_id, created_at FROM deliveries WHERE id = $1", args![id]).await?
    else {
        return Ok(None);
    };
    let filter = Filter { run: Some(row.parsed("run_id")?), ..Filter::default() };
    let created_at = row.instant("created_at")?;
    let begin = Position { created_at, id: id.to_string() };
    // Behind this delivery and before every other one: no id is as long.
    let end = Position { created_at, id: format!("{id}~") };
    let found = slice(conn, OF_RUN.slice, sight, &filter, (&begin, &end), 1).await?;
    Ok(found.entries.into_iter().next())
}

/// Where a delivery belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whom its report is about.
    pub subject: TenantId,
    /// Which descendants its run shows.
    pub level: Level,
}

/// Where the delivery with this id belongs.
pub async fn place(conn: &mut Conn, id: DeliveryId) -> Result<Option<Place>> {
    let sql = "SELECT s.id, r.level FROM deliveries d CROSS JOIN runs r CROSS JOIN tenants s
               WHERE d.id = $1 AND r.id = d.run_id AND s.no = r.subject_no";
    let row = conn.one(sql, args![id]).await?;
    row.map(|row| Ok(Place { subject: row.parsed("id")?, level: row.parsed("level")? })).transpose()
}

/// The newest deliveries of each recipient of a report, or of one of its runs, that stand in one of the filter's states; those
/// that were sent are never among them.
pub async fn to_resend(
    conn: &mut Conn,
    sight: Sight,
    report: ReportId,
    filter: &Filter,
    behind: Option<Position>,
    limit: i64,
) -> Result<Slice> {
    let filter = Filter { report: Some(report), ..filter.clone() };
    let begin = Position::before(Instant(i64::MIN));
    let end = behind.unwrap_or(Position::before(Instant(i64::MAX)));
    slice(conn, TO_RESEND, sight, &filter, (&begin, &end), limit).await
}

/// Notes that a delivery was sent once more; `false` where it was before.
pub async fn mark_resent(tx: &mut Write, id: DeliveryId) -> Result<bool> {
    let now = tx.now();
    let sql = "UPDATE deliveries SET resent_at = $2 WHERE id = $1 AND resent_at IS NULL";
    Ok(tx.run(sql, args![id, now]).await? == 1)
}

/// The statements of the ledger: a name, what each begins at, and its text.
#[cfg(test)]
pub(crate) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let mut all = vec![
        ("deliveries by tenant", "k USING PRIMARY KEY (ancestor_no=?)", BY_TENANT.to_owned()),
        ("unsent by tenant", "k USING PRIMARY KEY (ancestor_no=?)", NOT_SENT_BY_TENANT.to_owned()),
        ("deliveries to resend", "deliveries_to_resend (report_id=?", TO_RESEND.to_owned()),
    ];
    let walks = [
        ("deliveries of a run", "(run_id=?", OF_RUN),
        ("deliveries of a report", "deliveries_of_report (report_id=?", OF_REPORT),
        ("deliveries to a user", "deliveries_to_user (user_id=?", TO_USER),
        ("deliveries to an address", "deliveries_to_address (address=?", TO_ADDRESS),
        ("unsent deliveries", "deliveries_not_sent ((created_at,id)", NOT_SENT),
        ("all deliveries", "deliveries_by_time ((created_at,id)", OF_ALL),
    ];
    for (name, first, Walk { slice, floor }) in walks {
        all.extend([(name, first, slice.to_owned()), (name, first, floor.to_owned())]);
    }
    all
}
