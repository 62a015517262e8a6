//! What was delivered, frozen and numbered per report, subject and period.

use domain::ids::RunId;

use super::{Pinned, Stored};
use crate::{Conn, Result, Write, args};

/// Inserts the edition of a run that is ready, with the next number.
pub async fn insert(tx: &mut Write, stored: &Stored, pinned: &Pinned, renderer_version: u32) -> Result<()> {
    let run = &stored.run;
    tx.run(
        "INSERT INTO editions (report_id, subject_no, period_start, period_end, number, run_id, as_of_seq, generated_at,
         language, renderer_version)
         SELECT $1, $2, $3, $4, COALESCE(MAX(number), 0) + 1, $5, $6, $7, $8, $9 FROM editions
         WHERE report_id = $1 AND subject_no = $2 AND period_start = $3 AND period_end = $4",
        args![
            run.report_id,
            stored.subject,
            run.period.start,
            run.period.end,
            run.id,
            pinned.as_of,
            pinned.generated_at,
            pinned.language.code(),
            i64::from(renderer_version)
        ],
    )
    .await
    .map(|_| ())
}

/// The number of a run's edition; `None` before it is ready.
pub async fn number(conn: &mut Conn, run: RunId) -> Result<Option<i64>> {
    let row = conn.one("SELECT number FROM editions WHERE run_id = $1", args![run]).await?;
    row.map(|row| row.int("number")).transpose()
}
