//! Whose days are whose: tenants that moved, closed themselves, or were deleted, and those who ask.

use domain::access::{Actor, Role};
use domain::ids::{Seq, TenantId};
use domain::tenant::{Tenant, TenantKind};
use testkit::{Answer, Server, TestApp, at};

use super::{acceptance, report};
use crate::metering::{Metering as _, reading};

struct Channel {
    test: TestApp,
    server: Server,
    north: TenantId,
    south: TenantId,
    harbour: TenantId,
    quay: TenantId,
}

impl Channel {
    /// On May 1: two partners, the first with a customer, which has a unit. Both report.
    async fn new() -> Self {
        let test = TestApp::at("2026-05-01T08:00:00Z").await;
        let north = test.tenant(test.top, TenantKind::Partner, "North").await;
        let south = test.tenant(test.top, TenantKind::Partner, "South").await;
        let harbour = test.tenant(north, TenantKind::Customer, "Harbour").await;
        let quay = test.tenant(harbour, TenantKind::Unit, "Quay").await;
        for tenant in [harbour, quay] {
            test.switch(tenant, "vms", None, true).await;
            report(&test, tenant, "2026-05-01T09:00:00Z", 4).await;
        }
        let server = test.serve().await;
        Self { test, server, north, south, harbour, quay }
    }

    async fn change(&self, tenant: TenantId, now: &str, change: impl FnOnce(&mut Tenant)) {
        self.test.clock.set(at(now));
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        let old = store::tenants::by_id(&mut tx, tenant).await.unwrap().unwrap();
        let mut new = old.clone();
        change(&mut new);
        store::tenants::update(&mut tx, &old, &new).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn ask(&self, tenant: TenantId, role: Role, of: TenantId, query: &str) -> Answer {
        let (id, secret) = self.test.client(tenant, role).await;
        let token = self.server.token(&id, &secret).await;
        let path = format!("/api/tidemark/1/tenants/{of}/{query}");
        self.server.get(&path).bearer(&token).await
    }

    /// The days of May on which a partner sees the customer and the unit.
    async fn days(&self, partner: TenantId, query: &str) -> [String; 2] {
        let answer = self.ask(partner, Role::PartnerAdmin, partner, &format!("history?{query}")).await.ok();
        [self.harbour, self.quay].map(|tenant| {
            let lines = answer["items"].as_array().unwrap().iter();
            let of_tenant = lines.filter(|line| line["tenant_id"] == tenant.to_string());
            of_tenant.map(|line| line["date"].as_str().unwrap()[9..].to_owned()).collect()
        })
    }
}

const WEEK: &str = "from=2026-05-01&to=2026-05-07";

#[tokio::test]
async fn a_day_is_told_to_the_parent_that_held_the_tenant_and_to_no_other() {
    let channel = Channel::new().await;
    let before = acceptance(&channel.test).await;
    let (north, south) = (channel.north, channel.south);
    let [north_no, south_no] = [channel.test.no(north).await, channel.test.no(south).await];
    channel.change(channel.harbour, "2026-05-03T08:00:00Z", |tenant| tenant.parent = south_no).await;
    let moved = acceptance(&channel.test).await;
    report(&channel.test, channel.quay, "2026-05-04T09:00:00Z", 9).await;
    // Before the move was known, North held it on days that the move came before; in a report at once, too.
    channel.test.clock.set(at("2026-05-05T12:00:00Z"));
    let two_days = format!("from=2026-05-04&to=2026-05-05&as_of={before}");
    assert_eq!(channel.days(north, &two_days).await, ["45", "45"]);
    let query =
        format!("report?level=accounts&kind=usage_daily&start=2026-05-05&end=2026-05-05&as_of={before}");
    let file = channel.ask(north, Role::PartnerAdmin, north, &query).await;
    assert!(file.text().contains(&channel.quay.to_string()), "{}", file.text());
    channel.change(channel.harbour, "2026-05-06T08:00:00Z", |tenant| tenant.parent = north_no).await;
    channel.test.clock.set(at("2026-05-07T12:00:00Z"));
    assert_eq!(channel.days(north, WEEK).await, ["1267", "1267"]);
    assert_eq!(channel.days(south, WEEK).await, ["345", "345"]);
    // As it was known on the 3rd, and before.
    let known =
        async |partner, window: &str, seq: Seq| channel.days(partner, &format!("{window}&as_of={seq}")).await;
    assert_eq!(known(north, WEEK, moved).await, ["12", "12"]);
    assert_eq!(known(south, WEEK, moved).await, ["34567", "34567"]);
    assert_eq!(known(north, WEEK, before).await, ["1234567", "1234567"]);
    assert_eq!(known(south, WEEK, before).await, ["", ""]);
    // The trail goes the same ways: the reading of the 4th was South's.
    let dates = async |partner| {
        let answer =
            channel.ask(partner, Role::PartnerAdmin, partner, &format!("history/changes?{WEEK}")).await.ok();
        let items = answer["items"].as_array().unwrap().iter();
        items.map(|item| item["date"].as_str().unwrap()[9..].to_owned()).collect::<String>()
    };
    assert_eq!((dates(north).await, dates(south).await), ("11".to_owned(), "4".to_owned()));
}

#[tokio::test]
async fn a_closed_tenant_shows_itself_and_hides_what_is_below_it() {
    let channel = Channel::new().await;
    channel.change(channel.harbour, "2026-05-04T08:00:00Z", |tenant| tenant.ancestral_access = false).await;
    report(&channel.test, channel.quay, "2026-05-05T09:00:00Z", 9).await;
    channel.test.clock.set(at("2026-05-07T12:00:00Z"));
    assert_eq!(channel.days(channel.north, WEEK).await, ["1234567", "123"]);
    let north = channel.north;
    let from_above =
        channel.ask(north, Role::PartnerAdmin, channel.harbour, &format!("history?{WEEK}")).await.ok();
    let from_itself = channel
        .ask(channel.harbour, Role::CompanyAdmin, channel.harbour, &format!("history?{WEEK}"))
        .await
        .ok();
    let lines = |answer: &serde_json::Value| answer["items"].as_array().unwrap().len();
    assert_eq!((lines(&from_above), lines(&from_itself)), (7, 14));
    let changes =
        channel.ask(north, Role::PartnerAdmin, north, &format!("history/changes?{WEEK}")).await.ok();
    assert_eq!(lines(&changes), 2);
    for route in ["history", "history/changes"] {
        channel.ask(north, Role::PartnerAdmin, channel.quay, route).await.expect(403);
        channel.ask(channel.south, Role::PartnerAdmin, channel.harbour, route).await.expect(403);
        channel.ask(north, Role::BackupUser, north, route).await.expect(403);
    }
}

#[tokio::test]
async fn a_deleted_tenant_keeps_the_days_before() {
    let channel = Channel::new().await;
    channel.test.clock.set(at("2026-05-03T08:00:00Z"));
    let no = channel.test.no(channel.quay).await;
    let mut tx = channel.test.app.write_as(Actor::System).await.unwrap();
    store::tenants::delete_below(&mut tx, no).await.unwrap();
    tx.commit().await.unwrap();
    channel.test.clock.set(at("2026-05-07T12:00:00Z"));
    assert_eq!(channel.days(channel.north, WEEK).await, ["1234567", "12"]);
    channel.ask(channel.north, Role::PartnerAdmin, channel.quay, "history").await.expect(404);
}

#[tokio::test]
async fn storages_and_names_of_the_day_are_told_and_no_name_is_a_formula() {
    let channel = Channel::new().await;
    let infra = channel.test.storage(channel.test.top, "eu1", "backup").await;
    channel.test.switch(channel.quay, "storage", Some(infra), true).await;
    channel.change(channel.quay, "2026-05-02T08:00:00Z", |tenant| "=2+3".clone_into(&mut tenant.name)).await;
    let stored = app::usage::Entry { infra: Some(infra), ..reading(channel.quay, "storage", 77) };
    assert_eq!(channel.test.report_usage(vec![stored]).await, [Ok(())]);
    let query = "history?from=2026-05-01&to=2026-05-02&format=csv";
    let answer = channel.ask(channel.quay, Role::UnitAdmin, channel.quay, query).await;
    let quay = channel.quay;
    let expected = [
        format!("{quay},'=2+3,storage,{infra},2026-05-02,77,77,reported"),
        format!("{quay},'=2+3,vms,,2026-05-02,4,4,carried"),
        format!("{quay},Quay,vms,,2026-05-01,4,4,reported"),
    ];
    let text = answer.text();
    let mut lines: Vec<&str> = text.lines().skip(1).collect();
    lines.sort_unstable();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_channel_of_several_ranges_is_told_range_by_range() {
    let test = TestApp::at("2026-05-01T08:00:00Z").await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let mut customers = Vec::new();
    for n in 0..300 {
        let customer = test.tenant(north, TenantKind::Customer, &format!("Customer {n}")).await;
        test.switch(customer, "vms", None, true).await;
        customers.push(customer);
    }
    let numbers = (test.no(customers[0]).await, test.no(customers[299]).await);
    assert_ne!(numbers.0.range(), numbers.1.range());
    // The last are told of first.
    for (hour, n) in (0..300).rev().step_by(13).enumerate() {
        test.clock.set(at("2026-05-01T09:00:00Z").plus_seconds(i64::try_from(hour).unwrap() * 60));
        let value = i64::from(n) + 1;
        assert_eq!(
            test.report_usage(vec![reading(customers[usize::try_from(n).unwrap()], "vms", value)]).await,
            [Ok(())]
        );
    }
    test.clock.set(at("2026-05-02T09:00:00Z"));
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let ask = async |query: &str| {
        let path = format!("/api/tidemark/1/tenants/{}/{query}", test.top);
        server.get(&path).bearer(&token).await.ok()
    };
    let expected: Vec<(String, i64)> = (0..300_u32)
        .rev()
        .step_by(13)
        .map(|n| (customers[usize::try_from(n).unwrap()].to_string(), i64::from(n) + 1))
        .collect();
    let of = |items: &[serde_json::Value], value: &str| -> Vec<(String, i64)> {
        let of = |item: &serde_json::Value| {
            (item["tenant_id"].as_str().unwrap().to_owned(), item[value].as_i64().unwrap())
        };
        items.iter().map(of).collect()
    };
    let history = ask("history?from=2026-05-01&to=2026-05-01").await;
    let mut lines = of(history["items"].as_array().unwrap(), "value");
    lines.sort_by_key(|(_, value)| -value);
    assert_eq!(lines, expected);
    let (mut found, mut page) = (Vec::new(), ask("history/changes?to=2026-05-01&limit=5").await);
    loop {
        found.extend(of(page["items"].as_array().unwrap(), "new"));
        let Some(after) = page["after"].as_str() else { break };
        page = ask(&format!("history/changes?limit=5&after={after}")).await;
    }
    assert_eq!(found, expected);
}
