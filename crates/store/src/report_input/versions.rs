//! The versions of fields, out of the change log.
//!
//! Tables hold the newest value, the log what changed. A field nobody changed has no row here, and its timeline is the
//! table's value for ever. Otherwise the first row says in its old value what was before, and a row after the
//! acceptance number ends the list: what it and later ones say is not known yet.

use std::collections::HashMap;

use domain::ids::{InfraId, InfraNo, Seq, TenantNo};
use domain::time::Day;
use domain::timeline::Timeline;

use super::{Wanted, below, members};
use crate::audit::Object;
use crate::{Conn, Result, Row, args, conn::corrupt};
use domain::catalogue::ItemNumbers;
use domain::usage::MeterKey;

/// What the log says about one object, in the order of acceptance.
#[derive(Debug, Default)]
pub(crate) struct Log {
    changes: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    field: String,
    old: Option<String>,
    new: Option<String>,
    valid_from: Day,
    is_known: bool,
}

/// The log of an object that never changed.
pub(crate) static UNCHANGED: Log = Log { changes: Vec::new() };

impl Log {
    /// Adds a row of the log; rows come in the order of acceptance.
    pub(crate) fn add(&mut self, row: &Row, as_of: Seq) -> Result<()> {
        self.changes.push(Change {
            field: row.text("field")?,
            old: row.opt_text("old_value")?,
            new: row.opt_text("new_value")?,
            valid_from: row.day("valid_from")?,
            is_known: row.int("seq")? <= as_of.0,
        });
        Ok(())
    }

    /// The versions of a field whose newest value is `newest`; `read` reads the log's text.
    pub(crate) fn timeline<T>(
        &self,
        field: &'static str,
        newest: T,
        read: impl Fn(Option<&str>) -> Option<T>,
    ) -> Result<Timeline<T>> {
        let version = |text: &Option<String>| {
            read(text.as_deref())
                .ok_or_else(|| corrupt(field, text.clone().unwrap_or_default(), "a value of this field"))
        };
        let mut changes = self.changes.iter().filter(|change| change.field == field).peekable();
        let mut timeline =
            Timeline::always(changes.peek().map_or(Ok(newest), |oldest| version(&oldest.old))?);
        for change in changes.filter(|change| change.is_known) {
            timeline.push(change.valid_from, version(&change.new)?);
        }
        Ok(timeline)
    }

    /// Whether the object was made after the acceptance number, by a field that is never null.
    pub(super) fn is_unborn(&self, field: &str) -> bool {
        self.changes.iter().find(|change| change.field == field).is_some_and(|change| change.old.is_none())
    }
}

/// The logs of everything the report may read.
#[derive(Debug, Default)]
pub(super) struct Versions {
    tenants: HashMap<TenantNo, Log>,
    settings: HashMap<TenantNo, Log>,
    items: HashMap<MeterKey, Log>,
    infras: HashMap<InfraId, Log>,
}

impl Versions {
    /// The log of a tenant.
    pub(super) fn of_tenant(&self, no: TenantNo) -> &Log {
        self.tenants.get(&no).unwrap_or(&UNCHANGED)
    }

    /// The log of the price list with SKUs of a tenant.
    pub(super) fn of_price_list(&self, no: TenantNo) -> &Log {
        self.settings.get(&no).unwrap_or(&UNCHANGED)
    }

    /// The tenants whose price list with SKUs has changed.
    pub(super) fn price_lists(&self) -> impl Iterator<Item = TenantNo> {
        self.settings.keys().copied()
    }

    /// The log of an offering item of a tenant.
    pub(super) fn of_item(&self, key: MeterKey) -> &Log {
        self.items.get(&key).unwrap_or(&UNCHANGED)
    }

    /// The log of a storage.
    pub(super) fn of_infra(&self, id: InfraId) -> &Log {
        self.infras.get(&id).unwrap_or(&UNCHANGED)
    }

    /// Reads the changes after the first version, and first versions that are not known yet.
    pub(super) async fn load(conn: &mut Conn, wanted: &Wanted, numbers: &ItemNumbers) -> Result<Self> {
        let infras = infra_numbers(conn).await?;
        let mut arguments = wanted.scope();
        arguments.extend(args![Day::FOREVER_AGO, wanted.as_of]);
        let mut versions = Self::default();
        let price_list = super::tenants::price_list_id();
        conn.each(LATER_CHANGES, arguments, |row| {
            let (id, tenant) = (row.text("object_id")?, TenantNo(row.int("tenant_no")?));
            let object = row.text("object")?;
            let log = if object == Object::Tenant.as_str() {
                versions.tenants.entry(tenant).or_default()
            } else if object == Object::Item.as_str() {
                let Some(key) = item_of(&id, tenant, numbers, &infras) else { return Ok(()) };
                versions.items.entry(key).or_default()
            } else if object == Object::Infra.as_str() {
                // A storage that is not known yet is named only by items that are not known yet either.
                if row.day("valid_from")? == Day::FOREVER_AGO {
                    return Ok(());
                }
                let infra =
                    id.parse().map_err(|_| corrupt("object_id", id.clone(), "the id of a storage"))?;
                versions.infras.entry(infra).or_default()
            } else if id == price_list {
                versions.settings.entry(tenant).or_default()
            } else {
                return Ok(());
            };
            log.add(row, wanted.as_of)
        })
        .await?;
        Ok(versions)
    }
}

const LATER_CHANGES: &str = concat!(
    members!(),
    "SELECT c.object, c.object_id, c.tenant_no, c.field, c.old_value, c.new_value, c.valid_from, c.seq, c.ordinal
     FROM members b CROSS JOIN changes c
     WHERE c.tenant_no = b.no AND c.valid_from > $3 AND c.object IN ('tenant', 'item', 'setting')
     UNION ALL
     SELECT c.object, c.object_id, c.tenant_no, c.field, c.old_value, c.new_value, c.valid_from, c.seq, c.ordinal
     FROM changes c WHERE c.object = 'infra' AND c.field IN ('name', 'owner', 'backend_type') AND c.valid_from > $3
     UNION ALL
     SELECT c.object, c.object_id, c.tenant_no, c.field, c.old_value, c.new_value, c.valid_from, c.seq, c.ordinal
     FROM changes c WHERE c.seq > $4 AND c.valid_from = $3
     ORDER BY seq, ordinal"
);

/// The item that a key of [`crate::audit::item_key`] names; `None` for one this binary's catalogue does not know.
pub(crate) fn item_of(
    id: &str,
    tenant: TenantNo,
    numbers: &ItemNumbers,
    infras: &HashMap<String, InfraNo>,
) -> Option<MeterKey> {
    let (name, infra) = match id.split_once('@') {
        Some((name, infra)) => (name, *infras.get(infra)?),
        None => (id, InfraNo::NONE),
    };
    Some(MeterKey { tenant, item: numbers.no(name)?, infra })
}

/// The numbers of all storages by id: a few thousand at most, and the log names them by id.
pub(crate) async fn infra_numbers(conn: &mut Conn) -> Result<HashMap<String, InfraNo>> {
    let rows = conn.all("SELECT id, no FROM infras", Vec::new()).await?;
    rows.iter().map(|row| Ok((row.text("id")?, InfraNo(row.int("no")?)))).collect()
}
