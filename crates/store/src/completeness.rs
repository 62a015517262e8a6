//! What says whether readings are missing, beside the history itself.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use domain::catalogue::ItemNumbers;
use domain::ids::{InfraNo, Seq, TenantNo};
use domain::time::{Day, Instant};
use domain::timeline::Timeline;
use domain::usage::MeterKey;

use crate::audit::Object;
use crate::report_input::{infra_numbers, item_of};
use crate::usage::{key_args, meter_key, wanted};
use crate::{Conn, Result, args, catalogue};

/// The names that the change log has for items and storages.
#[derive(Debug)]
pub struct Names {
    /// The items by number.
    pub items: ItemNumbers,
    infras: HashMap<String, InfraNo>,
}

impl Names {
    /// All of them.
    pub async fn load(conn: &mut Conn) -> Result<Self> {
        Ok(Self { items: catalogue::item_numbers(conn).await?, infras: infra_numbers(conn).await? })
    }
}

/// When an item was on.
#[derive(Debug)]
pub struct Switch {
    /// On which days; the first time reaches back for ever, as in reports, since readings of days before it may come late.
    pub on: Timeline<bool>,
    /// The day on which it was switched on for the first time.
    pub since: Day,
}

/// When the items of these tenants were on, as known at `as_of`.
pub async fn switches(
    conn: &mut Conn,
    tenants: &RangeInclusive<TenantNo>,
    names: &Names,
    as_of: Seq,
) -> Result<HashMap<MeterKey, Switch>> {
    let scope = || args![*tenants.start(), *tenants.end()];
    let mut switches = HashMap::new();
    let items = "SELECT tenant_no, item_no, infra_no, enabled FROM tenant_items
        WHERE tenant_no >= $1 AND tenant_no <= $2";
    conn.each(items, scope(), |row| {
        let on = Timeline::always(row.flag("enabled")?);
        switches.insert(meter_key(row)?, Switch { on, since: Day::FOREVER_AGO });
        Ok(())
    })
    .await?;
    let mut logged: HashMap<MeterKey, Switch> = HashMap::new();
    let changes = "SELECT tenant_no, object_id, seq, old_value, new_value, valid_from, recorded_at FROM changes
        WHERE tenant_no >= $1 AND tenant_no <= $2 AND object = $3 AND field = 'enabled' ORDER BY seq, ordinal";
    conn.each(changes, [scope(), args![Object::Item.as_str()]].concat(), |row| {
        let (id, tenant) = (row.text("object_id")?, TenantNo(row.int("tenant_no")?));
        let Some(key) = item_of(&id, tenant, &names.items, &names.infras) else { return Ok(()) };
        let is_on = |value: Option<String>| value.as_deref() == Some("true");
        let before = is_on(row.opt_text("old_value")?);
        let since = row.instant("recorded_at")?.day();
        let switch = logged.entry(key).or_insert_with(|| Switch { on: Timeline::always(before), since });
        if row.int("seq")? <= as_of.0 {
            switch.on.push(row.day("valid_from")?, is_on(row.opt_text("new_value")?));
        }
        Ok(())
    })
    .await?;
    switches.extend(logged);
    Ok(switches)
}

/// When something of these meters came in last; those of which nothing ever did are left out.
pub async fn last_heard(conn: &mut Conn, keys: &[MeterKey]) -> Result<HashMap<MeterKey, Instant>> {
    let select = "SELECT m.tenant_no, m.item_no, m.infra_no, m.heard_at FROM wanted w CROSS JOIN meters m
        WHERE m.tenant_no = w.tenant_no AND m.item_no = w.item_no AND m.infra_no = w.infra_no";
    let mut found = HashMap::with_capacity(keys.len());
    wanted(conn, "", select, keys.iter().map(key_args).collect(), |row| {
        found.insert(meter_key(row)?, row.instant("heard_at")?);
        Ok(())
    })
    .await?;
    Ok(found)
}
