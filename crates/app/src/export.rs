//! A month of the history as rows, range by range, for tools that do their own sums.
//!
//! Everything comes from one snapshot. Memory holds the tree, and what one range of tenants used in the month.

use std::collections::{BTreeMap, HashMap, HashSet, btree_map};

use domain::catalogue::{Item, ItemNumbers};
use domain::history::{Cell, Series};
use domain::ids::{InfraId, InfraNo, RangeNo, Seq, TenantId, TenantNo};
use domain::report::{Held, held_below};
use domain::tenant::TenantKind;
use domain::time::{Day, Period};
use store::Conn;
use store::history::Scope;

use crate::{Error, Result};

/// An export under way.
pub struct Export {
    conn: Conn,
    /// The days: of the month, those that are over.
    pub days: Period,
    /// As known at this number.
    pub as_of: Seq,
    ids: HashMap<TenantNo, TenantId>,
    items: ItemNumbers,
    ranges: btree_map::IntoIter<RangeNo, Vec<(TenantNo, Vec<Held>)>>,
}

impl Export {
    /// Begins one on this snapshot: of the whole channel, or of what stood at and below a tenant, on each day by the tree
    /// of that day. Fails where no day of the month is over `today`.
    pub async fn begin(mut conn: Conn, month: Period, tenant: Option<TenantId>, today: Day) -> Result<Self> {
        // A clock that went back opens no closed day again.
        let open = store::history::days(&mut conn).await?.map_or(today, |days| days.open.max(today));
        if month.start >= open {
            return Err(Error::invalid("month", "no day of it is over"));
        }
        let days = Period { end: month.end.min(open), ..month };
        let root = match tenant {
            None => TenantNo::TOP,
            Some(id) => {
                let tenant = store::tenants::by_id(&mut conn, id).await?;
                tenant.ok_or(Error::NotFound { what: "tenant" })?.no
            }
        };
        let twigs = store::tree::load(&mut conn).await?;
        let mut ranges: BTreeMap<RangeNo, Vec<(TenantNo, Vec<Held>)>> = BTreeMap::new();
        for (no, held) in held_below(&twigs, root, days) {
            ranges.entry(no.range()).or_default().push((no, held));
        }
        Ok(Self {
            days,
            as_of: store::history::newest(&mut conn).await?,
            ids: store::tenants::all_ids(&mut conn).await?,
            items: store::catalogue::item_numbers(&mut conn).await?,
            conn,
            ranges: ranges.into_iter(),
        })
    }

    /// How many parts are still to come.
    pub fn parts(&self) -> usize {
        self.ranges.len()
    }

    /// What the next range of tenants used; `None` behind the last one.
    pub async fn next(&mut self) -> Result<Option<Part>> {
        let Some((range, tenants)) = self.ranges.next() else { return Ok(None) };
        let (scope, days) = (Scope::whole(vec![range]), self.days);
        let archive =
            store::history::load(&mut self.conn, &scope, days.start, days.last(), self.as_of).await?;
        let there: HashSet<TenantNo> = tenants.iter().map(|(no, _)| *no).collect();
        let series = archive.series(range, |key| there.contains(&key.tenant)).map_err(store::Error::from)?;

        let infras: HashSet<InfraNo> = series.iter().map(|(key, _)| key.infra).collect();
        let infras = store::usage::infra_ids(&mut self.conn, &Vec::from_iter(infras)).await?;
        let mut meters: HashMap<TenantNo, Vec<Meter>> = HashMap::new();
        for (key, series) in series {
            // As in reports: an item that this binary's catalogue does not know has no name.
            let Some(item) = self.items.item(key.item) else { continue };
            let infra = infras.get(&key.infra).copied();
            meters.entry(key.tenant).or_default().push(Meter { item, infra, series });
        }
        let metered = tenants.into_iter().filter_map(|(no, held)| {
            let meters = meters.remove(&no)?;
            Some(Metered { id: *self.ids.get(&no)?, held: self.with_ids(&held), meters })
        });
        Ok(Some(Part(metered.collect())))
    }

    fn with_ids(&self, held: &[Held]) -> Vec<Held<TenantId>> {
        let with_id = |held: &Held| Held {
            days: held.days,
            parent: held.parent.and_then(|parent| self.ids.get(&parent).copied()),
            kind: held.kind,
        };
        held.iter().map(with_id).collect()
    }
}

/// What the tenants of one range used.
#[derive(Debug)]
pub struct Part(Vec<Metered>);

#[derive(Debug)]
struct Metered {
    id: TenantId,
    held: Vec<Held<TenantId>>,
    meters: Vec<Meter>,
}

#[derive(Debug)]
struct Meter {
    item: &'static Item,
    infra: Option<InfraId>,
    series: Series,
}

/// What one meter said on one day.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The day.
    pub date: Day,
    /// The tenant.
    pub tenant: TenantId,
    /// Who held it on the day; none for the top tenant.
    pub parent: Option<TenantId>,
    /// What it was on the day.
    pub kind: TenantKind,
    /// What was metered.
    pub item: &'static Item,
    /// On which storage, where the item is bound to one.
    pub infra: Option<InfraId>,
    /// The level at the end of the day: `absolute` in reports.
    pub value: i64,
    /// Whether it was heard on that day, rather than carried forward from an earlier one.
    pub reported: bool,
}

impl Part {
    /// A row for each meter and each day on which its tenant was there and the meter had been heard: by tenant number, item,
    /// storage and day.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        self.0.iter().flat_map(|tenant| tenant.meters.iter().flat_map(|meter| tenant.rows(meter)))
    }
}

impl Metered {
    fn rows<'a>(&'a self, meter: &'a Meter) -> impl Iterator<Item = Row> + 'a {
        let days = self.held.iter().flat_map(|held| held.days.days().map(move |day| (held, day)));
        days.filter_map(|(held, date)| {
            let cell = meter.series.cell(date);
            (cell != Cell::NeverHeard).then(|| Row {
                date,
                tenant: self.id,
                parent: held.parent,
                kind: held.kind,
                item: meter.item,
                infra: meter.infra,
                value: cell.level(),
                reported: matches!(cell, Cell::Reported(_)),
            })
        })
    }
}
