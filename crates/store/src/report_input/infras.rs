//! Storages over time.

use std::collections::{HashMap, HashSet};

use domain::ids::{InfraId, InfraNo, TenantId, TenantNo};
use domain::report::InfraTimeline;

use super::tenants::{nullable, parsed};
use super::versions::Versions;
use super::{Wanted, below};
use crate::{Arg, Conn, Result, Row, dialect};

// A meter is of an item that was on once, and items that are off again keep their rows.
const INFRAS: &str = concat!(
    below!(),
    ", used (no) AS (
       SELECT x.infra_no FROM below b CROSS JOIN tenant_items x WHERE x.tenant_no = b.no
       UNION SELECT x.infra_no FROM below b CROSS JOIN item_prices x WHERE x.tenant_no = b.no
       UNION SELECT x.infra_no FROM below b CROSS JOIN item_billing_days x WHERE x.tenant_no = b.no)
     SELECT i.no, i.id, i.name, i.owner_no, i.backend_type FROM used u CROSS JOIN infras i WHERE i.no = u.no"
);

/// The storages that items of the subject and of those that were below it name.
pub(super) async fn load(
    conn: &mut Conn,
    wanted: &Wanted,
    versions: &Versions,
) -> Result<Vec<InfraTimeline>> {
    let rows = conn.all(INFRAS, wanted.scope()).await?;
    let owners = owners(conn, &rows, versions).await?;
    rows.iter().map(|row| infra(row, &owners, versions)).collect()
}

fn infra(row: &Row, owners: &HashMap<TenantNo, TenantId>, versions: &Versions) -> Result<InfraTimeline> {
    let id: InfraId = row.parsed("id")?;
    let log = versions.of_infra(id);
    let owner = |no: TenantNo| Some((no, *owners.get(&no)?));
    let newest = TenantNo(row.int("owner_no")?);
    let newest = owner(newest)
        .ok_or_else(|| crate::conn::corrupt("owner_no", newest.to_string(), "the number of a tenant"))?;
    Ok(InfraTimeline {
        no: InfraNo(row.int("no")?),
        id,
        name: log.timeline("name", row.text("name")?, parsed)?,
        owner: log.timeline("owner", newest, |text| parsed(text).map(TenantNo).and_then(owner))?,
        backend_type: log.timeline("backend_type", row.opt_parsed("backend_type")?, nullable)?,
    })
}

/// The ids of all that own or owned one of them.
async fn owners(conn: &mut Conn, infras: &[Row], versions: &Versions) -> Result<HashMap<TenantNo, TenantId>> {
    let mut numbers = HashSet::new();
    for row in infras {
        numbers.insert(TenantNo(row.int("owner_no")?));
        let owner =
            versions.of_infra(row.parsed("id")?).timeline("owner", None, |text| Some(parsed(text)))?;
        numbers.extend(owner.versions().filter_map(|(_, no)| *no).map(TenantNo));
    }
    let numbers: Vec<Arg> = numbers.into_iter().map(Arg::from).collect();
    let mut owners = HashMap::new();
    for numbers in numbers.chunks(dialect::MAX_LIST) {
        let sql =
            format!("SELECT no, id FROM tenants WHERE no IN ({})", dialect::placeholders(1, numbers.len()));
        for row in conn.all_of(sql, numbers.to_vec()).await? {
            owners.insert(TenantNo(row.int("no")?), row.parsed("id")?);
        }
    }
    Ok(owners)
}
