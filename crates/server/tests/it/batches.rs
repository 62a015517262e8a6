//! Reports that are due together and share one pass over the blocks.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::reports::{self, NewReport};
use app::usage::upload::{Encoding, Form, Format as UploadFormat, Source, receive, store as store_upload};
use app::{App, Caller, jobs};
use domain::access::{Actor, Role};
use domain::ids::{ArtefactId, Seq, TenantId};
use domain::pricing::PricingMode;
use domain::report::{Format, Kind, Parameters, RunStatus};
use domain::tenant::{Tenant, TenantKind};
use domain::time::Day;
use store::tenants::{by_id, update};
use store::{args, pricing};
use testkit::{TestApp, at};
use tokio::runtime::Handle;

use crate::desk::{day, monthly, once};
use crate::metering::{Metering as _, reading};

/// Four partners with three customers each, who report in January and close the month.
struct Channel {
    test: TestApp,
    caller: Caller,
    partners: Vec<TenantId>,
    customers: Vec<TenantId>,
}

impl Channel {
    /// Nobody moves; monthly reports of these kinds are ordered of every partner.
    async fn new(kinds: &[Kind]) -> Self {
        let test = TestApp::at("2020-01-02T08:00:00Z").await;
        let caller = test.caller(test.top, Role::RootAdmin).await;
        let (mut partners, mut customers) = (Vec::new(), Vec::new());
        for partner in 0..4 {
            let name = format!("Partner {partner}");
            partners.push(test.tenant(test.top, TenantKind::Partner, &name).await);
            for customer in 0..3 {
                let name = format!("Customer {partner}.{customer}");
                let customer = test.tenant(partners[partner], TenantKind::Customer, &name).await;
                test.switch(customer, "vms", None, true).await;
                customers.push(customer);
            }
        }
        let channel = Self { test, caller, partners, customers };
        for kind in kinds {
            for partner in &channel.partners {
                let parameters = Parameters { kind: *kind, ..parameters() };
                channel.order(*partner, &NewReport { parameters, ..monthly() }).await;
            }
        }
        channel
    }

    async fn order(&self, subject: TenantId, new: &NewReport) {
        reports::create(&self.test.app, &self.caller, subject, new).await.unwrap();
    }

    /// The days up to this one, with readings of everybody on each.
    async fn live(&self, days: std::ops::RangeInclusive<i64>) {
        for today in days {
            self.test.clock.set(at(&format!("2020-01-{today:02}T09:00:00Z")));
            jobs::drain(&self.test.app).await.unwrap();
            let read = |(at, tenant): (i64, &TenantId)| reading(*tenant, "vms", 10 * at + today);
            let verdicts = self.test.report_usage((1..).zip(&self.customers).map(read).collect()).await;
            assert!(verdicts.iter().all(Result::is_ok));
        }
    }

    /// One customer moves from the first partner to the second.
    async fn move_one(&self) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        let old = by_id(&mut tx, self.customers[0]).await.unwrap().unwrap();
        let parent = by_id(&mut tx, self.partners[1]).await.unwrap().unwrap().no;
        update(&mut tx, &old, &Tenant { parent, ..old.clone() }).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// One customer's trial ends.
    async fn switch_one(&self) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        let no = by_id(&mut tx, self.customers[7]).await.unwrap().unwrap().no;
        let old = pricing::of_tenant(&mut tx, no).await.unwrap().unwrap();
        let new = pricing::Pricing { mode: PricingMode::Production, ..old };
        pricing::update(&mut tx, &self.customers[7].to_string(), &old, &new).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// From now on the passes are counted, and `first` is done when the first is made, before any run begins.
    fn at_first_pass<F: Future<Output = ()>>(
        &self,
        first: impl Fn(App) -> F + Send + Sync + 'static,
    ) -> Arc<AtomicUsize> {
        let (passes, app) = (Arc::new(AtomicUsize::new(0)), self.test.app.clone());
        let counted = passes.clone();
        self.test.app.jobs.set_hook(Box::new(move |step| {
            if step == "after-pass" && counted.fetch_add(1, Ordering::SeqCst) == 0 {
                // The job stands still here, and the others go on.
                let first = first(app.clone());
                tokio::task::block_in_place(|| Handle::current().block_on(first));
            }
        }));
        passes
    }

    /// Every file by run and format, and the number its run is as known at.
    async fn files(&self) -> BTreeMap<(i64, String), (Seq, Vec<u8>)> {
        let mut conn = self.test.app.read().await.unwrap();
        let sql = "SELECT r.no, r.status, r.as_of_seq, a.id, a.format FROM runs r JOIN artefacts a ON a.run_id = r.id";
        let mut files = BTreeMap::new();
        for row in conn.all(sql, args![]).await.unwrap() {
            assert_eq!(row.text("status").unwrap(), RunStatus::Ready.as_str());
            let id: ArtefactId = row.parsed("id").unwrap();
            let key = (row.int("no").unwrap(), row.text("format").unwrap());
            let bytes = app::mail::unpacked(&self.test.app, id).await.unwrap();
            files.insert(key, (Seq(row.int("as_of_seq").unwrap()), bytes));
        }
        files
    }

    async fn sql(&self, sql: &'static str, args: Vec<store::Arg>) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        tx.run(sql, args).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Makes every run again, each at a time when no other waits.
    async fn make_each_by_itself(&self) {
        for sql in [
            "DELETE FROM editions",
            "UPDATE artefacts SET status = 'in_progress', size_bytes = NULL, sha256 = NULL, content_id = NULL",
            "DELETE FROM content_chunks",
            "DELETE FROM contents",
            "UPDATE runs SET status = 'queued', not_before = 1000000000000000000",
        ] {
            self.sql(sql, args![]).await;
        }
        let runs = self.test.app.read().await.unwrap().all("SELECT no FROM runs", args![]).await.unwrap();
        for run in runs {
            self.sql("UPDATE runs SET not_before = 0 WHERE no = $1", args![run.int("no").unwrap()]).await;
            assert!(jobs::builder::build_next(&self.test.app).await.unwrap());
        }
    }
}

fn parameters() -> Parameters {
    let formats = vec![Format::CsvV2, Format::Html];
    Parameters { kind: Kind::UsageSummary, formats, ..once().parameters }
}

fn january() -> (Day, Day) {
    (day("2020-01-01"), day("2020-01-31"))
}

/// A reading of a day that is over.
async fn correct(app: &App, tenant: TenantId, date: &str, value: i64) {
    let form = Form { format: UploadFormat::Ndjson, encoding: Encoding::Identity, reason: None };
    let body = format!(
        "{{\"tenant_id\":\"{tenant}\",\"offering_item\":\"vms\",\"date\":\"{date}\",\"value\":{value}}}\n"
    );
    let received = receive(app, form, Cursor::new(body.into_bytes())).await.unwrap();
    let summary = store_upload(app, &Source::system(), received, |_| {}).await.unwrap();
    assert_eq!(summary.accepted, 1, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_due_together_are_those_made_each_by_itself() {
    let channel = Channel::new(&[Kind::UsageDaily, Kind::UsageCurrent]).await;
    channel.live(2..=12).await;
    channel.move_one().await;
    channel.live(13..=20).await;
    channel.switch_one().await;
    channel.live(21..=31).await;
    channel.test.clock.set(at("2020-02-01T23:59:59Z"));
    app::history::close_due(&channel.test.app).await.unwrap();
    let summary = NewReport { parameters: parameters(), period: Some(january()), ..once() };
    for partner in &channel.partners {
        channel.order(*partner, &summary).await;
    }
    // Beside each batch a report of its own.
    let lone = NewReport { period: Some((day("2020-01-05"), january().1)), ..summary.clone() };
    channel.order(channel.partners[2], &lone).await;
    let (caller, partners) = (channel.caller.clone(), channel.partners.clone());
    let (corrected, late) = (channel.customers[6], summary.clone());
    // While a batch is under way, readings of its days are corrected and more reports like its own are ordered.
    let passes = channel.at_first_pass(move |app| {
        let (caller, partners, late) = (caller.clone(), partners.clone(), late.clone());
        async move {
            correct(&app, corrected, "2020-01-31", 777_777).await;
            correct(&app, corrected, "2020-01-10", 666).await;
            for partner in &partners[1..3] {
                reports::create(&app, &caller, *partner, &late).await.unwrap();
            }
        }
    });
    jobs::drain(&channel.test.app).await.unwrap();
    // Summaries ordered before the first pass and after it, daily and current ones.
    assert_eq!(passes.load(Ordering::SeqCst), 4);
    let together = channel.files().await;
    assert_eq!(together.len(), 2 * (4 + 1 + 2) + 2 * (4 + 4));
    let numbers: std::collections::BTreeSet<Seq> = together.values().map(|(as_of, _)| *as_of).collect();
    assert_eq!(numbers.len(), 5, "one of each batch, and that of the report of its own");
    let knows = together.values().filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("777777"));
    assert!(knows.count() > 0, "later batches know the correction");
    channel.make_each_by_itself().await;
    assert_eq!(passes.load(Ordering::SeqCst), 4, "no pass was made");
    let apart = channel.files().await;
    assert_eq!(together.keys().collect::<Vec<_>>(), apart.keys().collect::<Vec<_>>());
    for (key, (as_of, bytes)) in &together {
        let (text, other) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&apart[key].1));
        assert_eq!((*as_of, text), (apart[key].0, other), "{key:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_share_a_pass_read_no_block() {
    let channel = Channel::new(&[Kind::UsageSummary]).await;
    channel.live(2..=31).await;
    // From the pass on every block is damaged.
    let passes = channel.at_first_pass(|app| async move {
        let mut tx = app.write_as(Actor::System).await.unwrap();
        assert!(tx.run("UPDATE segments SET bytes = $1", args![vec![0_u8; 9]]).await.unwrap() > 0);
        tx.commit().await.unwrap();
    });
    channel.test.clock.set(at("2020-02-01T23:59:59Z"));
    jobs::drain(&channel.test.app).await.unwrap();
    assert_eq!(passes.load(Ordering::SeqCst), 1);
    assert_eq!(channel.files().await.len(), 2 * 4);
}

#[tokio::test]
async fn a_damaged_block_is_the_fault_of_each_report_that_reads_it() {
    let channel = Channel::new(&[Kind::UsageSummary]).await;
    channel.live(2..=31).await;
    channel.test.clock.set(at("2020-02-01T09:00:00Z"));
    jobs::drain(&channel.test.app).await.unwrap();
    let mut tx = channel.test.app.write_as(Actor::System).await.unwrap();
    assert!(tx.run("UPDATE segments SET bytes = $1", args![vec![0_u8; 9]]).await.unwrap() > 0);
    tx.commit().await.unwrap();
    channel.test.clock.set(at("2020-02-01T23:59:59Z"));
    jobs::drain(&channel.test.app).await.unwrap();
    let mut conn = channel.test.app.read().await.unwrap();
    let sql = "SELECT COUNT(*) AS n FROM runs WHERE attempts = 1 AND reason LIKE '%is damaged%'";
    assert_eq!(conn.count(sql, args![]).await.unwrap(), 4);
}

#[tokio::test]
async fn a_day_that_is_closed_leaves_a_fresh_tree() {
    let channel = Channel::new(&[]).await;
    channel.live(2..=3).await;
    let regrown = store::tree::regrow(&mut channel.test.app.read().await.unwrap()).await.unwrap();
    let mut tx = channel.test.app.write_as(Actor::System).await.unwrap();
    assert_eq!(store::tree::replace(&mut tx, regrown).await.unwrap(), 0);
}
