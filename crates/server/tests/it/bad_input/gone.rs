//! A tree that is deleted, disabled or moved away while a report on it is made and mailed: at each step of a run the same
//! questions are asked, namely who gets a mail, and whether anything is left hanging.
//!
//! What was used until the deletion is still billed, so the run goes on, and is mailed to those who are still there
//! (reports-api, 8.4). A tree that no longer lies below who ordered the report is none of theirs. A disabled tenant is
//! still billed and its users keep their mails: they cannot sign in, but are not disabled themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::{jobs, reports};
use domain::access::Actor;
use domain::delivery::DeliveryState;
use domain::ids::{ReportId, TenantId, UserId};
use domain::report::RunStatus;
use domain::tenant::TenantKind::{Folder, Partner, Unit};
use serde_json::{Value, json};
use testkit::{Client, Server};

use crate::desk::{Desk, once, sent};

/// What happens to the folder that the subject stands in, or to the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Deleted,
    Disabled,
    Moved,
    ReportDeleted,
}

/// The states of a run, by the step of the jobs after which it is in them; an empty one: it waits.
const STEPS: [(&str, &str); 8] = [
    ("", "queued"),
    ("after-claim", "claimed"),
    ("after-pin", "being rendered"),
    ("after-artefact", "with its first file"),
    ("before-ready", "with all files"),
    ("after-ready", "ready"),
    ("after-delivery-claim", "with a mail claimed"),
    ("before-send", "with a mail on its way"),
];

/// North has a folder with the customer, and orders a report for its own boss and for a user of a unit of the customer.
struct Scene {
    desk: Desk,
    server: Server,
    folder: TenantId,
    south: TenantId,
    boss: UserId,
    jdoe: UserId,
    report: ReportId,
}

impl Scene {
    async fn new() -> Self {
        let mut desk = Desk::at("2020-03-04T10:00:00Z").await;
        let south = desk.test.tenant(desk.test.top, Partner, "South").await;
        let folder = desk.test.tenant(desk.partner, Folder, "Coast").await;
        desk.customer = desk.test.tenant(folder, domain::tenant::TenantKind::Customer, "Quay").await;
        let unit = desk.test.tenant(desk.customer, Unit, "Berth").await;
        let boss = desk.user(desk.partner, "boss@north.example").await;
        let jdoe = desk.user(unit, "jdoe@quay.example").await;
        let report = desk.create(&sent(once(), &[boss, jdoe])).await.unwrap().report.id;
        let server = desk.test.serve().await;
        Self { desk, server, folder, south, boss, jdoe, report }
    }

    /// Does it at this step of the run, or before it begins, over the wire and in the name of root.
    async fn at_step(&self, step: &'static str, event: Event) {
        let root = Root {
            client: Client::new(self.server.address()),
            token: self.server.token(&self.desk.test.client_id, &self.desk.test.client_secret).await,
        };
        let (folder, south, report) = (self.folder, self.south, self.report);
        let happens = move || root.happens(event, folder, south, report);
        if ["", "after-claim"].contains(&step) {
            if step == "after-claim" {
                self.claim().await;
            }
            tokio::task::spawn_blocking(happens).await.unwrap();
            return jobs::release_leases(&self.desk.test.app).await.unwrap();
        }
        let done = Arc::new(AtomicBool::new(false));
        self.desk.test.app.jobs.set_hook(Box::new(move |reached| {
            if reached == step && !done.swap(true, Ordering::SeqCst) {
                tokio::task::block_in_place(&happens);
            }
        }));
    }

    /// Claims the run, for a process that dies then: in one that lives another builder may hold the writer at that step.
    async fn claim(&self) {
        let mut tx = self.desk.test.app.write_as(Actor::System).await.unwrap();
        let now = tx.now();
        let alike = store::runs::next(&mut tx, now).await.unwrap().unwrap();
        store::runs::claim(&mut tx, alike, None).await.unwrap().unwrap();
        tx.commit().await.unwrap();
    }

    /// How many rows a query counts.
    async fn count(&self, sql: &'static str) -> i64 {
        self.desk.test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    }

    /// Whom a mail went to.
    fn mailed(&self) -> Vec<&'static str> {
        let mails = self.desk.folder();
        let went_to = |who: &&str| mails.iter().any(|(_, mail)| mail.contains(&format!("<{who}@")));
        ["boss", "jdoe"].into_iter().filter(went_to).collect()
    }
}

struct Root {
    client: Client,
    token: String,
}

impl Root {
    fn change(&self, tenant: TenantId, mut change: Value) -> Value {
        let path = format!("/api/2/tenants/{tenant}");
        change["version"] = self.client.get(&path).bearer(&self.token).send().ok()["version"].clone();
        self.client.put(&path).bearer(&self.token).json(change).send().ok()
    }

    fn happens(&self, event: Event, folder: TenantId, south: TenantId, report: ReportId) {
        let gone = match event {
            Event::Disabled | Event::Deleted => {
                let version = self.change(folder, json!({"enabled": false}))["version"].clone();
                (event == Event::Deleted).then(|| format!("/api/2/tenants/{folder}?version={version}"))
            }
            Event::Moved => {
                self.change(folder, json!({"parent_id": south}));
                None
            }
            Event::ReportDeleted => Some(format!("/api/2/reports/{report}?version=1")),
        };
        if let Some(path) = gone {
            let answer = self.client.delete(&path).bearer(&self.token).send();
            assert_eq!(answer.status, 204, "{path}: {}", answer.text());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tree_goes_at_each_step_of_a_run_and_nothing_is_left_hanging() {
    for (step, state) in STEPS {
        for event in [Event::Deleted, Event::Disabled, Event::Moved, Event::ReportDeleted] {
            let scene = Scene::new().await;
            let what = format!("{event:?} while the run is {state}");
            scene.at_step(step, event).await;
            scene.desk.drain().await;
            // A second time, long after: nothing that was left comes back.
            scene.desk.pass("2020-03-09T10:00:00Z").await;
            nothing_hangs(&scene, &what).await;
            if event == Event::ReportDeleted {
                assert_eq!(scene.count("SELECT COUNT(*) AS n FROM runs").await, 0, "{what}");
                assert!(scene.mailed().len() <= usize::from(step == "before-send"), "{what}");
                continue;
            }
            let run = scene.desk.runs(scene.report).await.remove(0).run;
            let begun = !["", "after-claim"].contains(&step);
            let made = if event == Event::Moved && !begun { RunStatus::Skipped } else { RunStatus::Ready };
            assert_eq!(run.status, made, "{what}: {:?}", run.reason);
            // What is handed over already cannot be called back.
            let (mailed, on_its_way) = (scene.mailed(), step == "before-send");
            let right = match event {
                Event::Disabled => mailed == ["boss", "jdoe"],
                Event::Deleted => mailed == ["boss"] || on_its_way && mailed == ["boss", "jdoe"],
                _ => mailed.len() == usize::from(on_its_way),
            };
            assert!(right, "{what}: {mailed:?}");
            let deliveries =
                if made == RunStatus::Ready { scene.desk.deliveries(scene.report).await } else { vec![] };
            for delivery in deliveries {
                let who = if delivery.user_id == scene.boss { "boss" } else { "jdoe" };
                assert!([scene.boss, scene.jdoe].contains(&delivery.user_id), "{what}");
                let sent = matches!(delivery.state, DeliveryState::Sent { .. });
                assert_eq!(sent, mailed.contains(&who), "{what}: {delivery:?}");
                assert!(
                    sent || matches!(delivery.state, DeliveryState::Skipped { .. }),
                    "{what}: {delivery:?}"
                );
            }
        }
    }
}

/// No run, file or mail waits, is held, or belongs to nobody.
async fn nothing_hangs(scene: &Scene, what: &str) {
    for sql in [
        "SELECT COUNT(*) AS n FROM runs WHERE status IN ('queued', 'building')",
        "SELECT COUNT(*) AS n FROM runs WHERE lease_until IS NOT NULL",
        "SELECT COUNT(*) AS n FROM artefacts WHERE status = 'in_progress'",
        "SELECT COUNT(*) AS n FROM artefacts WHERE run_id NOT IN (SELECT id FROM runs)",
        "SELECT COUNT(*) AS n FROM contents WHERE look_at IS NULL
         AND id NOT IN (SELECT content_id FROM artefacts WHERE content_id IS NOT NULL)",
        "SELECT COUNT(*) AS n FROM deliveries WHERE status IN ('pending', 'sending') OR lease_until IS NOT NULL",
        "SELECT COUNT(*) AS n FROM deliveries WHERE run_id NOT IN (SELECT id FROM runs)",
    ] {
        assert_eq!(scene.count(sql).await, 0, "{what}: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_saved_report_on_a_deleted_tree_stays_readable_and_its_files_with_it() {
    let mut scene = Scene::new().await;
    scene.desk.drain().await;
    scene.report = scene.desk.create(&once()).await.unwrap().report.id;
    scene.at_step("after-pin", Event::Deleted).await;
    scene.desk.drain().await;
    nothing_hangs(&scene, "saved").await;
    let app = &scene.desk.test.app;
    let stored = reports::stored(app, &scene.desk.caller, scene.report).await.unwrap();
    assert!(!app::mail::unpacked(app, stored[0].id).await.unwrap().is_empty());
    let refused = scene.desk.create(&once()).await;
    assert!(matches!(refused, Err(app::Error::NotFound { what: "tenant" })), "{refused:?}");
}
