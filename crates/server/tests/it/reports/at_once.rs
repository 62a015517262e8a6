//! A report as the answer itself: the very bytes that a stored one has, and what is refused.

use app::reports;
use app::reports::NewReport;
use domain::access::Role;
use domain::ids::{Seq, TenantId};
use domain::report::{Format, Kind, Level, Parameters};
use domain::tenant::TenantKind;
use testkit::{Answer, Server};

use crate::desk::{Desk, day, once};
use crate::metering::{Metering as _, reading};

/// A desk with a server, usage to report, and a token of the partner's administrator.
struct Counter {
    desk: Desk,
    server: Server,
    token: String,
}

impl Counter {
    /// On 2026-05-08, with readings of three days and of today.
    async fn new() -> Self {
        let desk = Desk::at("2026-05-02T09:00:00Z").await;
        for tenant in [desk.partner, desk.customer] {
            for item in ["vms", "notarizations", "local_storage"] {
                desk.test.switch(tenant, item, None, true).await;
            }
        }
        let server = desk.test.serve().await;
        let mut counter = Self { desk, server, token: String::new() };
        for (now, vms) in [("2026-05-02", 3), ("2026-05-05", 8), ("2026-05-07", 6), ("2026-05-08", 9)] {
            counter.moves_on(&format!("{now}T10:00:00Z")).await;
            counter.reads("vms", vms).await;
            counter.reads("notarizations", 3600 * vms).await;
        }
        counter
    }

    /// Sets the clock, does what is due, and signs in again.
    async fn moves_on(&mut self, now: &str) {
        self.desk.pass(now).await;
        let (id, secret) = self.desk.test.client(self.desk.partner, Role::PartnerAdmin).await;
        self.token = self.server.token(&id, &secret).await;
    }

    async fn reads(&self, item: &str, value: i64) {
        let entries = vec![reading(self.desk.customer, item, value)];
        assert_eq!(self.desk.test.report_usage(entries).await, [Ok(())]);
    }

    async fn ask(&self, tenant: TenantId, query: &str) -> Answer {
        let path = format!("/api/tidemark/1/tenants/{tenant}/report{query}");
        self.server.get(&path).bearer(&self.token).await
    }

    /// The file of the partner.
    async fn file(&self, query: &str) -> String {
        let answer = self.ask(self.desk.partner, query).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.text());
        answer.text()
    }

    async fn newest(&self) -> Seq {
        let mut conn = self.desk.test.app.read().await.unwrap();
        store::history::newest(&mut conn).await.unwrap()
    }

    /// The files of a stored report of the partner, in the order of their formats.
    async fn stored(&self, new: &NewReport) -> Vec<(Format, String)> {
        let app = &self.desk.test.app;
        let made = reports::create(app, &self.desk.caller, self.desk.partner, new).await.unwrap();
        self.desk.drain().await;
        let mut files = Vec::new();
        for item in reports::stored(app, &self.desk.caller, made.report.id).await.unwrap() {
            let bytes = app::mail::unpacked(app, item.id).await.unwrap();
            files.push((item.format, String::from_utf8(bytes).unwrap()));
        }
        files
    }
}

#[tokio::test]
async fn every_kind_level_and_format_is_byte_for_byte_the_file_that_would_be_stored() {
    let counter = Counter::new().await;
    let ends = ["2026-05-07", "2026-05-08"].into_iter().cycle();
    let mut compared = 0;
    for ((kind, level), end) in Kind::ALL.iter().zip(Level::ALL.iter().cycle()).zip(ends) {
        let flag = compared % 10 == 0;
        let new = NewReport {
            parameters: Parameters {
                kind: *kind,
                level: *level,
                formats: Format::ALL.to_vec(),
                hide_zero_usage: Some(flag),
                show_skus: Some(!flag),
            },
            period: Some((day("2026-05-02"), day(end))),
            ..once()
        };
        for (format, file) in counter.stored(&new).await {
            let query = format!(
                "?kind={kind}&level={level}&format={format}&start=2026-05-02&end={end}&hide_zero_usage={flag}&show_skus={}",
                !flag
            );
            assert_eq!(counter.file(&query).await, file, "{query}");
            compared += 1;
        }
    }
    assert_eq!(compared, 20);
}

#[tokio::test]
async fn without_a_query_it_is_the_month_so_far_of_the_partner_and_its_children() {
    let counter = Counter::new().await;
    let new = NewReport {
        parameters: Parameters { level: Level::DirectPartners, ..once().parameters },
        period: Some((day("2026-05-01"), day("2026-05-07"))),
        ..once()
    };
    let (_, stored) = counter.stored(&new).await.remove(0);
    let answer = counter.ask(counter.desk.partner, "").await;
    assert_eq!((answer.status, answer.text()), (200, stored));
    assert_eq!(answer.header("Content-Type"), "text/csv; charset=utf-8");
    let name = "usage-report-north-partner-2026-05-01-2026-05-07-v2.csv";
    assert_eq!(answer.header("Content-Disposition"), format!("attachment; filename=\"{name}\""));
    assert_eq!(answer.header("Cache-Control"), "no-store");
    let start = counter.file("?end=2026-04-30").await;
    assert_eq!(start, counter.file("?start=2026-04-01&end=2026-04-30&format=&as_of=").await);
    assert!(
        reports::of_tenant(&counter.desk.test.app, &counter.desk.caller, counter.desk.customer)
            .await
            .unwrap()
            .is_empty()
    );
    let mut conn = counter.desk.test.app.read().await.unwrap();
    let runs = conn.count("SELECT COUNT(*) AS n FROM runs", Vec::new()).await.unwrap();
    assert_eq!(runs, 1, "nothing is stored but the report that was ordered");
}

#[tokio::test]
async fn as_of_gives_the_file_as_it_was_known_then() {
    let mut counter = Counter::new().await;
    let today = "?kind=usage_breakdown&level=accounts&start=2026-05-01&end=2026-05-08";
    let (in_may, before_44) = (counter.newest().await, counter.file(today).await);
    counter.reads("vms", 44).await;
    let after = counter.file(today).await;
    assert_ne!(before_44, after);
    let known = async |counter: &Counter, seq: Seq| counter.file(&format!("{today}&as_of={seq}")).await;
    assert_eq!(known(&counter, in_may).await, before_44);
    assert_eq!(known(&counter, counter.newest().await).await, after);
    // The customer's trial ends by itself on June 2nd, which makes June production, but was not known to in May.
    counter.moves_on("2026-06-01T10:00:00Z").await;
    let june = "?level=accounts&start=2026-06-01&end=2026-06-01";
    let (then, before) = (counter.newest().await, counter.file(june).await);
    counter.reads("vms", 45).await;
    counter.moves_on("2026-06-20T10:00:00Z").await;
    let after = counter.file(june).await;
    assert_ne!(before, after);
    assert_eq!(counter.file(&format!("{june}&as_of={then}")).await, before);
    assert_eq!(known(&counter, in_may).await, before_44, "the day has been closed since");
    let unborn = counter.ask(counter.desk.partner, "?as_of=0").await;
    assert_eq!(unborn.expect(400)["error"]["details"]["info"], "as_of: the tenant was not there yet");
}

#[tokio::test]
async fn a_refusal_names_the_parameter() {
    let counter = Counter::new().await;
    let newest = counter.newest().await;
    let beyond = format!("?as_of={}", newest.0 + 1);
    let as_of = format!("as_of: must be an acceptance number from 0 to {newest}, the newest");
    for (query, said) in [
        ("?kind=usage", "kind: value not allowed"),
        ("?level=all", "level: value not allowed"),
        ("?format=xlsx", "format: value not allowed"),
        ("?start=1.5.2026", "start: not a date of the form YYYY-MM-DD"),
        ("?start=2026-05-08", "start: lies after the end, 2026-05-07"),
        ("?start=2026-05-04&end=2026-05-03", "start: lies after the end, 2026-05-03"),
        ("?end=2026-02-30", "end: not a date of the form YYYY-MM-DD"),
        (
            "?kind=usage_daily&start=2025-04-02",
            "start: lies more than 400 days before the end of 2026-05-07: too long for rows of each day",
        ),
        ("?end=2026-05-09", "end: lies in the future; the last closed day is 2026-05-07"),
        ("?hide_zero_usage=yes", "hide_zero_usage: must be true or false"),
        ("?show_skus=2", "show_skus: must be true or false"),
        ("?as_of=now", "as_of: must be an integer"),
        ("?as_of=99999999999999999999", "as_of: must be an integer"),
        ("?as_of=-1", as_of.as_str()),
        (beyond.as_str(), as_of.as_str()),
        ("?formats=csv", "formats: unknown parameter"),
        ("?level=itself&hide_zero", "hide_zero: unknown parameter"),
    ] {
        let answer = counter.ask(counter.desk.partner, query).await.expect(400);
        let error = &answer["error"];
        assert_eq!((&error["code"], error["details"]["info"].as_str()), (&400.into(), Some(said)), "{query}");
    }
    let in_query = format!("?access_token={}", counter.token);
    let path = format!("/api/tidemark/1/tenants/{}/report{in_query}", counter.desk.partner);
    assert_eq!(counter.server.get(&path).await.status, 200, "the token is known everywhere");
}

#[tokio::test]
async fn foreign_unknown_and_closed_tenants_are_kept_as_in_reports() {
    let counter = Counter::new().await;
    let desk = &counter.desk;
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    assert_eq!(counter.ask(south, "").await.expect(403)["error"]["code"], 1002);
    let nobody = TenantId(desk.test.app.ids.other().unwrap());
    assert_eq!(counter.ask(nobody, "").await.expect(404)["error"]["code"], 1005);
    let customer = desk.customer;
    assert_eq!(counter.ask(customer, "?level=accounts").await.status, 200);
    desk.sql("UPDATE tenants SET ancestral_access = 0 WHERE id = $1", store::args![customer]).await;
    assert_eq!(counter.ask(customer, "?level=accounts").await.expect(403)["error"]["code"], 1002);
    assert_eq!(counter.ask(customer, "?level=itself").await.status, 200);
}

#[tokio::test]
async fn a_tenant_s_name_breaks_out_of_no_header() {
    let counter = Counter::new().await;
    for name in
        ["a\r\nX-Evil: 1", "a\"; filename=\"evil.exe", "../../etc/passwd", "\u{202e}gpj.exe", "\r\n\r\n"]
    {
        let kind = TenantKind::Customer;
        let tenant = counter.desk.test.tenant(counter.desk.partner, kind, name).await;
        let path = format!("/api/tidemark/1/tenants/{tenant}/report?level=itself");
        let file = counter.server.get(&path).bearer(&counter.token).await;
        file.ok();
        assert!(file.headers.get("x-evil").is_none(), "{name:?}");
        let named = file.header("content-disposition").strip_prefix("attachment; filename=\"usage-report-");
        let named = named.and_then(|rest| rest.strip_suffix(".csv\"")).unwrap_or_else(|| panic!("{name:?}"));
        assert!(named.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{name:?}: {named}");
    }
}
