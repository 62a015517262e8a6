//! The edition switch: the items of one service change places with those of another edition (accounts-api, 2.3).
//!
//! Every item of another edition goes off, and the item of the target edition with the same usage name, at the same
//! storage, goes on with its quota. Where several give way to one, as after a mixture of editions, it gets what they had
//! together. Readings stay under the item that they were made for.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::catalogue::{Catalogue, Edition, EditionWarning, Item, Service};
use domain::ids::{ApplicationId, TenantId};
use domain::pricing::Quota;
use store::Conn;
use store::offering_items::Key;

use super::plan::{Plan, merged};
use super::{MissingItem, OfferingItem, limits, refuse_personal, service};
use crate::{App, Caller, Error, Granted, Result};

/// What a switch would bring with it; fails as the switch itself would.
pub async fn preview_edition(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    application: ApplicationId,
    target: Edition,
) -> Result<BTreeSet<EditionWarning>> {
    let service = service(app, application)?;
    let mut conn = app.read().await?;
    let granted = app.allow(&mut conn, caller, Permission::TenantAdmin, tenant).await?;
    let (_, warnings) = planned(app, &mut conn, &granted, service, target).await?;
    Ok(warnings)
}

/// Switches; gives back the items of the target edition that the tenant has or could have on.
pub async fn switch_edition(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    application: ApplicationId,
    target: Edition,
) -> Result<Vec<OfferingItem>> {
    let service = service(app, application)?;
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let (plan, _) = planned(app, &mut tx, &granted, service, target).await?;
    plan.save(&mut tx, false).await?;
    let of_target = |key: &Key| plan.keys.item(*key).is_some_and(|item| is_of(item, service, target));
    let on = plan.after.iter().filter(|(_, (on, _))| *on).map(|(key, _)| *key);
    let listed: BTreeSet<Key> = plan.available.iter().copied().chain(on).filter(of_target).collect();
    let listed: Vec<Key> = listed.into_iter().collect();
    let items = plan.saved(&mut tx, &listed).await?;
    tx.commit().await?;
    Ok(items)
}

fn is_of(item: &Item, service: Service, edition: Edition) -> bool {
    item.service == service && item.switched_by() == Some(edition)
}

/// The switch as a plan that has passed every rule, and what to warn of.
async fn planned(
    app: &App,
    conn: &mut Conn,
    granted: &Granted,
    service: Service,
    target: Edition,
) -> Result<(Plan, BTreeSet<EditionWarning>)> {
    let tenant = granted.tenant();
    refuse_personal(tenant)?;
    let mut plan = Plan::load(conn, tenant.clone()).await?;
    let places = places(&plan, service, target);
    check_available(&plan, service, target, &places)?;
    let warnings = warnings(&plan, service, target, &places);
    let version = plan.next_version(app.clock.now().unix_millis());
    for key in places.values().flatten() {
        plan.after.insert(*key, (false, Quota::default()));
    }
    for (new, old) in places.into_iter().filter_map(|(new, old)| Some((new?, old))) {
        let quotas = [new].into_iter().filter(|key| plan.was(*key).0).chain(old.iter().copied());
        let quota = merged(quotas.map(|key| plan.was(key).1), version);
        let quota = if plan.is_countable(new) { quota } else { Quota::default() };
        plan.after.insert(new, (true, quota));
        plan.replaces.insert(new, old);
    }
    let touched: Vec<Key> = plan.replaces.keys().copied().collect();
    plan.check_storages(&touched)?;
    limits::check(app, conn, &plan).await?;
    Ok((plan, warnings))
}

/// What gives way to what; to nothing where the target has no item of the usage name.
fn places(plan: &Plan, service: Service, target: Edition) -> BTreeMap<Option<Key>, Vec<Key>> {
    let mut places: BTreeMap<Option<Key>, Vec<Key>> = BTreeMap::new();
    for (key, _) in plan.after.iter().filter(|(_, (on, _))| *on) {
        let Some(item) = plan.keys.item(*key).filter(|item| item.service == service) else { continue };
        if item.switched_by().is_some_and(|edition| edition != target) {
            places.entry(plan.keys.counterpart(*key, target)).or_default().push(*key);
        }
    }
    places
}

/// Fails with 1021 and the missing items where the target cannot be had: an item that would take a place, or, where none
/// would, the whole edition.
fn check_available(
    plan: &Plan,
    service: Service,
    target: Edition,
    places: &BTreeMap<Option<Key>, Vec<Key>>,
) -> Result<()> {
    let wanted = places.keys().flatten().filter(|key| !plan.was(**key).0 && !plan.available.contains(key));
    let mut missing: Vec<MissingItem> = wanted
        .filter_map(|key| Some(MissingItem::new(plan.keys.item(*key)?, plan.keys.infra(*key))))
        .collect();
    let has_any = plan.available.iter().filter_map(|key| plan.keys.item(*key));
    if missing.is_empty() && !has_any.into_iter().any(|item| is_of(item, service, target)) {
        let edition = Catalogue::embedded().items_of(service, target);
        missing = edition.map(|item| MissingItem::new(item, None)).collect();
    } else if missing.is_empty() {
        return Ok(());
    }
    Err(Error::ItemsMissing { info: format!("target_edition: {target} cannot be had here"), missing })
}

fn warnings(
    plan: &Plan,
    service: Service,
    target: Edition,
    places: &BTreeMap<Option<Key>, Vec<Key>>,
) -> BTreeSet<EditionWarning> {
    let mut warnings = BTreeSet::new();
    let leaving: Vec<&Item> = places.values().flatten().filter_map(|key| plan.keys.item(*key)).collect();
    if places.contains_key(&None) {
        warnings.insert(EditionWarning::OldFeaturesBecomeUnavailable);
    }
    if leaving.iter().any(|item| item.is_advanced_protection()) {
        warnings.insert(EditionWarning::AdvCyberProtectBecomeUnavailable);
    }
    let catalogue = Catalogue::embedded();
    let left: BTreeSet<Edition> = leaving.iter().filter_map(|item| item.switched_by()).collect();
    let known = |item: &Item| left.iter().any(|edition| catalogue.counterpart(item, *edition).is_some());
    let offered = plan.available.iter().filter_map(|key| plan.keys.item(*key));
    let mut offered = offered.filter(|item| is_of(item, service, target));
    if !left.is_empty() && offered.any(|item| !known(item)) {
        warnings.insert(EditionWarning::NewFeaturesBecomeAvailable);
    }
    warnings
}
