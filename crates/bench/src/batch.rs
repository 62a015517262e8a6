//! `cargo xtask bench batch`: the first of a month, when the reports of all partners are due.

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use app::access::Proof;
use app::reports::{self, NewReport};
use app::{Caller, jobs};
use domain::access::{Actor, Grant, Role};
use domain::ids::{TenantId, TenantNo};
use domain::report::{Format, Kind, Level, Parameters, ResultAction};
use domain::schedule::ScheduleType;

use crate::ask::peak_mib;
use crate::channel::{Channel, Meta};
use crate::installation;
use crate::serving::Place;

/// Orders a monthly report of every partner, lets the day come and makes them; prints what it took.
pub async fn run(folder: &Path, store: &Path) -> Result<()> {
    let channel = Channel(folder.to_owned());
    let (meta, place) = (Meta::read(folder)?, Place::copy_of(&channel, store)?);
    let next_month = meta.day(meta.number("last")?)?.next();
    let (app, clock) = installation::open(place.folder(), next_month).await?;
    let tenants = channel.tenants()?;
    let caller = root(place.id(0)?);
    let mut partners = 0_u32;
    let start = Instant::now();
    for (number, kind) in (0..).zip(&tenants.kinds) {
        if *kind <= 1 {
            reports::create(&app, &caller, place.id(number)?, &monthly()).await?;
            partners += 1;
        }
    }
    println!("{partners} monthly reports ordered in {:.1} s", start.elapsed().as_secs_f64());
    let peak_before = peak_mib()?;
    // They are due in the last second of the 1st.
    clock.set(installation::morning(next_month.next()));
    let start = Instant::now();
    jobs::scheduler::wake(&app).await?;
    let woken = start.elapsed().as_secs_f64();
    while jobs::builder::build_next(&app).await? {}
    let took = start.elapsed().as_secs_f64();
    let (files, bytes) = store::runs::artefacts::saved_total(&mut app.read().await?).await?;
    ensure!(files == i64::from(partners) * 2, "{files} files were made of {partners} reports");
    #[expect(clippy::cast_precision_loss, reason = "a size to be printed")]
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{partners} reports as csv_v2_0 and html in {took:.1} s ({woken:.1} s of it to order the runs): {:.0} reports/s, \
         {:.1} MB/s of {megabytes:.0} MB; memory {} MiB at most ({peak_before} before)",
        f64::from(partners) / took,
        megabytes / took,
        peak_mib()?
    );
    app.db.close().await;
    Ok(())
}

fn root(id: TenantId) -> Caller {
    Caller {
        actor: Actor::System,
        tenant: TenantNo::TOP,
        tenant_id: id,
        grants: vec![Grant { tenant: TenantNo::TOP, tenant_id: id, role: Role::RootAdmin }],
        narrowed_to: None,
        proof: Proof::Bearer,
        reports_usage: true,
        introspects: true,
        operates: true,
    }
}

fn monthly() -> NewReport {
    NewReport {
        parameters: Parameters {
            level: Level::DirectPartners,
            kind: Kind::UsageSummary,
            formats: vec![Format::CsvV2, Format::Html],
            hide_zero_usage: None,
            show_skus: None,
        },
        period: None,
        result_action: ResultAction::Save,
        recipients: Vec::new(),
        schedule: ScheduleType::Monthly,
        enabled: true,
        generation_on: None,
    }
}
