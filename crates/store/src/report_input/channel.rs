//! What one pass over the blocks of everybody is made from.

use domain::billing::BillingDay;
use domain::catalogue::ItemNumbers;
use domain::history::{Archive, Twig};
use domain::ids::Seq;
use domain::report::{Kind, Question};
use domain::time::{Day, Period};

use crate::history::Scope;
use crate::{Conn, Result, catalogue, conn::corrupt, history, tree};

/// The tree of all tenants, and what their meters said: as known now.
#[derive(Debug)]
pub struct Channel {
    /// What the pass is to answer.
    pub question: Question,
    /// The newest acceptance number.
    pub as_of: Seq,
    /// Every tenant, by number.
    pub twigs: Vec<Twig>,
    /// Every range.
    pub archive: Archive,
    /// The items by the numbers that meters name them with.
    pub numbers: ItemNumbers,
}

/// Loads it from one snapshot. `None` where the sums of so many tenants and days are too many to be kept.
pub async fn channel(
    conn: &mut Conn,
    period: Period,
    kind: Kind,
    as_known: Day,
    leave_out_trial: bool,
) -> Result<Option<Channel>> {
    let billing = if kind == Kind::UsageCurrent { billing_days(conn).await? } else { Vec::new() };
    let question = Question::new(period, kind, billing, as_known, leave_out_trial);
    if !question.may_be_shared(tree::size(conn).await?.tenants) {
        return Ok(None);
    }
    let as_of = history::newest(conn).await?;
    let twigs = tree::load(conn).await?;
    let everybody = Scope::whole(history::all_ranges(conn).await?);
    let archive = history::load(conn, &everybody, question.first(), question.last(), as_of).await?;
    let numbers = catalogue::item_numbers(conn).await?;
    Ok(Some(Channel { question, as_of, twigs, archive, numbers }))
}

/// Every day on which somebody's billing month begins or began, of a tenant or of an item.
async fn billing_days(conn: &mut Conn) -> Result<Vec<BillingDay>> {
    let rows = conn
        .all(
            "SELECT billing_day FROM tenants UNION SELECT billing_day FROM item_billing_days
             UNION SELECT CAST(old_value AS BIGINT) FROM changes
             WHERE object IN ('tenant', 'item') AND field = 'billing_day' AND old_value IS NOT NULL",
            Vec::new(),
        )
        .await?;
    let day = |row: &crate::Row| {
        let day = row.int("billing_day")?;
        BillingDay::new(day).ok_or_else(|| corrupt("billing_day", day.to_string(), "1 to 28"))
    };
    rows.iter().map(day).collect()
}
