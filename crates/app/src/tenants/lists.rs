//! The children of a tenant, in an order.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::str::FromStr;

use domain::access::Permission;
use domain::catalogue::Catalogue;
use domain::ids::{InfraId, TenantId, TenantNo};
use store::Conn;
use store::tenants::Child;

use super::{Details, shown};
use crate::access::Depth;
use crate::{App, Caller, Granted, Result};

/// What a list is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderBy {
    /// As they were made.
    AsIs,
    /// By name.
    Name,
    /// Enabled ones first.
    Status,
    /// By what the meters of a usage name, and of one storage where it is given, say now.
    Usage(String, Option<InfraId>),
}

/// An order of children: `as_is`, `name`, `status`, `usage.NAME[.INFRA]`, each with `-` in front to reverse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Backwards.
    pub reversed: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { by: OrderBy::Name, reversed: false }
    }
}

/// The order is none of the published ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownOrder;

impl std::fmt::Display for UnknownOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown order")
    }
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> std::result::Result<Self, UnknownOrder> {
        let (reversed, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        let by = match word {
            "as_is" => OrderBy::AsIs,
            "name" => OrderBy::Name,
            "status" => OrderBy::Status,
            _ => usage_order(word).map(|(name, infra)| OrderBy::Usage(name, infra)).ok_or(UnknownOrder)?,
        };
        Ok(Self { by, reversed })
    }
}

/// The parts of `usage.NAME[.INFRA]`.
pub(crate) fn usage_order(word: &str) -> Option<(String, Option<InfraId>)> {
    let rest = word.strip_prefix("usage.")?;
    let (name, infra) = match rest.split_once('.') {
        Some((name, infra)) => (name, Some(infra.parse().ok()?)),
        None => (rest, None),
    };
    (!name.is_empty()).then(|| (name.to_owned(), infra))
}

/// Whether a meter of this item and storage is meant by `usage.NAME[.INFRA]`; NAME is a usage name or an item's.
pub(crate) fn is_meant(name: &str, infra: Option<InfraId>, item: &str, meter: Option<InfraId>) -> bool {
    let usage = Catalogue::embedded().item(item).map(|item| item.usage_name.as_str());
    (item == name || usage == Some(name)) && (infra.is_none() || infra == meter)
}

/// The ids of a tenant's children, personal tenants left out.
pub async fn children(
    app: &App,
    caller: &Caller,
    id: TenantId,
    order: &Order,
    deleted_too: bool,
) -> Result<Vec<TenantId>> {
    let mut conn = app.read().await?;
    let granted = looked_into(app, &mut conn, caller, id, deleted_too).await?;
    let parent = granted.tenant().no;
    let mut children = store::tenants::children(&mut conn, parent, deleted_too).await?;
    let usages = usages(&mut conn, parent, order).await?;
    children.sort_by(|a, b| compare(order, &usages, a, b));
    Ok(children.into_iter().map(|child| child.id).collect())
}

/// The children of a tenant as whole objects (`include_details`).
pub async fn children_in_full(
    app: &App,
    caller: &Caller,
    id: TenantId,
    order: &Order,
    deleted_too: bool,
) -> Result<Vec<Details>> {
    let mut conn = app.read().await?;
    let granted = looked_into(app, &mut conn, caller, id, deleted_too).await?;
    let parent = granted.tenant().no;
    let now = app.clock.now();
    let stored = store::tenants::child_details(&mut conn, parent, deleted_too).await?;
    let usages = usages(&mut conn, parent, order).await?;
    let mut children: Vec<(Child, Details)> =
        stored.into_iter().map(|stored| (child(&stored), Details::at(now, stored))).collect();
    children.sort_by(|(a, _), (b, _)| compare(order, &usages, a, b));
    Ok(children.into_iter().map(|(_, details)| details).collect())
}

async fn looked_into(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    id: TenantId,
    deleted_too: bool,
) -> Result<Granted> {
    app.allow_at(conn, caller, Permission::TenantViewer, id, Depth::Inside, shown(deleted_too)).await
}

fn child(details: &store::tenants::Details) -> Child {
    let tenant = &details.tenant;
    let (name, enabled) = (tenant.name.clone(), tenant.enabled);
    Child { no: tenant.no, id: tenant.id, name, enabled, created_at: tenant.created_at }
}

/// What each child uses of what the order names; sums can be beyond 64 bits.
async fn usages(conn: &mut Conn, parent: TenantNo, order: &Order) -> Result<HashMap<TenantNo, i128>> {
    let mut sums = HashMap::new();
    if let OrderBy::Usage(name, infra) = &order.by {
        for usage in store::tenants::child_usages(conn, parent).await? {
            if is_meant(name, *infra, &usage.item, usage.infra) {
                *sums.entry(usage.no).or_default() += i128::from(usage.level);
            }
        }
    }
    Ok(sums)
}

fn compare(order: &Order, usages: &HashMap<TenantNo, i128>, a: &Child, b: &Child) -> Ordering {
    let by_age = || (a.created_at, a.no).cmp(&(b.created_at, b.no));
    let by_name = || a.name.to_lowercase().cmp(&b.name.to_lowercase());
    let usage = |child: &Child| usages.get(&child.no).copied().unwrap_or(0);
    let ordering = match order.by {
        OrderBy::AsIs => by_age(),
        OrderBy::Name => by_name(),
        OrderBy::Status => b.enabled.cmp(&a.enabled).then_with(by_name),
        OrderBy::Usage(..) => usage(a).cmp(&usage(b)).then_with(by_name),
    };
    let ordering = ordering.then_with(by_age);
    if order.reversed { ordering.reverse() } else { ordering }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_read_as_published() {
        let order = |text: &str| text.parse::<Order>();
        assert_eq!(order("-name"), Ok(Order { by: OrderBy::Name, reversed: true }));
        let infra = "05348371-d95e-4cab-af2a-8e2cadafc30d";
        let by = OrderBy::Usage("storage".to_owned(), infra.parse().ok());
        assert_eq!(order(&format!("usage.storage.{infra}")), Ok(Order { by, reversed: false }));
        for unknown in ["", "size", "usage.", "usage.storage.x", "--name"] {
            assert_eq!(order(unknown), Err(UnknownOrder), "{unknown}");
        }
    }

    #[test]
    fn a_usage_name_means_the_items_of_every_edition() {
        assert!(is_meant("storage", None, "storage", None));
        assert!(is_meant("storage", None, "p_storage", None));
        assert!(!is_meant("storage", None, "vm_storage", None));
        assert!(!is_meant("storage", "05348371-d95e-4cab-af2a-8e2cadafc30d".parse().ok(), "storage", None));
    }
}
