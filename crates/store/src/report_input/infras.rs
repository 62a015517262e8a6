//! Storages over time.

use std::collections::{HashMap, HashSet};

use domain::ids::{InfraId, InfraNo, TenantId, TenantNo};
use domain::report::InfraTimeline;

use super::tenants::{nullable, parsed};
use super::versions::Versions;
use crate::{Arg, Conn, Result, Row, dialect};

/// The storages with these numbers.
pub(super) async fn load(
    conn: &mut Conn,
    numbers: HashSet<InfraNo>,
    versions: &Versions,
) -> Result<Vec<InfraTimeline>> {
    let numbers: Vec<Arg> = numbers.into_iter().filter(|no| *no != InfraNo::NONE).map(Arg::from).collect();
    let mut rows = Vec::new();
    for numbers in numbers.chunks(dialect::MAX_LIST) {
        let list = dialect::placeholders(1, numbers.len());
        let sql = format!("SELECT no, id, name, owner_no, backend_type FROM infras WHERE no IN ({list})");
        rows.extend(conn.all_of(sql, numbers.to_vec()).await?);
    }
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
