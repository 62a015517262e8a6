//! The meters of a block: three columns that every block of meters begins with.

use super::codec::{Cursor, Malformed, Read, Writer};
use crate::ids::{InfraNo, ItemNo, RangeNo, TenantNo};
use crate::usage::MeterKey;

/// Writes meters of one range in ascending order: the labels that occur, then each tenant with its labels.
pub(super) fn write_keys(frame: &mut Writer, range: RangeNo, keys: impl Iterator<Item = MeterKey> + Clone) {
    debug_assert!(keys.clone().all(|key| key.tenant.range() == range), "a meter is of another range");
    debug_assert!(keys.clone().is_sorted_by(|a, b| a < b), "the meters are out of order");
    let mut labels: Vec<(ItemNo, InfraNo)> = keys.clone().map(|key| (key.item, key.infra)).collect();
    labels.sort_unstable();
    labels.dedup();
    let mut dictionary = Writer::default();
    dictionary.size(labels.len());
    for (item, infra) in &labels {
        dictionary.signed(item.0);
        dictionary.signed(infra.0);
    }
    let (mut tenants, mut places) = (Writer::default(), Writer::default());
    let mut keys = keys.peekable();
    let mut next_tenant = range.first().0;
    while let Some(TenantNo(tenant)) = keys.peek().map(|key| key.tenant) {
        let mut count = 0;
        // Tenants ascend, and so do the labels of each, so that only the steps between them are written.
        let mut next_place = 0;
        while let Some(key) = keys.next_if(|key| key.tenant.0 == tenant) {
            let place = labels.binary_search(&(key.item, key.infra)).unwrap_or_default();
            places.size(place - next_place);
            next_place = place + 1;
            count += 1;
        }
        tenants.number(next_tenant.abs_diff(tenant));
        tenants.size(count);
        next_tenant = tenant.saturating_add(1);
    }
    for column in [&dictionary, &tenants, &places] {
        frame.column(column);
    }
}

/// Reads what [`write_keys`] wrote, one by one: they ascend by the way they are written.
pub(super) struct Keys<'a> {
    range: RangeNo,
    labels: Vec<(ItemNo, InfraNo)>,
    tenants: Cursor<'a>,
    places: Cursor<'a>,
    tenant: TenantNo,
    /// The lowest number that the next tenant can have.
    next_tenant: i64,
    /// How many meters of the tenant are left.
    left: usize,
    next_place: usize,
}

impl<'a> Keys<'a> {
    /// Takes the columns from a frame.
    pub(super) fn new(frame: &mut Cursor<'a>, range: RangeNo) -> Read<Self> {
        let mut dictionary = frame.column()?;
        let (tenants, places) = (frame.column()?, frame.column()?);
        let mut labels = Vec::new();
        for _ in 0..dictionary.size()? {
            labels.push((ItemNo(dictionary.signed()?), InfraNo(dictionary.signed()?)));
        }
        dictionary.end()?;
        if !labels.is_sorted_by(|a, b| a < b) {
            return Err(Malformed("its labels are out of order"));
        }
        let next_tenant = range.first().0;
        let tenant = range.first();
        Ok(Self { range, labels, tenants, places, tenant, next_tenant, left: 0, next_place: 0 })
    }

    /// What the meters count, ascending.
    pub(super) fn labels(&self) -> &[(ItemNo, InfraNo)] {
        &self.labels
    }

    /// The place among the labels of what the last one counts.
    #[inline]
    pub(super) const fn label(&self) -> usize {
        self.next_place.saturating_sub(1)
    }

    /// No fewer than there are: each has a byte at least.
    pub(super) const fn most(&self) -> usize {
        self.places.0.len()
    }

    /// The next one; `None` after the last, where nothing may be left.
    #[inline]
    pub(super) fn next(&mut self) -> Read<Option<MeterKey>> {
        while self.left == 0 {
            if self.tenants.0.is_empty() {
                self.places.end()?;
                return Ok(None);
            }
            let step = self.tenants.number()?;
            let tenant = self.next_tenant.checked_add_unsigned(step).map(TenantNo);
            let tenant = tenant.filter(|tenant| tenant.range() == self.range);
            self.tenant = tenant.ok_or(Malformed("a tenant is of another range"))?;
            self.next_tenant = self.tenant.0.saturating_add(1);
            self.left = self.tenants.size()?;
            self.next_place = 0;
        }
        self.left -= 1;
        let place = self.next_place.checked_add(self.places.size()?);
        let label = place.and_then(|place| Some((place, self.labels.get(place)?)));
        let (place, (item, infra)) = label.ok_or(Malformed("a label is not known"))?;
        self.next_place = place + 1;
        Ok(Some(MeterKey { tenant: self.tenant, item: *item, infra: *infra }))
    }
}
