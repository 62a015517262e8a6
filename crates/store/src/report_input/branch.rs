//! Whose usage a tenant sees on which day, range by range, so that memory does not grow with the channel.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::billing::BillingDay;
use domain::branch::{Branch, Node};
use domain::catalogue::ItemNumbers;
use domain::ids::{InfraId, InfraNo, RANGE_TENANTS, RangeNo, Seq, TenantNo};
use domain::time::Day;
use domain::timeline::Timeline;
use domain::usage::MeterKey;

use super::tenants::parsed;
use super::versions::{Log, UNCHANGED, infra_numbers, item_of};
use super::{below, cells};
use crate::audit::Object;
use crate::conn::corrupt;
use crate::usage::meter_key;
use crate::{Arg, Conn, Result, Row, args, dialect};

/// From where, and from when on, somebody looks at usage.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// The tenant looked at.
    pub subject: TenantNo,
    /// Whether what stands below it is seen too.
    pub below_too: bool,
    /// Who left the subject on this day or before it is looked for no more. No later than any day asked for, nor than
    /// the day on which `as_of` was the newest number.
    pub since: Day,
    /// Changes accepted after this number are not known.
    pub as_of: Seq,
}

impl Outlook {
    /// Whether the subject was there at the acceptance number.
    pub async fn was_there(&self, conn: &mut Conn) -> Result<bool> {
        let sql =
            "SELECT COUNT(*) AS n FROM changes WHERE tenant_no = $1 AND valid_from = $2 AND object = 'tenant'
                   AND field = 'deleted' AND old_value IS NULL AND seq > $3";
        Ok(conn.count(sql, args![self.subject, Day::FOREVER_AGO, self.as_of]).await? == 0)
    }

    /// The ranges with the subject and those that are or were below it.
    pub async fn ranges(&self, conn: &mut Conn) -> Result<Vec<RangeNo>> {
        if !self.below_too {
            return Ok(vec![self.subject.range()]);
        }
        let rows = conn.all(cells::RANGES, args![self.subject, self.since]).await?;
        rows.iter().map(|row| row.int("range_no").map(RangeNo)).collect()
    }

    /// Those of them that lie in one range, with all that stood between them and the subject.
    pub async fn branch(&self, conn: &mut Conn, range: RangeNo, numbers: &ItemNumbers) -> Result<Branch> {
        let mut branch =
            Branch { subject: self.subject, nodes: BTreeMap::new(), billing_days: HashMap::new() };
        let infras = infra_numbers(conn).await?;
        let item = |id: &str, tenant| item_of(id, tenant, numbers, &infras);
        let mut wanted = self.members(conn, range).await?;
        let mut asked = wanted.clone();
        while !wanted.is_empty() {
            let all: Vec<TenantNo> = wanted.iter().copied().collect();
            for some in all.chunks(dialect::MAX_LIST) {
                self.add(conn, some, item, &mut branch).await?;
            }
            wanted = parents(&branch, &wanted);
            wanted.retain(|no| asked.insert(*no));
        }
        Ok(branch)
    }

    async fn members(&self, conn: &mut Conn, range: RangeNo) -> Result<BTreeSet<TenantNo>> {
        if !self.below_too {
            return Ok(BTreeSet::from([self.subject]));
        }
        let first = range.first().0;
        let of_range = concat!(below!(), "SELECT b.no FROM below b WHERE b.no >= $3 AND b.no < $4");
        let values = args![self.subject, self.since, first, first.saturating_add(RANGE_TENANTS)];
        let rows = conn.all(of_range, values).await?;
        rows.iter().map(|row| row.int("no").map(TenantNo)).collect()
    }

    /// Adds these tenants, as far as they were there.
    async fn add(
        &self,
        conn: &mut Conn,
        tenants: &[TenantNo],
        item: impl Fn(&str, TenantNo) -> Option<MeterKey>,
        branch: &mut Branch,
    ) -> Result<()> {
        let logs = self.logs(conn, tenants, item).await?;
        let list = dialect::placeholders(1, tenants.len());
        let values: Vec<Arg> = tenants.iter().map(|no| Arg::from(*no)).collect();
        let sql = format!(
            "SELECT no, id, name, parent_no, deleted_at, ancestral_access, billing_day FROM tenants WHERE no IN ({list})"
        );
        conn.each_of(sql, false, values.clone(), |row| {
            let no = TenantNo(row.int("no")?);
            let log = logs.tenants.get(&no).unwrap_or(&UNCHANGED);
            if !log.is_unborn("deleted") {
                branch.nodes.insert(no, node(row, log)?);
            }
            Ok(())
        })
        .await?;
        let sql = format!(
            "SELECT tenant_no, item_no, infra_no, billing_day FROM item_billing_days WHERE tenant_no IN ({list})"
        );
        let mut newest: HashMap<MeterKey, Option<BillingDay>> =
            logs.items.keys().map(|key| (*key, None)).collect();
        conn.each_of(sql, false, values, |row| {
            newest.insert(meter_key(row)?, Some(billing_day(row)?));
            Ok(())
        })
        .await?;
        for (key, newest) in newest {
            let log = logs.items.get(&key).unwrap_or(&UNCHANGED);
            branch.billing_days.insert(key, own_billing_day(log, newest)?);
        }
        Ok(())
    }

    /// Changes after the first version, and first versions that are not known yet.
    async fn logs(
        &self,
        conn: &mut Conn,
        tenants: &[TenantNo],
        item: impl Fn(&str, TenantNo) -> Option<MeterKey>,
    ) -> Result<Logs> {
        let list = dialect::placeholders(3, tenants.len());
        let mut values = args![Day::FOREVER_AGO, self.as_of];
        values.extend(tenants.iter().map(|no| Arg::from(*no)));
        // Two halves, so that each finds its index: by tenant, and by number.
        let of = "SELECT object, object_id, tenant_no, field, old_value, new_value, valid_from, seq, ordinal FROM changes
                  WHERE (object = 'tenant' AND field IN ('name', 'parent', 'deleted', 'ancestral_access', 'billing_day')
                         OR object = 'item' AND field = 'billing_day')";
        let sql = format!(
            "{of} AND tenant_no IN ({list}) AND valid_from > $1
             UNION ALL {of} AND +tenant_no IN ({list}) AND valid_from = $1 AND seq > $2
             ORDER BY seq, ordinal"
        );
        let mut logs = Logs::default();
        conn.each_of(sql, false, values, |row| {
            let tenant = TenantNo(row.int("tenant_no")?);
            if row.text("object")? == Object::Tenant.as_str() {
                return logs.tenants.entry(tenant).or_default().add(row, self.as_of);
            }
            match item(&row.text("object_id")?, tenant) {
                Some(key) => logs.items.entry(key).or_default().add(row, self.as_of),
                None => Ok(()),
            }
        })
        .await?;
        Ok(logs)
    }
}

/// What the change log says about some tenants and their items.
#[derive(Default)]
struct Logs {
    tenants: HashMap<TenantNo, Log>,
    items: HashMap<MeterKey, Log>,
}

/// All that these tenants ever stood directly below, up to the subject.
fn parents(branch: &Branch, tenants: &BTreeSet<TenantNo>) -> BTreeSet<TenantNo> {
    let below = tenants.iter().filter(|no| **no != branch.subject);
    let nodes = below.filter_map(|no| branch.nodes.get(no));
    nodes.flat_map(|node| node.parent.versions().map(|(_, parent)| *parent)).collect()
}

fn node(row: &Row, log: &Log) -> Result<Node> {
    Ok(Node {
        id: row.parsed("id")?,
        name: log.timeline("name", row.text("name")?, parsed)?,
        parent: log.timeline("parent", TenantNo(row.int("parent_no")?), |text| parsed(text).map(TenantNo))?,
        deleted: log.timeline("deleted", row.opt_instant("deleted_at")?.is_some(), parsed)?,
        open: log.timeline("ancestral_access", row.flag("ancestral_access")?, parsed)?,
        billing_day: log.timeline("billing_day", billing_day(row)?, |text| match text {
            Some(text) => text.parse().ok().and_then(BillingDay::new),
            None => Some(BillingDay::CALENDAR),
        })?,
    })
}

fn billing_day(row: &Row) -> Result<BillingDay> {
    let day = row.int("billing_day")?;
    BillingDay::new(day).ok_or_else(|| corrupt("billing_day", day.to_string(), "1 to 28"))
}

fn own_billing_day(log: &Log, newest: Option<BillingDay>) -> Result<Timeline<Option<BillingDay>>> {
    log.timeline("billing_day", newest, |text| match text {
        Some(text) => text.parse().ok().and_then(BillingDay::new).map(Some),
        None => Some(None),
    })
}

/// The ids of all storages, deleted ones too: a few thousand at most.
pub async fn storages(conn: &mut Conn) -> Result<HashMap<InfraNo, InfraId>> {
    let rows = conn.all("SELECT id, no FROM infras", Vec::new()).await?;
    rows.iter().map(|row| Ok((InfraNo(row.int("no")?), row.parsed("id")?))).collect()
}
