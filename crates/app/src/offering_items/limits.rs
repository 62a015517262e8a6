//! Where a hard quota binds: 1022.
//!
//! A quota speaks of usage, and usage has happened when Tidemark hears of it. So no reading is refused for a quota's sake
//! (its faults, accounts-api 1.12, know no 1022, and what is not metered cannot be billed), and a quota may be set below
//! what is used already. Nor is one tenant's quota measured by another's: resellers promise more than they have. What a
//! hard quota does refuse is more of the same: below a tenant that has used up value and overage of an item, nobody
//! gets that item switched on.

use std::collections::{BTreeSet, HashSet};

use domain::ids::TenantNo;
use store::Conn;
use store::offering_items::Key;

use super::plan::Plan;
use crate::usage::UsageFilter;
use crate::{App, Error, Result, Rule};

/// Fails with 1022 where an item goes on that a tenant above has used up. The refusal says neither which nor how much:
/// that is not the caller's to know.
pub(super) async fn check(app: &App, conn: &mut Conn, plan: &Plan) -> Result<()> {
    let fresh: BTreeSet<Key> = plan.newly_on().filter(|key| plan.is_countable(*key)).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    for (tenant, key, state) in store::offering_items::hard_quotas_above(conn, plan.tenant.no).await? {
        let Some(limit) = state.quota.hard_limit().filter(|_| fresh.contains(&key)) else { continue };
        if used(app, conn, plan, tenant, key).await? >= limit {
            let info = format!("{}: the hard quota of a tenant above is used up", plan.keys.log_id(key));
            return Err(Error::rule(Rule::HardQuota, info));
        }
    }
    Ok(())
}

/// What the tenant and all below it use of an item: since its billing period began where it accumulates.
async fn used(app: &App, conn: &mut Conn, plan: &Plan, tenant: TenantNo, key: Key) -> Result<i128> {
    let Some(item) = plan.keys.item(key) else { return Ok(0) };
    let filter = UsageFilter { usage_names: Some(HashSet::from([item.usage_name.clone()])), editions: None };
    let usages = crate::usage::below(app, conn, tenant, &filter).await?;
    let infra = plan.keys.infra(key);
    let found = usages.iter().find(|usage| usage.item.name == item.name && usage.infra == infra);
    Ok(found.map_or(0, |usage| usage.value))
}
