//! The demo's channel: a distributor, partners on two levels, their customers and units, and what each of them uses.

use anyhow::{Context as _, Result};
use app::Ids;
use app::ids::Noun;
use domain::catalogue::Catalogue;
use domain::time::Day;
use serde_json::{Value, json};
use uuid::{Uuid, uuid};

use super::client::Client;

/// The tenant of the published page.
pub const PARTNER: Uuid = uuid!("ede9f834-70b3-476c-83d9-736f9f8c7dae");
/// The user of the published page.
pub const USER: Uuid = uuid!("ca451758-b48a-45d9-9ae6-8f1059f67619");
/// The report of the published page.
pub const REPORT: Uuid = uuid!("20dffb36-d77b-45c6-b2fa-39276e98d5fc");

/// A tenant of the channel: name, kind, parent's name, and what it uses at the begin: item, storage's name, value.
struct Planned {
    name: &'static str,
    kind: &'static str,
    parent: &'static str,
    customer_id: Option<&'static str>,
    uses: &'static [(&'static str, &'static str, i64)],
}

const GB: i64 = 1 << 30;
const OURS: &str = "North vault";
const PLATFORM: &str = "";

const fn tenant(
    name: &'static str,
    kind: &'static str,
    parent: &'static str,
    customer_id: Option<&'static str>,
    uses: &'static [(&'static str, &'static str, i64)],
) -> Planned {
    Planned { name, kind, parent, customer_id, uses }
}

const CHANNEL: &[Planned] = &[
    tenant("North Partner", "partner", "", Some("NP-1"), &[]),
    tenant("South Partner", "partner", "", Some("SP-1"), &[]),
    tenant("Fjord Cloud", "partner", "North Partner", Some("NP-FJORD"), &[]),
    tenant("Lakeside IT", "partner", "North Partner", Some("NP-LAKE"), &[]),
    tenant("Public sector", "folder", "North Partner", None, &[]),
    tenant(
        "Müller Maschinenbau GmbH",
        "customer",
        "North Partner",
        Some("C-1001"),
        &[
            ("servers", PLATFORM, 6),
            ("vms", PLATFORM, 22),
            ("workstations", PLATFORM, 48),
            ("storage", OURS, 2_900 * GB),
            ("local_storage", PLATFORM, 740 * GB),
        ],
    ),
    tenant(
        "Werk Süd",
        "unit",
        "Müller Maschinenbau GmbH",
        None,
        &[("workstations", PLATFORM, 31), ("storage", OURS, 410 * GB)],
    ),
    tenant(
        "Werk Nord",
        "unit",
        "Müller Maschinenbau GmbH",
        None,
        &[("workstations", PLATFORM, 17), ("mobiles", PLATFORM, 9)],
    ),
    tenant(
        "Harbour Ltd",
        "customer",
        "Fjord Cloud",
        Some("H-17"),
        &[
            ("vms", PLATFORM, 14),
            ("storage", PLATFORM, 1_250 * GB),
            ("dr_storage", PLATFORM, 380 * GB),
            ("compute_points", PLATFORM, 5_400),
            ("dr_cloud_servers", PLATFORM, 3),
        ],
    ),
    tenant(
        "Quayside",
        "unit",
        "Harbour Ltd",
        None,
        &[("workstations", PLATFORM, 12), ("mailboxes", PLATFORM, 40)],
    ),
    tenant(
        "Bergen Logistics AS",
        "customer",
        "Fjord Cloud",
        Some("H-18"),
        &[("servers", PLATFORM, 4), ("storage", PLATFORM, 860 * GB), ("local_storage", PLATFORM, 120 * GB)],
    ),
    tenant(
        "Åsgård Shipping AS",
        "customer",
        "Fjord Cloud",
        Some("H-19"),
        &[("fc_seats", PLATFORM, 65), ("fc_storage", PLATFORM, 210 * GB), ("notarizations", PLATFORM, 12)],
    ),
    tenant(
        "Lakeside Dental",
        "customer",
        "Lakeside IT",
        Some("L-3"),
        &[
            ("pw_base_workstations", PLATFORM, 23),
            ("pw_base_servers", PLATFORM, 2),
            ("pw_base_storage", PLATFORM, 640 * GB),
        ],
    ),
    tenant(
        "Reed & Partners, Lawyers",
        "customer",
        "Lakeside IT",
        Some("L-4"),
        &[
            ("pw_base_workstations", PLATFORM, 37),
            ("pw_base_storage", PLATFORM, 990 * GB),
            ("notary_storage", PLATFORM, 6 * GB),
            ("notarizations", PLATFORM, 30),
            ("esignatures", PLATFORM, 18),
        ],
    ),
    tenant(
        "City Library",
        "customer",
        "Public sector",
        Some("PS-9"),
        &[
            ("workstations", PLATFORM, 84),
            ("storage", OURS, 330 * GB),
            ("fc_seats", PLATFORM, 25),
            ("fc_storage", PLATFORM, 40 * GB),
        ],
    ),
    tenant(
        "Vineyard SA",
        "customer",
        "South Partner",
        Some("S-1"),
        &[("vms", PLATFORM, 7), ("storage", PLATFORM, 505 * GB)],
    ),
];

/// How many tenants stand below the distributor.
pub const fn channel_size() -> usize {
    CHANNEL.len()
}

/// A meter of the channel.
#[derive(Debug)]
pub struct Meter {
    tenant_id: String,
    item: &'static str,
    infra_id: Option<String>,
    first: i64,
    accumulates: bool,
}

/// The storage that serves an item, by its name or, for the platform's own, by its capability.
struct Storages {
    ours: String,
    platform: Vec<(String, String)>,
}

/// Makes the channel through the API; gives back its meters.
pub fn make(client: &Client, ids: &Ids, top: &str) -> Result<Vec<Meter>> {
    let mut made: Vec<(&str, String)> = vec![("", top.to_owned())];
    let mut meters = Vec::new();
    let mut storages = None;
    for planned in CHANNEL {
        if planned.name == "North Partner" {
            ids.preset(Noun::Tenant, PARTNER);
        }
        let parent = id_of(&made, planned.parent)?.to_owned();
        let body = json!({"name": planned.name, "parent_id": parent, "kind": planned.kind, "customer_id": planned.customer_id});
        let created = client.post("/tenants", &body)?;
        let id = created.get("id").and_then(Value::as_str).context("no id")?.to_owned();
        if planned.name == "North Partner" {
            storages = Some(our_storage(client, top)?);
        }
        let storages = storages.as_ref().context("the first tenant owns a storage")?;
        switch_on(client, planned, &id, storages)?;
        for (item, storage, first) in planned.uses {
            let accumulates = catalogue_item(item)?.is_range();
            let infra_id = storages.of(item, storage)?;
            meters.push(Meter { tenant_id: id.clone(), item, infra_id, first: *first, accumulates });
        }
        made.push((planned.name, id));
    }
    set_prices(client)?;
    make_user(client, ids)?;
    Ok(meters)
}

fn id_of<'a>(made: &'a [(&str, String)], name: &str) -> Result<&'a str> {
    made.iter()
        .find(|(made, _)| *made == name)
        .map(|(_, id)| id.as_str())
        .with_context(|| format!("no tenant {name}"))
}

fn catalogue_item(name: &str) -> Result<&'static domain::catalogue::Item> {
    Catalogue::embedded().item(name).with_context(|| format!("no item {name}"))
}

/// The partner's own storage beside the platform's.
fn our_storage(client: &Client, top: &str) -> Result<Storages> {
    let ours = json!({"owner_tenant_id": PARTNER, "name": OURS, "url": "abgw://vault.north.example:44445", "capabilities": ["backup"], "backend_type": "google"});
    let ours = client.post("/infra", &ours)?;
    let listed = client.get(&format!("/tenants/{top}/infra"))?;
    let ids: Vec<&str> = listed
        .get("infras")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let found = client.get(&format!("/infra?uuids={}", ids.join(",")))?;
    let mut platform = Vec::new();
    for infra in found.get("items").and_then(Value::as_array).into_iter().flatten() {
        for capability in infra.get("capabilities").and_then(Value::as_array).into_iter().flatten() {
            platform.push((text(capability), infra.get("id").map(text).unwrap_or_default()));
        }
    }
    Ok(Storages { ours: ours.get("id").map(text).context("no id")?, platform })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Storages {
    fn of(&self, item: &str, storage: &str) -> Result<Option<String>> {
        let Some(capability) = catalogue_item(item)?.capability else { return Ok(None) };
        if storage == OURS {
            return Ok(Some(self.ours.clone()));
        }
        let found = self.platform.iter().find(|(of, _)| of == capability.as_str());
        Ok(Some(found.map(|(_, id)| id.clone()).with_context(|| format!("no storage for {capability}"))?))
    }
}

/// Partners sell everything the channel uses; customers and units have on what they use, with a quota here and there.
fn switch_on(client: &Client, planned: &Planned, id: &str, storages: &Storages) -> Result<()> {
    let sells = matches!(planned.kind, "partner" | "folder");
    let below =
        CHANNEL.iter().filter(|other| sells || other.parent == planned.name || other.name == planned.name);
    let mut uses: Vec<(&str, &str)> =
        below.flat_map(|other| other.uses).map(|(item, storage, _)| (*item, *storage)).collect();
    uses.sort_unstable();
    uses.dedup();
    let mut items = Vec::new();
    for (name, storage) in uses {
        // South Partner has no right to the storage of North Partner.
        if storage == OURS && planned.name == "South Partner" {
            continue;
        }
        let item = catalogue_item(name)?;
        let quota = (planned.kind == "customer" && name == "vms")
            .then(|| json!({"value": 25, "overage": 5, "version": 0}));
        let wanted = json!({"application_id": Catalogue::embedded().application_id(item.service), "name": name, "status": 1,
            "infra_id": storages.of(name, storage)?, "quota": quota});
        items.push(wanted);
    }
    client.put(&format!("/tenants/{id}/offering_items"), &json!({"offering_items": items})).map(|_| ())
}

/// What the partner pays the distributor, and the SKUs of its price list.
fn set_prices(client: &Client) -> Result<()> {
    let pricing = client.get(&format!("/tenants/{PARTNER}/pricing"))?;
    let version = pricing.get("version").context("no version")?;
    client.put(&format!("/tenants/{PARTNER}/pricing"), &json!({"version": version, "currency": "EUR"}))?;
    let backup = Catalogue::embedded().application_id(domain::catalogue::Service::Backup);
    let items: Vec<Value> = [
        ("vms", "1.90"),
        ("workstations", "0.85"),
        ("servers", "4.20"),
        ("storage", "0.023"),
        ("compute_points", "0.12"),
    ]
    .into_iter()
    .map(|(name, price)| json!({"application_id": backup, "name": name, "price": price}))
    .collect();
    client.put(&format!("/tenants/{PARTNER}/offering_items/pricing"), &json!({"items": items}))?;
    let platform = Catalogue::embedded().application_id(domain::catalogue::Service::Platform);
    let list = json!({"currency": "EUR", "licensing_mode": "per_gb", "tier_level": "1", "pricing": [
        {"description": "Backup storage per GB", "price": 0.023, "sku": "NP-ST-GB", "name": "storage"},
        {"description": "Virtual machine", "price": 1.90, "sku": "NP-VM", "name": "vms"},
        {"description": "Server", "price": 4.20, "sku": "NP-SRV", "name": "servers"},
    ]});
    client
        .put(
            &format!("/applications/{platform}/settings/tenants/{PARTNER}/pricing_info"),
            &json!({"value": list}),
        )
        .map(|_| ())
}

fn make_user(client: &Client, ids: &Ids) -> Result<()> {
    ids.preset(Noun::User, USER);
    let user = json!({"tenant_id": PARTNER, "login": "ann@north.example", "notifications": ["reports"],
        "contact": {"email": "ann@north.example", "firstname": "Ann", "lastname": "North"}});
    client.post("/users", &user)?;
    let policy = json!({"items": [{"tenant_id": PARTNER, "role_id": "partner_admin"}]});
    client.put(&format!("/users/{USER}/access_policies"), &policy).map(|_| ())
}

/// What every meter says at noon of the n-th day: `PUT /tenants/usages` in one call.
pub fn report_usage(client: &Client, meters: &[Meter], day: Day, days_since_begin: i64) -> Result<usize> {
    let items: Vec<Value> = meters
        .iter()
        .enumerate()
        .map(|(at, meter)| {
            let value = meter.value(i64::try_from(at).unwrap_or(0), day, days_since_begin);
            json!({"tenant_id": meter.tenant_id, "offering_item": meter.item, "infra_id": meter.infra_id,
                "usage_value": value})
        })
        .collect();
    let answer = client.put("/tenants/usages", &json!({"items": items}))?;
    let refused = answer
        .get("items")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .find(|item| item.get("error").is_some());
    anyhow::ensure!(refused.is_none(), "a reading was refused: {refused:?}");
    Ok(meters.len())
}

impl Meter {
    /// Grows slowly, wavers from day to day, and differs from meter to meter; the same in every demo.
    fn value(&self, seed: i64, day: Day, days_since_begin: i64) -> i64 {
        if self.accumulates {
            // What has accrued since the 1st of the month, as meters of that kind say.
            return self.first * i64::from(day.day_of_month()) + (seed * 7 + days_since_begin) % 5;
        }
        let wave = (days_since_begin * (3 + seed % 5) + seed * 11) % 17 - 6;
        let growth = self.first * days_since_begin / 400;
        (self.first + growth + wave * (self.first / 60 + i64::from(self.first > 20))).max(0)
    }
}
