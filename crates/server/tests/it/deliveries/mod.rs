//! The delivery ledger over HTTP: listed, sent again, and what is outstanding; mails go through a relay with faults.

mod alerts;
mod lists;
mod resend;
mod sight;

use app::reports;
use app::settings::Transport;
use domain::access::Role;
use domain::ids::{ReportId, TenantId, UserId};
use serde_json::{Value, json};
use store::args;
use testkit::{Fault, Server, SmtpSink, TestApp};

use crate::desk::{Desk, once, sent};

const OWN: &str = "/api/tidemark/1";

/// A desk with a relay in front of the world, and clients that sign in anew for every call, as the clock goes on.
struct Office {
    relay: SmtpSink,
    desk: Desk,
    server: Server,
    partner: (String, String),
}

impl Office {
    async fn with(faults: impl IntoIterator<Item = Fault>) -> Self {
        let relay = SmtpSink::failing(faults).await;
        let smtp = relay.settings();
        let test =
            TestApp::with_mail("2020-03-04T10:00:00Z", |mail| mail.transport = Transport::Smtp(smtp)).await;
        let desk = Desk::of(test).await;
        let server = desk.test.serve().await;
        let partner = desk.test.client(desk.partner, Role::PartnerAdmin).await;
        Self { relay, desk, server, partner }
    }

    async fn token(&self, client: &(String, String)) -> String {
        self.server.token(&client.0, &client.1).await
    }

    async fn get_as(&self, client: &(String, String), path: &str) -> (u16, Value) {
        let answer = self.server.get(&format!("{OWN}{path}")).bearer(&self.token(client).await).await;
        (answer.status, answer.json())
    }

    async fn post_as(&self, client: &(String, String), path: &str, body: Value) -> (u16, Value) {
        let call = self.server.post(&format!("{OWN}{path}")).bearer(&self.token(client).await);
        let answer = call.json(body).await;
        (answer.status, answer.json())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.get_as(&self.partner, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.post_as(&self.partner, path, body).await
    }

    /// The deliveries below the partner that a query asks for.
    async fn list(&self, query: &str) -> Vec<Value> {
        items(&self.get(&format!("/tenants/{}/deliveries?{query}", self.desk.partner)).await)
    }

    /// What is outstanding below the partner: kind and id.
    async fn alerts(&self) -> Vec<(String, String)> {
        let list = self.get(&format!("/tenants/{}/delivery-alerts", self.desk.partner)).await;
        items(&list).iter().map(|alert| (text(alert, "kind"), text(alert, "id"))).collect()
    }

    async fn kinds(&self) -> Vec<String> {
        self.alerts().await.into_iter().map(|(kind, _)| kind).collect()
    }

    async fn user(&self, email: &str) -> UserId {
        self.desk.user(self.desk.customer, email).await
    }

    /// A report that was made and mailed to these.
    async fn mailed(&self, users: &[UserId]) -> ReportId {
        let id = self.desk.create(&sent(once(), users)).await.unwrap().report.id;
        self.desk.drain().await;
        id
    }

    async fn enable(&self, user: UserId, enabled: bool) {
        self.desk.sql("UPDATE users SET enabled = $2 WHERE id = $1", args![user, enabled]).await;
    }

    /// A report on a tenant, in the name of somebody with a role there or above.
    async fn mailed_by(&self, maker: TenantId, subject: TenantId, new: &reports::NewReport) -> ReportId {
        let caller = self.desk.test.caller(maker, Role::PartnerAdmin).await;
        let id = reports::create(&self.desk.test.app, &caller, subject, new).await.unwrap().report.id;
        self.desk.drain().await;
        id
    }
}

fn items(list: &Value) -> Vec<Value> {
    list["items"].as_array().unwrap_or_else(|| panic!("a list, not {list}")).clone()
}

fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_else(|| panic!("{member} of {object}")).to_owned()
}

/// One member of each.
fn each(list: &[Value], member: &str) -> Vec<Value> {
    list.iter().map(|object| object[member].clone()).collect()
}

fn nothing() -> Value {
    json!({})
}
