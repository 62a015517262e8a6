//! Switching items and setting quotas: all or nothing.

use domain::access::Permission;
use domain::ids::{ApplicationId, InfraId, TenantId};
use domain::pricing::Quota;
use store::offering_items::Key;

use super::plan::Plan;
use super::{OfferingItem, limits, refuse_personal, unavailable};
use crate::{App, Caller, Error, Result};

/// What one entry of the call asks for.
#[derive(Debug, Clone)]
pub struct Change {
    /// The service of the item.
    pub application_id: ApplicationId,
    /// Its full name.
    pub name: String,
    /// The storage it is bound to.
    pub infra_id: Option<InfraId>,
    /// On or off; `None`: as it is.
    pub enabled: Option<bool>,
    /// What becomes of the quota; `None`: it stays as it is.
    pub quota: Option<QuotaChange>,
}

/// A change of a quota. Of its parts `None` stays as it is and `Some(None)` is no limit.
#[derive(Debug, Clone, Copy)]
pub struct QuotaChange {
    /// The soft limit.
    pub value: Option<Option<i64>>,
    /// How far beyond it usage may go.
    pub overage: Option<Option<i64>>,
    /// The version that is replaced.
    pub version: i64,
}

/// Switches the named items and sets their quotas; items that are not named stay. Gives back the named ones.
pub async fn update(
    app: &App,
    caller: &Caller,
    tenant: TenantId,
    changes: &[Change],
    check_usage: bool,
) -> Result<Vec<OfferingItem>> {
    let mut tx = app.write(caller).await?;
    let granted = app.allow(&mut tx, caller, Permission::TenantAdmin, tenant).await?;
    granted.check_lock()?;
    let mut plan = Plan::load(&mut tx, granted.tenant().clone()).await?;
    let mut named = Vec::with_capacity(changes.len());
    for (at, change) in changes.iter().enumerate() {
        named.push(plan.key(at, change)?);
    }
    for (change, key) in changes.iter().zip(&named) {
        plan.check_quota_version(change, *key)?;
    }
    let version = plan.next_version(tx.now().unix_millis());
    for (at, (change, key)) in changes.iter().zip(&named).enumerate() {
        plan.apply(at, change, *key, version)?;
    }
    plan.check_storages(&named)?;
    limits::check(app, &mut tx, &plan).await?;
    plan.save(&mut tx, check_usage).await?;
    let answer = plan.saved(&mut tx, &named).await?;
    tx.commit().await?;
    Ok(answer)
}

impl Plan {
    fn key(&self, at: usize, change: &Change) -> Result<Key> {
        self.keys.named(&member(at), change.application_id, &change.name, change.infra_id)
    }

    fn check_quota_version(&self, change: &Change, key: Key) -> Result<()> {
        let (on, Quota { version: current, .. }) = self.was(key);
        match change.quota {
            // An item that is off shows no quota, so that nobody can know the version of the one it keeps.
            Some(sent) if !on && sent.version == 0 => Ok(()),
            Some(sent) if self.is_countable(key) && sent.version != current => Err(Error::StaleQuota {
                info: format!(
                    "{}: quota version {} was sent, the current one is {current}",
                    change.name, sent.version
                ),
            }),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, at: usize, change: &Change, key: Key, version: i64) -> Result<()> {
        let (was_on, old) = self.after.get(&key).copied().unwrap_or_default();
        let on = change.enabled.unwrap_or(was_on);
        if on != was_on {
            refuse_personal(&self.tenant)?;
        }
        if on && !was_on && !self.available.contains(&key) {
            return Err(unavailable(&member(at), &change.name, change.infra_id));
        }
        // What is switched off keeps its quota: on again, it is limited as before.
        let quota = match change.quota {
            Some(sent) if self.is_countable(key) => replace(old, sent, version),
            _ => old,
        };
        self.after.insert(key, (on, quota));
        Ok(())
    }
}

/// Where the change stands in the call.
fn member(at: usize) -> String {
    format!("offering_items[{at}]")
}

/// The quota that a change makes of the old one: version 0 says that nothing is limited.
fn replace(old: Quota, sent: QuotaChange, version: i64) -> Quota {
    let value = sent.value.unwrap_or(old.value);
    let overage = value.and(sent.overage.unwrap_or(old.overage));
    if (old.value, old.overage) == (value, overage) {
        return old;
    }
    Quota { value, overage, version: if value.is_none() { 0 } else { version } }
}
