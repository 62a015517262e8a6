//! Loading: the product's own way from readings to a month that is closed, packed and tended.

use std::collections::HashMap;
use std::io::{Cursor, Read, Write as _};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use app::clock::ManualClock;
use app::ids::Noun;
use app::usage::upload::{Encoding, Form, Format, Source, receive, store as store_upload};
use app::{App, history};
use domain::access::Actor;
use domain::ids::{ContactId, InfraNo, TenantId, TenantNo};
use domain::pricing::Quota;
use domain::tenant::TenantKind;
use domain::time::Day;
use serde_json::json;
use store::offering_items::{ItemChange, Key};
use store::tenants::NewTenant;

use crate::channel::{Channel, ITEMS, Meta, Reading};
use crate::installation;

const TENANTS_AT_ONCE: usize = 5_000;
const ITEMS_AT_ONCE: usize = 20_000;

/// The tables that hold readings, by what for; indexes count with their table.
const PARTS: &[(&str, &[&str])] = &[
    ("values", &["segments"]),
    ("ledger", &["ledger", "heard", "day_numbers"]),
    ("keys", &["key_runs", "key_pieces"]),
    ("current", &["meters"]),
    ("tree", &["tree_blocks"]),
];

/// Makes the store; prints what it takes on disk and what took how long.
pub async fn load(folder: &Path, store: &Path) -> Result<()> {
    let (channel, meta) = (Channel(folder.to_owned()), Meta::read(folder)?);
    let days = meta.number("days")?;
    let mut loading = Loading::begin(&channel, &meta, store).await?;
    let mut took = Vec::new();
    for number in 0..days {
        let day = loading.day(&channel.day(number)?).await?;
        eprintln!("day {number}: {day:?}");
        took.push(day);
    }
    let app = loading.app;
    let parts = sizes(&app).await?;
    app.db.close().await;
    let bytes: i64 = parts.values().sum();
    let ms = |of: fn(&Took) -> u128| took.iter().map(of).collect::<Vec<_>>();
    let (import, close, tend) = (ms(|day| day.import_ms), ms(|day| day.close_ms), ms(|day| day.tend_ms));
    println!(
        "{}",
        json!({ "bytes": bytes, "parts": parts, "import_ms": import, "close_ms": close, "tend_ms": tend })
    );
    Ok(())
}

/// What a day took, in milliseconds.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "as they are printed")]
pub struct Took {
    /// Receiving and storing its readings.
    pub import_ms: u128,
    /// Closing and freezing it.
    pub close_ms: u128,
    /// The upkeep of the history after it.
    pub tend_ms: u128,
}

/// An installation that is being filled, day by day.
pub struct Loading {
    /// It.
    pub app: App,
    clock: ManualClock,
    ids: Vec<(TenantNo, TenantId)>,
    today: Day,
}

impl Loading {
    /// Makes it, with the channel's tenants.
    pub async fn begin(channel: &Channel, meta: &Meta, store: &Path) -> Result<Self> {
        let today = meta.day(0)?;
        let (app, clock) = installation::make(store, today).await?;
        let ids = tenants(&app, channel, store).await?;
        switch_on(&app, &ids, &channel.day(meta.number("last")?)?).await?;
        Ok(Self { app, clock, ids, today })
    }

    /// Takes a day's readings in, and goes on to the next day.
    pub async fn day(&mut self, readings: &[Reading]) -> Result<Took> {
        let start = Instant::now();
        import(&self.app, &self.ids, readings, self.today).await?;
        let import_ms = start.elapsed().as_millis();
        self.today = self.today.next();
        self.clock.set(installation::morning(self.today));
        let start = Instant::now();
        history::close_due(&self.app).await?;
        let close_ms = start.elapsed().as_millis();
        let start = Instant::now();
        while history::tend(&self.app).await? {}
        Ok(Took { import_ms, close_ms, tend_ms: start.elapsed().as_millis() })
    }

    /// The number of the tenant that the channel numbers so.
    pub fn no(&self, number: i32) -> Result<TenantNo> {
        let tenant = self.ids.get(usize::try_from(number)?);
        Ok(tenant.context("a tenant of the channel")?.0)
    }

    /// The day that is open.
    pub const fn today(&self) -> Day {
        self.today
    }
}

/// Makes the tenants in the channel's order; `numbers.bin` keeps the channel's number of each of the database's.
async fn tenants(app: &App, channel: &Channel, store: &Path) -> Result<Vec<(TenantNo, TenantId)>> {
    let tenants = channel.tenants()?;
    let mut conn = app.read().await?;
    let root = store::tenants::by_no(&mut conn, TenantNo::TOP).await?.context("the root")?;
    drop(conn);
    let mut made = vec![(root.no, root.id)];
    let numbered: Vec<(&u32, &u8)> = tenants.parents.iter().zip(&tenants.kinds).skip(1).collect();
    for some in numbered.chunks(TENANTS_AT_ONCE) {
        let mut tx = app.write_as(Actor::System).await?;
        for (parent, kind) in some {
            let parent = made.get(**parent as usize).context("a parent comes before its children")?.0;
            let new = new_tenant(app, parent, **kind, made.len())?;
            made.push((store::tenants::insert(&mut tx, &new).await?, new.id));
        }
        tx.commit().await?;
        eprint!("\r{} tenants", made.len());
    }
    eprintln!();
    let highest = made.iter().map(|(no, _)| no.0).max().unwrap_or(0);
    let mut numbers = vec![u32::MAX; usize::try_from(highest)? + 1];
    for ((no, _), number) in made.iter().zip(0..) {
        if let Some(place) = numbers.get_mut(usize::try_from(no.0)?) {
            *place = number;
        }
    }
    let bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_le_bytes).collect();
    std::fs::write(store.join("numbers.bin"), bytes)?;
    let ids: Vec<u8> = made.iter().flat_map(|(_, id)| *id.0.as_bytes()).collect();
    std::fs::write(store.join("ids.bin"), ids)?;
    Ok(made)
}

fn new_tenant(app: &App, parent: TenantNo, kind: u8, number: usize) -> Result<NewTenant> {
    let kind = match kind {
        1 => TenantKind::Partner,
        2 => TenantKind::Customer,
        _ => TenantKind::Unit,
    };
    let (id, contact) = (TenantId(app.ids.fresh(Noun::Tenant)?), ContactId(app.ids.other()?));
    Ok(NewTenant::plain(id, contact, Some(parent), format!("{kind} {number}"), kind))
}

/// Switches on what every tenant reads.
async fn switch_on(app: &App, ids: &[(TenantNo, TenantId)], readings: &[Reading]) -> Result<()> {
    let numbers = store::catalogue::item_numbers(&mut app.read().await?).await?;
    for some in readings.chunks(ITEMS_AT_ONCE) {
        let mut changes = Vec::new();
        for reading in some {
            let tenant = ids.get(reading.tenant as usize).context("a tenant of the channel")?.0;
            let name = item(reading)?;
            let key = Key { item: numbers.no(name).context("a catalogue item")?, infra: InfraNo::NONE };
            let log_id = store::audit::item_key(name, None);
            let quota = Quota::default();
            changes.push(ItemChange { tenant, key, log_id, old: None, enabled: true, quota });
        }
        let mut tx = app.write_as(Actor::System).await?;
        store::offering_items::save(&mut tx, &changes).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn item(reading: &Reading) -> Result<&'static str> {
    let at = usize::from(reading.item).checked_sub(1);
    at.and_then(|at| ITEMS.get(at)).copied().context("an item of the channel")
}

/// Imports a day's readings, each with a key of its own.
async fn import(app: &App, ids: &[(TenantNo, TenantId)], readings: &[Reading], day: Day) -> Result<()> {
    let mut text = Vec::with_capacity(readings.len() * 140);
    for (reading, at) in readings.iter().zip(0_u32..) {
        let id = ids.get(reading.tenant as usize).context("a tenant of the channel")?.1;
        writeln!(
            text,
            r#"{{"tenant_id":"{id}","offering_item":"{}","value":{},"key":"{day}-{at}"}}"#,
            item(reading)?,
            reading.value
        )?;
    }
    let form = Form { format: Format::Ndjson, encoding: Encoding::Identity, reason: None };
    let body: Box<dyn Read + Send> = Box::new(Cursor::new(text));
    let received = receive(app, form, body).await?;
    let summary = store_upload(app, &Source::system(), received, |_| {}).await?;
    // Absorbed is what says the same as the day before.
    ensure!(summary.accepted + summary.absorbed == readings.len() as u64, "not all were taken: {summary:?}");
    Ok(())
}

/// The pages on disk of the tables with readings, and of their indexes.
pub async fn sizes(app: &App) -> Result<HashMap<&'static str, i64>> {
    let mut sizes = HashMap::new();
    for (table, bytes) in store::sizes::by_table(&mut app.read().await?).await? {
        if let Some((part, _)) = PARTS.iter().find(|(_, tables)| tables.contains(&table.as_str())) {
            *sizes.entry(*part).or_insert(0) += bytes;
        }
    }
    Ok(sizes)
}
