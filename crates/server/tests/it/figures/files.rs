//! The reports of a channel, and their files row by row.

use domain::time::Period;
use serde_json::json;
use testkit::Answer;
use ureq::http::Method;

use super::channel::{Channel, id_of};
use super::naive::{self, Row, Wanted};
use super::plan::Order;

const LEVELS: [&str; 5] = ["itself", "direct_partners", "all_customers", "accounts", "all_partners"];
const KINDS: [&str; 4] = ["usage_current", "usage_summary", "usage_daily", "usage_breakdown"];

impl Channel {
    /// Orders it, has it made, and compares its file.
    pub(super) async fn report(&mut self, order: &Order) {
        app::jobs::drain(&self.test.app).await.unwrap();
        let end = self.today().plus(-order.ends_before);
        let wanted = Wanted {
            subject: self.who(order.subject),
            level: LEVELS[order.level],
            kind: KINDS[order.kind],
            period: Period::inclusive(end.plus(1 - order.days), end),
            hide_zero_usage: order.hide_zero_usage,
            leave_out_trial: false,
            made_on: self.today(),
        };
        let answer = self.order(&wanted, "once").await;
        // Foreign by now behind a closed tenant, or deleted.
        if ![403, 404].contains(&answer.status) {
            let id = id_of(&answer.ok());
            app::jobs::drain(&self.test.app).await.unwrap();
            let stored = self.compare(&id, &wanted).await;
            assert_eq!(self.at_once(&wanted).await, stored, "{wanted:?}");
        }
    }

    /// The same as the answer of a request; `None` where the subject is not to be looked into.
    async fn at_once(&self, wanted: &Wanted) -> Option<Vec<u8>> {
        let Wanted { level, kind, period, hide_zero_usage, .. } = wanted;
        let path = format!(
            "/api/tidemark/1/tenants/{}/report?kind={kind}&level={level}&start={}&end={}&hide_zero_usage={hide_zero_usage}",
            self.log.tenants[wanted.subject].id,
            period.start,
            period.last()
        );
        let answer = self.ask(Method::GET, &path, None).await;
        (answer.status != 403).then(|| {
            assert_eq!(answer.status, 200, "{}", answer.text());
            answer.body
        })
    }

    /// Orders a report that moving on compares.
    pub(super) async fn orders_monthly(&mut self, subject: usize, level: usize, kind: usize) {
        let wanted = Wanted {
            subject,
            level: LEVELS[level],
            kind: KINDS[kind],
            period: self.today().previous_month(),
            hide_zero_usage: false,
            leave_out_trial: true,
            made_on: self.today(),
        };
        let report = self.order(&wanted, "monthly").await.ok();
        self.monthly.push((id_of(&report), wanted));
    }

    async fn order(&self, wanted: &Wanted, schedule: &str) -> Answer {
        let parameters = json!({"tenant_id": self.log.tenants[wanted.subject].id, "level": wanted.level, "kind": wanted.kind,
            "period": {"start": wanted.period.start, "end": wanted.period.last()},
            "hide_zero_usage": wanted.hide_zero_usage});
        let body = json!({"parameters": parameters, "schedule": {"type": schedule}, "result_action": "save"});
        self.ask(Method::POST, "/api/2/reports", Some(body)).await
    }

    /// Downloads the report's newest file, compares it row by row, and gives it; `None` where it is not to be had any
    /// more.
    pub(super) async fn compare(&mut self, id: &str, wanted: &Wanted) -> Option<Vec<u8>> {
        let stored = self.ask(Method::GET, &format!("/api/2/reports/{id}/stored"), None).await;
        // By now behind a tenant that lets nobody in.
        if stored.status == 403 {
            return None;
        }
        let stored = stored.ok();
        let item = stored["items"].as_array().unwrap().last().unwrap();
        // Closed to those above it since it was ordered: its files are not made any more.
        let is_open = self.log.at(self.today())[wanted.subject].open;
        let is_closed = wanted.subject != 0 && wanted.level != "itself" && !is_open;
        assert_eq!(item["status"], if is_closed { "failed" } else { "saved" }, "{wanted:?}");
        if is_closed {
            return None;
        }
        let path = format!("/api/2/reports/{id}/stored/{}", item["id"].as_str().unwrap());
        let file = self.ask(Method::GET, &path, None).await;
        let (found, expected) = (rows(&file.body), self.log.rows(wanted));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{wanted:?}");
        }
        assert_eq!(found.len(), expected.len(), "{wanted:?}");
        self.files += 1;
        Some(file.body)
    }
}

/// The rows of a csv_v2_0 file.
fn rows(file: &[u8]) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(file);
    let header = reader.headers().unwrap().clone();
    let at = |name: &str| header.iter().position(|column| column == name).unwrap();
    let figures: Vec<usize> =
        (0..header.len()).filter(|column| header[*column].starts_with("usage.")).collect();
    let read = |line: csv::StringRecord| Row {
        tenant: line[at("tenant.id")].to_owned(),
        name: line[at("tenant.name")].to_owned(),
        kind: line[at("tenant.kind")].to_owned(),
        what: line[at("name")].to_owned(),
        infra: line[at("infra.id")].to_owned(),
        date: line[at("date")].to_owned(),
        is_range: &line[at("is_range")] == "True",
        figures: figures
            .iter()
            .map(|column| line[*column].parse().unwrap())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap(),
    };
    // The top tenant has the whole catalogue on.
    let is_unmetered = |row: &Row| row.kind == "root" && row.figures == [0; 9] && !naive::counts(&row.what);
    reader.into_records().map(|line| read(line.unwrap())).filter(|row| !is_unmetered(row)).collect()
}
