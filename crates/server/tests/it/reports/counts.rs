//! How many customers and partners a report counts over their lives: made, deleted, restored, moved (reports-api, 10).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::reports::{self, NewReport};
use app::tenants::{self, TenantChange};
use domain::access::Role;
use domain::ids::TenantId;
use domain::report::{Kind, Level, Parameters};
use domain::tenant::TenantKind;
use serde_json::json;
use testkit::Server;

use crate::desk::{Desk, day, once};
use crate::metering::Metering as _;

/// What the partner is told from May 6th to 15th, by day.
const MAY: &str = "kind=usage_daily&level=itself&start=2026-05-06&end=2026-05-15";

/// What Quay Ltd uses.
const ITEMS: [&str; 2] = ["vms", "local_storage"];

/// A desk with a server: North Partner has one customer from April 20th on.
struct Counted {
    desk: Desk,
    server: Server,
}

impl Counted {
    async fn new() -> Self {
        let desk = Desk::at("2026-04-20T09:00:00Z").await;
        let server = desk.test.serve().await;
        Self { desk, server }
    }

    async fn token(&self) -> String {
        let (id, secret) = self.desk.test.client(self.desk.test.top, Role::RootAdmin).await;
        self.server.token(&id, &secret).await
    }

    async fn file(&self, tenant: TenantId, query: &str) -> Vec<u8> {
        let path = format!("/api/tidemark/1/tenants/{tenant}/report?{query}");
        let answer = self.server.get(&path).bearer(&self.token().await).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.body
    }

    /// A reading of a day, whenever it comes.
    async fn read(&self, tenant: TenantId, item: &str, date: &str, value: i64) {
        let reading = json!({"tenant_id": tenant, "offering_item": item, "date": date, "value": value});
        let call = self.server.post("/api/tidemark/1/readings").bearer(&self.token().await);
        let summary = call.raw("application/x-ndjson", reading.to_string()).await.ok();
        assert_eq!(summary["accepted"], 1, "{summary}");
    }

    async fn version(&self, tenant: TenantId) -> i64 {
        let (app, caller) = (&self.desk.test.app, &self.desk.caller);
        tenants::get(app, caller, tenant, tenants::Options::default()).await.unwrap().tenant.version
    }

    async fn change(&self, tenant: TenantId, change: TenantChange) {
        let change = TenantChange { version: self.version(tenant).await, ..change };
        tenants::update(&self.desk.test.app, &self.desk.caller, tenant, change).await.unwrap();
    }

    async fn delete(&self, tenant: TenantId) {
        self.change(tenant, TenantChange { enabled: Some(false), ..TenantChange::default() }).await;
        let version = self.version(tenant).await;
        tenants::delete(&self.desk.test.app, &self.desk.caller, tenant, version).await.unwrap();
    }

    /// Quay Ltd is made below the partner on May 8th, is deleted on the 10th, and is back on the 12th.
    async fn quay(&self) -> TenantId {
        self.desk.pass("2026-05-08T10:00:00Z").await;
        let quay = self.desk.test.tenant(self.desk.partner, TenantKind::Customer, "Quay Ltd").await;
        for item in ITEMS {
            self.desk.test.switch(quay, item, None, true).await;
            self.read(quay, item, "2026-05-07", 5).await;
        }
        self.desk.pass("2026-05-10T10:00:00Z").await;
        self.delete(quay).await;
        self.desk.pass("2026-05-12T10:00:00Z").await;
        tenants::restore(&self.desk.test.app, &self.desk.caller, quay, false).await.unwrap();
        quay
    }
}

/// `08: 2 +1` for each of its rows: the day, how many there were, how many came.
fn counts(file: &[u8], what: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let lines = reader.records().map(|line| line.unwrap());
    let told = |line: csv::StringRecord| {
        let came: i64 = line[at("usage.delta.total")].parse().unwrap();
        format!("{}: {} {came:+}", &line[at("date")][8..], &line[at("usage.absolute.total")])
    };
    lines.filter(|line| &line[at("name")] == what).map(told).collect()
}

#[tokio::test]
async fn a_customer_is_one_more_when_made_or_restored_and_one_less_when_deleted() {
    let counted = Counted::new().await;
    let partner = counted.desk.partner;
    counted.quay().await;
    counted.desk.pass("2026-05-16T10:00:00Z").await;
    let file = counted.file(partner, MAY).await;
    assert_eq!(
        counts(&file, "euc_count"),
        [
            "06: 1 +0", "07: 1 +0", "08: 2 +1", "09: 2 +0", "10: 1 -1", "11: 1 +0", "12: 2 +1", "13: 2 +0",
            "14: 2 +0", "15: 2 +0"
        ]
    );
    let backup = counts(&file, "euc_with_local_backup_count");
    assert_eq!(backup[..5], ["06: 0 +0", "07: 0 +0", "08: 1 +1", "09: 1 +0", "10: 0 -1"]);
    assert_eq!(counts(&file, "vms")[..3], ["06: 0 +0", "07: 5 +5", "08: 5 +0"], "its usage reaches back");
}

#[tokio::test]
async fn a_report_of_the_month_before_does_not_know_who_was_made_since() {
    let counted = Counted::new().await;
    let april = "kind=usage_summary&level=itself&start=2026-04-01&end=2026-04-30";
    counted.desk.pass("2026-05-01T10:00:00Z").await;
    let (top, partner) = (counted.desk.test.top, counted.desk.partner);
    let before = [counted.file(top, april).await, counted.file(partner, april).await];
    assert_eq!(counts(&before[0], "euc_count"), ["30: 1 +1"]);
    assert_eq!(counts(&before[0], "reseller_count"), ["30: 1 +1"]);
    counted.quay().await;
    counted.desk.test.tenant(top, TenantKind::Partner, "South Partner").await;
    assert_eq!([counted.file(top, april).await, counted.file(partner, april).await], before);
}

#[tokio::test]
async fn a_customer_that_moves_counts_where_it_stood_from_its_day_on() {
    let counted = Counted::new().await;
    let top = counted.desk.test.top;
    let inner = counted.desk.test.tenant(counted.desk.partner, TenantKind::Partner, "Inner Partner").await;
    for item in ITEMS {
        counted.desk.test.switch(inner, item, None, true).await;
    }
    let quay = counted.quay().await;
    counted.desk.pass("2026-05-14T10:00:00Z").await;
    counted.change(quay, TenantChange { parent_id: Some(inner), ..TenantChange::default() }).await;
    counted.desk.pass("2026-05-16T10:00:00Z").await;
    let told = async |tenant| counts(&counted.file(tenant, MAY).await, "euc_count");
    assert_eq!(told(inner).await[7..], ["13: 0 +0", "14: 1 +1", "15: 1 +0"]);
    for tenant in [counted.desk.partner, top] {
        let all = told(tenant).await;
        assert_eq!(all[1..3], ["07: 1 +0", "08: 2 +1"]);
        assert_eq!(all[7..], ["13: 2 +0", "14: 2 +0", "15: 2 +0"]);
    }
}

/// Their pass reads the tree from its blocks, a report by itself from the tenants.
#[tokio::test]
async fn reports_that_share_a_pass_count_the_same() {
    let counted = Counted::new().await;
    let Desk { test, partner, caller, .. } = &counted.desk;
    counted.quay().await;
    counted.desk.pass("2026-05-16T10:00:00Z").await;
    let passes = Arc::new(AtomicUsize::new(0));
    let made = passes.clone();
    test.app.jobs.set_hook(Box::new(move |step| {
        made.fetch_add(usize::from(step == "after-pass"), Ordering::SeqCst);
    }));
    let mut ordered = Vec::new();
    for level in [Level::Itself, Level::DirectPartners] {
        let parameters = Parameters { kind: Kind::UsageDaily, level, ..once().parameters };
        let period = Some((day("2026-05-06"), day("2026-05-15")));
        let new = NewReport { parameters, period, ..once() };
        ordered.push(reports::create(&test.app, caller, *partner, &new).await.unwrap().report.id);
    }
    counted.desk.drain().await;
    assert_eq!(passes.load(Ordering::SeqCst), 1);
    let stored = reports::stored(&test.app, caller, ordered[0]).await.unwrap();
    let file = app::mail::unpacked(&test.app, stored[0].id).await.unwrap();
    assert_eq!(counts(&file, "euc_count")[1..5], ["07: 1 +0", "08: 2 +1", "09: 2 +0", "10: 1 -1"]);
    assert_eq!(file, counted.file(*partner, MAY).await);
}
