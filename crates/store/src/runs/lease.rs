//! Who is at a run. A lease that ran out may be taken over; its former holder then finds another epoch in the row.

use domain::ids::{NodeId, Seq};
use domain::report::{Kind, RunStatus};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use domain::time::{Instant, Period};

use super::{Stored, log_status, select, stored};
use crate::dialect::lease_now;
use crate::{Arg, Conn, Result, Row, Write, args, brands};

/// How long a lease lasts without a write of its holder, in microseconds: longer than any one step of a run.
macro_rules! lease_end {
    () => {
        concat!(lease_now!(), " + 600000000")
    };
}

/// A run that this node is at.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The run.
    pub stored: Stored,
    /// Goes up with each claim.
    pub epoch: i64,
}

/// Runs that read the same of the history, among those that there were when somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// The days they report.
    pub period: Period,
    /// What is counted.
    pub kind: Kind,
    /// Monthly ones leave the usage of trial tenants out.
    pub schedule: ScheduleType,
    /// The newest run there was.
    newest: i64,
}

impl Alike {
    fn args(self, now: Instant) -> Vec<Arg> {
        let Self { period, kind, schedule, newest } = self;
        args![now, now.day(), period.start, period.end, kind.as_str(), schedule.as_str(), newest]
    }
}

/// Runs `r` that may be tried at `$1`, on the day `$2`, and whose history is frozen: the last day they need is the earlier
/// of their last day and yesterday (reports-api, 8.2). The open runs come first, in their order: not those of all years.
macro_rules! ready {
    () => {
        concat!(
            " FROM runs r CROSS JOIN day_close d
              WHERE (r.period_end <= d.frozen_day OR $2 <= d.frozen_day)
              AND r.status IN ('queued', 'building') AND r.not_before <= $1
              AND (r.status = 'queued' OR r.lease_until IS NULL OR r.lease_until < ",
            lease_now!(),
            ")"
        )
    };
}

/// Those of them that are [`Alike`].
macro_rules! alike {
    () => {
        concat!(
            ready!(),
            " AND r.period_start = $3 AND r.period_end = $4 AND r.kind = $5 AND r.schedule = $6 AND r.no <= $7"
        )
    };
}

/// What the oldest run reads that may be tried now.
pub async fn next(conn: &mut Conn, now: Instant) -> Result<Option<Alike>> {
    let sql = concat!(
        "SELECT r.period_start, r.period_end, r.kind, r.schedule, (SELECT MAX(no) FROM runs) AS newest",
        ready!(),
        " ORDER BY r.not_before, r.no LIMIT 1"
    );
    let Some(row) = conn.one(sql, args![now, now.day()]).await? else { return Ok(None) };
    Ok(Some(Alike {
        period: Period { start: row.day("period_start")?, end: row.day("period_end")? },
        kind: row.parsed("kind")?,
        schedule: row.parsed("schedule")?,
        newest: row.int("newest")?,
    }))
}

/// How many of these may be tried now.
pub async fn count_alike(conn: &mut Conn, alike: Alike, now: Instant) -> Result<i64> {
    conn.count(concat!("SELECT COUNT(*) AS n", alike!()), alike.args(now)).await
}

/// Claims the oldest of these that may be tried now, for this node.
pub async fn claim(tx: &mut Write, alike: Alike, node: Option<NodeId>) -> Result<Option<Claim>> {
    let sql = concat!(
        "UPDATE runs SET status = 'building', lease_node = $8, lease_epoch = lease_epoch + 1, lease_until = ",
        lease_end!(),
        " WHERE no = (SELECT r.no",
        alike!(),
        " ORDER BY r.not_before, r.no LIMIT 1) RETURNING id, lease_epoch"
    );
    let mut args = alike.args(tx.now());
    args.push(node.into());
    let row = tx.one(sql, args).await?;
    let Some(row) = row else { return Ok(None) };
    let (id, epoch) = (row.text("id")?, row.int("lease_epoch")?);
    let Some(row) = tx.one(select!("WHERE r.id = $1"), args![id]).await? else { return Ok(None) };
    let stored = stored(tx, &row).await?;
    if epoch == 1 {
        log_status(tx, &stored, Some(RunStatus::Queued), RunStatus::Building).await?;
    }
    Ok(Some(Claim { stored, epoch }))
}

/// Whether the run is still this claim's, and the lease renewed if so. Belongs at the start of every transaction of the
/// job: nobody can take the run over before the transaction ends.
pub async fn hold(tx: &mut Write, claim: &Claim) -> Result<bool> {
    let held = tx
        .run(
            concat!(
                "UPDATE runs SET lease_until = ",
                lease_end!(),
                " WHERE id = $1 AND lease_epoch = $2 AND status = 'building'"
            ),
            args![claim.stored.run.id, claim.epoch],
        )
        .await?;
    Ok(held == 1)
}

/// What the first start of a run settles for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pinned {
    /// The first start.
    pub generated_at: Instant,
    /// What was accepted up to here counts.
    pub as_of: Seq,
    /// The subject's language then.
    pub language: Language,
    /// The brand that the subject showed then, in its version of `as_of`; `None`: the platform's own look.
    pub brand: Option<i64>,
}

/// Settles them at the first start; later ones find what is settled. What counts is what was accepted up to `as_of`, or up
/// to now.
pub async fn pin(tx: &mut Write, claim: &Claim, as_of: Option<Seq>) -> Result<Pinned> {
    let now = tx.now();
    let as_of = match as_of {
        Some(as_of) => as_of,
        None => tx.seq().await?,
    };
    let brand = brands::nearest(tx, claim.stored.subject).await?.map(|brand| brand.id);
    let row = tx
        .one(
            "UPDATE runs SET generated_at = COALESCE(generated_at, $2), as_of_seq = COALESCE(as_of_seq, $3),
             language = COALESCE(language, (SELECT language FROM tenants WHERE no = subject_no)),
             brand_id = CASE WHEN generated_at IS NULL THEN $4 ELSE brand_id END
             WHERE id = $1 RETURNING generated_at, as_of_seq, language, brand_id",
            args![claim.stored.run.id, now, as_of, brand],
        )
        .await?;
    let anew = Pinned { generated_at: now, as_of, language: Language::ENGLISH, brand };
    row.map_or(Ok(anew), |row| from_row(&row))
}

/// What is pinned of a run that was started.
pub async fn pinned(conn: &mut Conn, run: domain::ids::RunId) -> Result<Option<Pinned>> {
    let sql = "SELECT generated_at, as_of_seq, language, brand_id FROM runs
               WHERE id = $1 AND generated_at IS NOT NULL";
    conn.one(sql, args![run]).await?.map(|row| from_row(&row)).transpose()
}

fn from_row(row: &Row) -> Result<Pinned> {
    let language = row.text("language")?;
    Ok(Pinned {
        generated_at: row.instant("generated_at")?,
        as_of: Seq(row.int("as_of_seq")?),
        language: Language::from_code(&language)
            .ok_or_else(|| crate::conn::corrupt("language", language, "a language code"))?,
        brand: row.opt_int("brand_id")?,
    })
}

/// Puts the run back after a fault, to be tried again from `not_before` on.
pub async fn record_fault(
    tx: &mut Write,
    claim: &Claim,
    why: &str,
    attempts: i64,
    not_before: Instant,
) -> Result<()> {
    tx.run(
        "UPDATE runs SET status = 'queued', reason = $2, attempts = $3, not_before = $4, lease_until = NULL
         WHERE id = $1",
        args![claim.stored.run.id, why, attempts, not_before],
    )
    .await
    .map(|_| ())
}

/// Voids every lease: for the start of the only process on a database, where the holders are gone.
pub async fn release_leases(tx: &mut Write) -> Result<()> {
    tx.run("UPDATE runs SET lease_until = NULL WHERE status = 'building'", args![]).await?;
    tx.run("UPDATE deliveries SET lease_until = NULL WHERE status = 'sending'", args![]).await.map(|_| ())
}
