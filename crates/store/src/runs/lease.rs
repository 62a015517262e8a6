//! Who is at a run. A lease that ran out may be taken over; its former holder then finds another epoch in the row.

use domain::ids::Seq;
use domain::report::RunStatus;
use domain::tenant::Language;
use domain::time::Instant;

use super::{Stored, log_status, select, stored};
use crate::dialect::lease_now;
use crate::{Conn, Result, Row, Write, args};

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

/// Claims the oldest run that may be tried now and whose history is frozen: its last needed day is the earlier of its
/// last day and yesterday (reports-api, 8.2).
pub async fn claim(tx: &mut Write) -> Result<Option<Claim>> {
    let now = tx.now();
    let row = tx
        .one(
            concat!(
                "UPDATE runs SET status = 'building', lease_epoch = lease_epoch + 1, lease_until = ",
                lease_end!(),
                " WHERE no = (SELECT r.no FROM runs r JOIN day_close d ON r.period_end <= d.frozen_day OR $2 <= d.frozen_day
                  WHERE r.status IN ('queued', 'building') AND r.not_before <= $1
                  AND (r.status = 'queued' OR r.lease_until IS NULL OR r.lease_until < ",
                lease_now!(),
                ") ORDER BY r.not_before, r.no LIMIT 1) RETURNING id, lease_epoch"
            ),
            args![now, now.day()],
        )
        .await?;
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
}

/// Settles them at the first start; later ones find what is settled.
pub async fn pin(tx: &mut Write, claim: &Claim) -> Result<Pinned> {
    let (now, as_of) = (tx.now(), tx.seq().await?);
    let row = tx
        .one(
            "UPDATE runs SET generated_at = COALESCE(generated_at, $2), as_of_seq = COALESCE(as_of_seq, $3),
             language = COALESCE(language, (SELECT language FROM tenants WHERE no = subject_no))
             WHERE id = $1 RETURNING generated_at, as_of_seq, language",
            args![claim.stored.run.id, now, as_of],
        )
        .await?;
    row.map_or(Ok(Pinned { generated_at: now, as_of, language: Language::ENGLISH }), |row| from_row(&row))
}

/// What is pinned of a run that was started.
pub async fn pinned(conn: &mut Conn, run: domain::ids::RunId) -> Result<Option<Pinned>> {
    let sql = "SELECT generated_at, as_of_seq, language FROM runs WHERE id = $1 AND generated_at IS NOT NULL";
    conn.one(sql, args![run]).await?.map(|row| from_row(&row)).transpose()
}

fn from_row(row: &Row) -> Result<Pinned> {
    let language = row.text("language")?;
    Ok(Pinned {
        generated_at: row.instant("generated_at")?,
        as_of: Seq(row.int("as_of_seq")?),
        language: Language::from_code(&language)
            .ok_or_else(|| crate::conn::corrupt("language", language, "a language code"))?,
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
