//! An installation on SQLite with something of everything, and an empty database of PostgreSQL.

use std::process::{Command, Output};

use domain::access::Actor;
use domain::ids::TenantId;
use serde_json::json;
use store::args;
use testkit::{Database, TestApp};

use crate::desk::{Desk, monthly, sent};
use crate::lines;
use crate::metering::{Metering as _, reading};
use crate::process::harness::tidemark;

pub(super) struct Scene {
    pub(super) test: TestApp,
    pub(super) target: Database,
    pub(super) customer: TenantId,
}

impl Scene {
    /// With something of everything in the source.
    pub(super) async fn rich() -> Self {
        let (test, customer) = source().await;
        let target = Database::empty_on_server(test.directory.path()).await;
        Self { test, target, customer }
    }

    /// With a first setup in the source.
    pub(super) async fn plain() -> Self {
        let test = TestApp::in_file_at("2026-05-08T10:00:00Z").await;
        let target = Database::empty_on_server(test.directory.path()).await;
        let customer = test.top;
        Self { test, target, customer }
    }
}

/// Months of readings and reports, and then every operation of the API.
pub(crate) async fn source() -> (TestApp, TenantId) {
    let desk = Desk::of(TestApp::in_file_at("2026-03-04T10:00:00Z").await).await;
    let reader = desk.user(desk.customer, "reader@harbour.example").await;
    desk.create(&monthly()).await.unwrap();
    desk.create(&sent(monthly(), &[reader])).await.unwrap();
    for tenant in [desk.partner, desk.customer] {
        desk.test.switch(tenant, "vms", None, true).await;
    }
    for (value, now) in
        [(3, "2026-03-05T10:00:00Z"), (5, "2026-03-20T10:00:00Z"), (8, "2026-04-11T10:00:00Z")]
    {
        desk.pass(now).await;
        let said = desk.test.report_usage(vec![reading(desk.customer, "vms", value)]).await;
        assert!(said.iter().all(Result::is_ok), "{said:?}");
    }
    desk.pass("2026-04-12T10:00:00Z").await;
    desk.pass("2026-05-02T10:00:00Z").await;
    desk.pass("2026-05-08T09:00:00Z").await;
    let Desk { test, customer, .. } = desk;
    with_keys(&test, customer).await;
    let test = lines::after_every_call(test).await;
    app::nodes::introduce(&test.app, "tide1".to_owned(), None).unwrap();
    app::nodes::sign(&test.app).await.unwrap();
    app::nodes::leave(&test.app).await.unwrap();
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    for sql in SIGNED_IN_AND_MOVED {
        tx.run(sql, args![]).await.unwrap();
    }
    tx.commit().await.unwrap();
    (test, customer)
}

/// A reading that counts once, however often it is sent.
async fn with_keys(test: &TestApp, customer: TenantId) {
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let reading = json!({"tenant_id": customer, "offering_item": "vms", "value": 9, "key": "nine"});
    let call = server.post("/api/tidemark/1/readings").bearer(&token).json(json!({"readings": [reading]}));
    assert_eq!(call.await.ok()["accepted"], 1);
}

/// What is left behind by people who sign in, for some days by a move, and by a restore, below the use cases.
const SIGNED_IN_AND_MOVED: [&str; 4] = [
    "INSERT INTO refresh_tokens (sha256, family, principal_kind, principal_id, scope, expires_at)
     VALUES ('a', 'b', 'user', 'c', '', 1)",
    "INSERT INTO authorization_codes (sha256, client_id, user_id, redirect_uri, scope, family, expires_at, forget_at)
     SELECT 'd', MIN(c.id), MIN(u.id), '', 'openid', 'e', 1, 2 FROM clients c CROSS JOIN users u",
    "INSERT INTO past_places (ancestor_no, tenant_no, depth, left_at) VALUES (1, 2, 1, 3)",
    "INSERT INTO restores (restored_at, backup_made_at) VALUES (2, 1)",
];

/// `migrate-store` from the scene's directory to its database.
pub(super) fn migrate(scene: &Scene) -> Command {
    let mut command = tidemark("migrate-store");
    command.arg("--data-dir").arg(scene.test.directory.path()).args(scene.target.options());
    command
}

/// What a command says that succeeds.
#[track_caller]
pub(crate) fn moved(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
