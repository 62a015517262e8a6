//! What a report is made from, as it was known at one acceptance number.
//!
//! The number of statements is the same for one tenant and for a whole channel: each joins the closure table instead of
//! naming tenants. What changed after the acceptance number is undone in memory: versions by the change log, levels by
//! the ledger.

mod branch;
mod cells;
mod channel;
mod infras;
mod items;
mod tenants;
mod versions;

use domain::billing::LONGEST_BILLING_PERIOD;
use domain::ids::{Seq, TenantNo};
use domain::report::{Kind, Level, ReportInput};
use domain::time::{Day, Period};

use crate::{Arg, Conn, Result, args, catalogue};
pub use branch::{Outlook, storages};
pub use cells::load as archive;
pub use channel::{Channel, channel};
pub(crate) use tenants::twig;
use versions::Versions;
pub(crate) use versions::{Log, UNCHANGED, infra_numbers, item_of};

/// What a report asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Whom it is about.
    pub subject: TenantNo,
    /// The days it reports.
    pub period: Period,
    /// What is counted.
    pub kind: Kind,
    /// Which descendants have rows.
    pub level: Level,
    /// Drop rows of nine zeros.
    pub hide_zero_usage: bool,
    /// Fill the SKU of rows.
    pub show_skus: bool,
    /// Leave the usage of trial tenants out.
    pub leave_out_trial: bool,
    /// The day the report is made.
    pub as_known: Day,
    /// Changes and readings accepted after this number are not known.
    pub as_of: Seq,
}

impl Wanted {
    /// The earliest day whose end the report reads.
    fn earliest(&self) -> Day {
        let day_before = self.period.start.previous();
        match self.kind {
            Kind::UsageCurrent => day_before.min(self.period.last().plus(-LONGEST_BILLING_PERIOD).previous()),
            Kind::UsageSummary | Kind::UsageDaily | Kind::UsageBreakdown => day_before,
        }
    }

    /// The arguments `$1` and `$2` of every statement that begins with [`below`].
    fn scope(&self) -> Vec<Arg> {
        // Who left after the acceptance number, and before the days that are read, is not known to have left.
        args![self.subject, self.earliest().min(self.as_known.previous())]
    }
}

/// `below (no)`: the subject and what stands below it now, and what has stood below it since the end of the day `$2`
/// and moved away. The last with everything that is below it now, which may be more than what was: further tenants do
/// no harm. Roots that stand below another root are dropped, so that no tenant comes twice.
macro_rules! below {
    () => {
        "WITH RECURSIVE moves (no, was_below) AS (
           SELECT c.tenant_no, CAST(c.old_value AS BIGINT) FROM changes c
           WHERE c.object = 'tenant' AND c.field = 'parent' AND c.valid_from > $2 AND c.old_value IS NOT NULL),
         roots (no) AS (
           SELECT no FROM tenants WHERE no = $1
           UNION
           SELECT m.no FROM roots r CROSS JOIN moves m CROSS JOIN closure k
           WHERE k.ancestor_no = r.no AND k.tenant_no = m.was_below AND NOT EXISTS (
             SELECT 1 FROM closure s WHERE s.ancestor_no = $1 AND s.tenant_no = m.no)),
         below (no) AS (
           SELECT k.tenant_no FROM roots r CROSS JOIN closure k WHERE k.ancestor_no = r.no AND NOT EXISTS (
             SELECT 1 FROM roots o CROSS JOIN closure u
             WHERE u.ancestor_no = o.no AND u.tenant_no = r.no AND u.depth > 0)) "
    };
}
use below;

/// As [`below`], and `members (no)`: those, and the ancestors of the subject, present and former.
macro_rules! members {
    () => {
        concat!(
            below!(),
            ", members (no) AS (
               SELECT no FROM below
               UNION SELECT ancestor_no FROM closure WHERE tenant_no = $1
               UNION SELECT k.ancestor_no FROM closure s CROSS JOIN moves m CROSS JOIN closure k
                     WHERE s.tenant_no = $1 AND m.no = s.ancestor_no AND k.tenant_no = m.was_below) "
        )
    };
}
use members;

/// Loads it from one snapshot, less its readings: those are [`archive`].
pub async fn load(conn: &mut Conn, wanted: &Wanted) -> Result<ReportInput> {
    let numbers = catalogue::item_numbers(conn).await?;
    let versions = Versions::load(conn, wanted, &numbers).await?;
    let tenants = tenants::load(conn, wanted, &versions).await?;
    let items = items::load(conn, wanted, &numbers, &versions).await?;
    let infras = infras::load(conn, wanted, &versions).await?;
    Ok(ReportInput {
        subject: wanted.subject,
        period: wanted.period,
        kind: wanted.kind,
        level: wanted.level,
        hide_zero_usage: wanted.hide_zero_usage,
        show_skus: wanted.show_skus,
        leave_out_trial: wanted.leave_out_trial,
        as_known: wanted.as_known,
        tenants,
        items,
        numbers,
        infras,
    })
}
