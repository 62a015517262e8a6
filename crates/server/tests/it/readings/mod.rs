//! Readings in bulk, over a real socket.

mod broken;
mod forms;
mod known;

use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Call, Server, TestApp};

use crate::metering::Metering as _;

const PATH: &str = "/api/tidemark/1/readings";

/// A channel that is served: a partner with a customer, both with virtual machines on.
pub(crate) struct Bulk {
    pub(crate) test: TestApp,
    pub(crate) server: Server,
    pub(crate) token: String,
    pub(crate) partner: TenantId,
    pub(crate) customer: TenantId,
}

impl Bulk {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With other limits.
    async fn with(set: impl FnOnce(&mut app::settings::Uploads)) -> Self {
        let test =
            TestApp::with_settings("2026-05-08T10:00:00Z", |settings| set(&mut settings.uploads)).await;
        let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
        let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
        for tenant in [partner, customer] {
            test.switch(tenant, "vms", None, true).await;
            test.switch(tenant, "workstations", None, true).await;
        }
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, token, partner, customer }
    }

    /// An upload of root's client.
    fn post(&self, kind: &str, body: impl Into<Vec<u8>>) -> Call {
        self.server.post(PATH).bearer(&self.token).raw(kind, body)
    }

    /// Readings of the customer as NDJSON.
    fn lines(&self, item: &str, values: impl IntoIterator<Item = i64>) -> String {
        let line = |value| {
            json!({"tenant_id": self.customer, "offering_item": item, "value": value}).to_string() + "\n"
        };
        values.into_iter().map(line).collect()
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    }

    /// How many changes the ledger holds.
    async fn stored(&self) -> i64 {
        self.count("SELECT CAST(COALESCE(SUM(entries), 0) AS BIGINT) AS n FROM ledger").await
    }

    /// What the meter of a tenant says.
    async fn level(&self, tenant: TenantId, item: &str) -> Option<i64> {
        let key = self.test.meter(tenant, item, None).await;
        let mut conn = self.test.app.read().await.unwrap();
        store::history::meters(&mut conn, &[key]).await.unwrap().get(&key).map(|meter| meter.level)
    }
}

/// Accepted, absorbed, refused.
fn counts(summary: &Value) -> [u64; 3] {
    ["accepted", "absorbed", "refused_count"].map(|count| summary[count].as_u64().unwrap())
}

/// The reason of a refused upload.
fn why(answer: &Answer, status: u16) -> String {
    answer.expect(status)["error"]["details"]["info"].as_str().unwrap_or_default().to_owned()
}
