//! Which items have rows, in which order, and what stands beside the figures.

use super::world::{World, change, day, tenant_id};
use crate::infra::BackendType;
use crate::pricing::{Currency, PricingMode, parse_price};
use crate::report::{Kind, Label, Row};
use crate::tenant::TenantKind;
use crate::time::Period;
use crate::timeline::Timeline;

fn names(rows: &[Row]) -> Vec<String> {
    let infra = |row: &Row| row.infra.as_ref().map(|infra| format!("@{}", infra.name)).unwrap_or_default();
    rows.iter().map(|row| format!("{} {}{}", row.tenant.name, row.label.name(), infra(row))).collect()
}

#[test]
fn siblings_stand_by_name_then_id_and_items_by_service_name_and_storage() {
    let mut world = World::about(1);
    world.tenant(1, 1, TenantKind::Root);
    for (no, parent, name) in [(2, 1, "b"), (3, 1, "b"), (4, 1, "a"), (5, 2, "z")] {
        world.tenant(no, parent, TenantKind::Partner).name = Timeline::always(name.to_owned());
    }
    world.infra(1, 9);
    world.infra(2, 8);
    for (name, infra) in [("vms", 0), ("storage", 1), ("storage", 2), ("fc_seats", 0), ("adv_vms", 0)] {
        world.item(5, name, infra);
    }
    world.item(5, "drives_shipped_to_cloud", 0);
    world.item(5, "local_storage", 0);
    let rows = world.rows();
    let mut tenants: Vec<_> = rows.iter().map(|row| row.tenant.id).collect();
    tenants.dedup();
    assert_eq!(tenants, [1, 4, 2, 5, 3].map(tenant_id));
    let of_z: Vec<_> =
        names(&rows).into_iter().filter_map(|name| name.strip_prefix("z ").map(str::to_owned)).collect();
    assert_eq!(
        of_z,
        [
            "euc_count",
            "reseller_count",
            "adv_vms",
            "euc_with_local_backup_count",
            "local_storage",
            "storage@S2",
            "storage@S1",
            "vms",
            "drives_shipped_to_cloud",
            "fc_seats",
        ]
    );
}

#[test]
fn a_row_stands_for_what_was_on_or_used_within_the_period() {
    let mut world = World::channel(3);
    world.item(3, "vms", 0).enabled = change(true, day(1), false);
    world.item(3, "servers", 0).enabled = change(true, day(2), false);
    world.item(3, "mobiles", 0).enabled = change(false, day(32), true);
    world.item(3, "o365_mailboxes", 0);
    world.reads(3, "websites", 0, &[(-9, 4), (1, 0)]);
    world.reads(3, "workstations", 0, &[(-9, 4), (2, 0)]);
    // A unit's use gives its customer a row, a unit's item does not.
    world.reads(4, "virtualhosts", 0, &[(9, 1), (10, 0)]);
    world.item(4, "gsuite_seats", 0);
    assert_eq!(
        names(&world.rows()),
        [
            "T3 o365_mailboxes",
            "T3 servers",
            "T3 virtualhosts",
            "T3 workstations",
            "T4 gsuite_seats",
            "T4 virtualhosts",
        ]
    );
}

#[test]
fn rows_of_nine_zeros_can_be_hidden() {
    let mut world = World::channel(3);
    world.0.hide_zero_usage = true;
    world.item(3, "o365_mailboxes", 0);
    world.item(3, "vms", 0);
    world.reads(3, "servers", 0, &[(2, 4), (30, 0)]);
    // Absolute 0, but a delta.
    world.reads(3, "workstations", 0, &[(1, 4), (30, 0)]);
    assert_eq!(
        world.lines_of(&["o365_mailboxes", "vms", "servers", "workstations"]),
        ["T3 workstations 05-31: 0+0 -4+0 0+0"]
    );
}

#[test]
fn a_price_is_that_of_the_storage_or_else_of_the_item() {
    let price = |text: &str| Some(parse_price(text).unwrap());
    let mut world = World::channel(3);
    world.infra(1, 1);
    world.infra(2, 2);
    world.of(3).currency = Timeline::always(Some(Currency::Eur));
    world.item(3, "storage", 0).price = change(price("1"), day(20), price("2"));
    world.item(3, "storage", 1).price = change(None, day(5), price("0.5"));
    world.item(3, "storage", 2);
    world.item(3, "vms", 0);
    world.reads(3, "storage", 1, &[(2, 3 << 30)]);
    world.reads(3, "storage", 2, &[(2, 3 << 29)]);
    let rows = world.rows();
    assert_eq!(names(&rows), ["T3 storage@S1", "T3 storage@S2", "T3 vms"]);
    let told = |row: &Row| {
        let pricing = row.pricing.as_ref()?;
        Some(format!("{} {} {} {}", pricing.currency, pricing.mode, pricing.price, pricing.total_cost?))
    };
    let expected =
        [Some("EUR production 0.5 1.50".to_owned()), Some("EUR production 2 3.00".to_owned()), None];
    assert_eq!([0, 1, 2].map(|at| told(&rows[at])), expected);
}

#[test]
fn prices_and_quotas_are_those_of_the_date() {
    let mut world = World::channel(3);
    world.0.kind = Kind::UsageDaily;
    world.0.period = Period::inclusive(day(1), day(3));
    world.of(3).currency = change(None, day(2), Some(Currency::Usd));
    // Made on April 3: its trial ends within May 3, which leaves the mode of that day's end in production.
    world.of(3).created_at = day(-27).start();
    world.of(3).pricing_mode = Timeline::always(PricingMode::Trial);
    let item = world.item(3, "vms", 0);
    item.price = change(None, day(1), Some(parse_price("3").unwrap()));
    item.quota = change(Some(7), day(3), None);
    world.reads(3, "vms", 0, &[(1, 2)]);
    let rows = world.rows();
    let modes = rows.iter().map(|row| row.pricing.as_ref().map(|pricing| pricing.mode)).collect::<Vec<_>>();
    assert_eq!(modes, [None, Some(PricingMode::Trial), Some(PricingMode::Production)]);
    // The whole month counts as production, and is billed.
    assert_eq!(rows[1].pricing.as_ref().unwrap().total_cost.unwrap().to_string(), "6.00");
    assert_eq!(rows.iter().map(|row| row.quota).collect::<Vec<_>>(), [Some(7), Some(7), None]);
}

#[test]
fn a_storage_is_shown_as_it_was() {
    let mut world = World::channel(3);
    world.0.period = Period::inclusive(day(1), day(9));
    let infra = world.infra(1, 1);
    infra.name = change("old".to_owned(), day(10), "new".to_owned());
    infra.owner = change(infra.owner.at(day(1)).to_owned(), day(9), (crate::ids::TenantNo(2), tenant_id(2)));
    infra.backend_type = Timeline::always(Some(BackendType::Azure));
    world.item(3, "storage", 1);
    let rows = world.rows();
    let infra = rows[0].infra.as_ref().unwrap();
    assert_eq!((infra.name.as_str(), infra.owner_id, infra.owner_no.0), ("old", tenant_id(2), 2));
    assert_eq!(infra.backend_type, Some(BackendType::Azure));
}

#[test]
fn a_sku_comes_from_the_nearest_partner_only() {
    let list = |name: &str, sku: &str| Timeline::always(vec![(name.to_owned(), sku.to_owned())]);
    let build = |show_skus| {
        let mut world = World::channel(1);
        world.0.show_skus = show_skus;
        world.tenant(6, 2, TenantKind::Partner);
        world.tenant(7, 6, TenantKind::Folder);
        world.tenant(8, 7, TenantKind::Customer);
        world.of(1).skus = list("vms", "ROOT");
        world.of(2).skus = list("vms", "P2");
        world.of(6).skus = list("servers", "P6");
        for no in [1, 2, 4, 8] {
            world.item(no, "vms", 0);
        }
        world.item(8, "servers", 0);
        let rows = world.rows().into_iter().filter(|row| matches!(row.label, Label::Item(_)));
        rows.map(|row| row.sku.unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(build(true), ["", "P2", "P2", "P6", ""]);
    assert_eq!(build(false), [""; 5]);
}
