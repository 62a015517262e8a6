//! The numbers of tenants: handed out so that a large partner's tenants lie in few ranges, as history is stored by
//! range.
//!
//! The *top tenant* of a tenant is its ancestor right below a root, or itself. Small channels share ranges, so that a
//! thousand partners of ten tenants do not open a thousand ranges; a top tenant that has outgrown them opens ranges of
//! its own and stays with those. A number is handed out once: counters only rise, whatever is deleted or moved.

use domain::ids::{RANGE_TENANTS, TenantNo};

use crate::{Result, Write, args};

/// How many tenants a top tenant may have, itself and deleted ones included, before it draws from ranges of its own.
const SHARES_UP_TO: i64 = 256;
/// Stands for "nobody's own" in `number_ranges`, so that the key needs no null.
const SHARED: TenantNo = TenantNo(0);

/// The number of a new tenant below `parent`; `None` for a root.
pub(super) async fn draw(tx: &mut Write, parent: Option<TenantNo>) -> Result<TenantNo> {
    let owner = match parent {
        Some(parent) => owner(tx, parent).await?,
        None => SHARED,
    };
    if let Some(no) = draw_from_newest(tx, owner).await? {
        return Ok(no);
    }
    open(tx, owner).await
}

/// Whose ranges a new tenant below `parent` draws from.
async fn owner(tx: &mut Write, parent: TenantNo) -> Result<TenantNo> {
    let row = tx
        .one(
            "SELECT ancestor_no FROM closure WHERE tenant_no = $1 ORDER BY depth DESC LIMIT 1 OFFSET 1",
            args![parent],
        )
        .await?;
    // Nothing but a root above: the new tenant is a top tenant, and the first of its channel.
    let Some(row) = row else { return Ok(SHARED) };
    let top = TenantNo(row.int("ancestor_no")?);
    let has_own = tx
        .count(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM number_ranges WHERE owner_no = $1) THEN 1
             WHEN (SELECT COUNT(*) FROM (SELECT 1 FROM closure WHERE ancestor_no = $1 LIMIT $2) few) >= $2 THEN 1
             ELSE 0 END AS n",
            args![top, SHARES_UP_TO],
        )
        .await?;
    Ok(if has_own == 1 { top } else { SHARED })
}

/// The next number of the owner's newest range; `None` where there is none or it is full.
async fn draw_from_newest(tx: &mut Write, owner: TenantNo) -> Result<Option<TenantNo>> {
    let row = tx
        .one(
            "UPDATE number_ranges SET next_no = next_no + 1
             WHERE range_no = (SELECT MAX(range_no) FROM number_ranges WHERE owner_no = $1)
               AND next_no < (range_no + 1) * $2 RETURNING next_no - 1 AS no",
            args![owner, RANGE_TENANTS],
        )
        .await?;
    row.map(|row| Ok(TenantNo(row.int("no")?))).transpose()
}

/// Opens the lowest range that was never used, and gives its first number.
async fn open(tx: &mut Write, owner: TenantNo) -> Result<TenantNo> {
    let first = tx
        .count(
            "INSERT INTO number_ranges (range_no, owner_no, next_no)
             SELECT MAX(range_no) + 1, $1, (MAX(range_no) + 1) * $2 + 1 FROM number_ranges
             RETURNING next_no - 1 AS n",
            args![owner, RANGE_TENANTS],
        )
        .await?;
    Ok(TenantNo(first))
}
