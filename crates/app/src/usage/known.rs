//! What checking readings has learned of tenants: where they stand and which of their meters are on.
//!
//! Only what lets a reading pass is kept. Before it is used, the change log says what has turned since it was learned, so
//! that a tenant which was moved or deleted, or an item that was switched off, is refused from the next call on. Other
//! calls may learn at the same time, each from a snapshot of its own: what comes from an older snapshot than the last one
//! that was compared is used for its own call and not kept.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{InfraNo, ItemNo, Seq, TenantId, TenantNo};
use domain::usage::MeterKey;
use store::Conn;
use store::usage::Turn;

use crate::Result;

/// The most tenants, and the most meters, that are kept: about 70 MiB. Where more are wanted it begins anew.
const MAX_TENANTS: usize = 1 << 18;
const MAX_METERS: usize = 1 << 20;

/// A live tenant.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// Its number.
    pub(super) no: TenantNo,
    /// All that stand above it. The top tenant stands above itself.
    pub(super) above: Arc<[TenantNo]>,
}

/// What was learned. Shared by all calls.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Learned>);

#[derive(Debug, Default)]
struct Learned {
    /// The last change that it takes into account.
    seen: Option<Seq>,
    tenants: HashMap<TenantId, Target>,
    /// By parent: what stands above its children, itself first.
    above: HashMap<TenantNo, Arc<[TenantNo]>>,
    on: HashMap<TenantNo, Vec<(ItemNo, InfraNo)>>,
    meters: usize,
}

impl Known {
    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what has turned since; gives the last change that this snapshot holds.
    pub(super) async fn catch_up(&self, conn: &mut Conn) -> Result<Seq> {
        let now = store::usage::last_change(conn).await?;
        let seen = *self.learned().seen.get_or_insert(now);
        if seen < now {
            let turns = store::usage::turns_since(conn, seen).await?;
            let mut learned = self.learned();
            learned.forget(&turns);
            learned.seen = learned.seen.max(Some(now));
        }
        Ok(now)
    }

    /// Those of these tenants that live.
    pub(super) async fn targets(
        &self,
        conn: &mut Conn,
        now: Seq,
        ids: HashSet<TenantId>,
    ) -> Result<HashMap<TenantId, Target>> {
        let mut found = HashMap::with_capacity(ids.len());
        let mut missing = Vec::new();
        {
            let learned = self.learned();
            for id in ids {
                match learned.tenants.get(&id) {
                    Some(target) => _ = found.insert(id, target.clone()),
                    None => missing.push(id),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let places = store::usage::places(conn, &missing).await?;
        let parents: HashSet<TenantNo> = places.values().map(|place| place.parent).collect();
        let above = self.above(conn, now, parents).await?;
        let target = |place: store::usage::Place| {
            above.get(&place.parent).map(|above| Target { no: place.no, above: Arc::clone(above) })
        };
        let new: Vec<(TenantId, Target)> =
            places.into_iter().filter_map(|(id, place)| Some((id, target(place)?))).collect();
        self.learned().keep(now, |learned| learned.tenants.extend(new.iter().cloned()));
        found.extend(new);
        Ok(found)
    }

    async fn above(
        &self,
        conn: &mut Conn,
        now: Seq,
        parents: HashSet<TenantNo>,
    ) -> Result<HashMap<TenantNo, Arc<[TenantNo]>>> {
        let (mut found, mut missing) = (HashMap::new(), Vec::new());
        {
            let learned = self.learned();
            for parent in parents {
                match learned.above.get(&parent) {
                    Some(above) => _ = found.insert(parent, Arc::clone(above)),
                    None => missing.push(parent),
                }
            }
        }
        let new: HashMap<TenantNo, Arc<[TenantNo]>> = store::usage::above(conn, &missing)
            .await?
            .into_iter()
            .map(|(parent, chain)| (parent, chain.into()))
            .collect();
        self.learned().keep(now, |learned| {
            learned.above.extend(new.iter().map(|(parent, above)| (*parent, Arc::clone(above))));
        });
        found.extend(new);
        Ok(found)
    }

    /// Those of these meters whose item is on for the tenant, on that storage.
    pub(super) async fn switched_on(
        &self,
        conn: &mut Conn,
        now: Seq,
        keys: HashSet<MeterKey>,
    ) -> Result<HashSet<MeterKey>> {
        let (mut found, missing): (HashSet<MeterKey>, HashSet<MeterKey>) = {
            let learned = self.learned();
            keys.into_iter().partition(|key| learned.has_on(key))
        };
        if missing.is_empty() {
            return Ok(found);
        }
        let new = store::usage::switched_on(conn, &missing.into_iter().collect::<Vec<_>>()).await?;
        self.learned().keep(now, |learned| {
            for key in &new {
                // Another call may have learned it meanwhile.
                if !learned.has_on(key) {
                    learned.on.entry(key.tenant).or_default().push((key.item, key.infra));
                    learned.meters += 1;
                }
            }
        });
        found.extend(new);
        Ok(found)
    }
}

impl Learned {
    fn has_on(&self, key: &MeterKey) -> bool {
        self.on.get(&key.tenant).is_some_and(|on| on.contains(&(key.item, key.infra)))
    }

    /// Keeps what was read from the snapshot `now`, unless somebody has compared with a later one.
    fn keep(&mut self, now: Seq, add: impl FnOnce(&mut Self)) {
        if self.seen != Some(now) {
            return;
        }
        add(self);
        if self.tenants.len() > MAX_TENANTS || self.meters > MAX_METERS {
            self.forget(&[Turn::Moved]);
        }
    }

    fn forget(&mut self, turns: &[Turn]) {
        for turn in turns {
            match turn {
                Turn::Moved => {
                    *self = Self { seen: self.seen, ..Self::default() };
                }
                Turn::Deleted(tenant) => self.tenants.retain(|_, target| target.no != *tenant),
                Turn::Switched(tenant) => {
                    self.meters -= self.on.remove(tenant).map_or(0, |on| on.len());
                }
            }
        }
    }
}
