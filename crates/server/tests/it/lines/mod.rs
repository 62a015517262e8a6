//! Who changes something leaves a line in the audit log: every operation of the OpenAPI document is called, and so are the
//! jobs; what differs in the database afterwards is held against the lines that are new.
//!
//! `rules.txt` says which rows and columns need no line, and why. Everything else does: a row that came or went needs a
//! line about its object, a column that changed one that bears its name.

mod calls;
mod rows;
mod rules;
mod scene;

use std::collections::BTreeSet;

use calls::{CALLS, Call};
use rows::Snapshot;
use rules::Rules;
use scene::{Place, Request, Scene};
use serde_json::Value;
use testkit::TestApp;

/// The operations of the document that can change something, by method and path.
fn writing() -> BTreeSet<String> {
    let (_, document) = http_api::serve::documented();
    let document: Value = serde_json::to_value(document).unwrap();
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| {
        let there = ["post", "put", "delete"].into_iter().filter(|method| !item[*method].is_null());
        there.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    operations.collect()
}

#[test]
fn every_writing_operation_is_called_or_excused() {
    let rules = Rules::read();
    let called: BTreeSet<String> = CALLS.iter().map(|call| call.operation.to_owned()).collect();
    let excused: BTreeSet<String> = rules.operations().map(str::to_owned).collect();
    let missing: Vec<_> =
        writing().into_iter().filter(|it| !called.contains(it) && !excused.contains(it)).collect();
    assert!(missing.is_empty(), "these need a call in calls.rs: {missing:#?}");
    let both: Vec<_> = called.intersection(&excused).collect();
    assert!(both.is_empty(), "called, so not to be excused in rules.txt: {both:#?}");
    let stale: Vec<_> = excused.difference(&writing()).cloned().collect();
    assert!(stale.is_empty(), "excused in rules.txt, but not there: {stale:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_changed_has_its_lines_on_sqlite() {
    let (rules, scene) = (Rules::read(), Scene::new().await);
    let mut wrong = Vec::new();
    for call in CALLS {
        wrong.extend(made(&rules, &scene, call).await);
    }
    let before = Snapshot::take(&scene.test.app).await;
    app::jobs::drain(&scene.test.app).await.unwrap();
    wrong.extend(judged(&rules, &scene, "the jobs", &before).await);
    let before = Snapshot::take(&scene.test.app).await;
    app::auth::keys::rotate(&scene.test.app).await.unwrap();
    wrong.extend(judged(&rules, &scene, "a new signing key", &before).await);
    assert!(wrong.is_empty(), "{} changes without their line:\n{}", wrong.len(), wrong.join("\n"));
}

/// Calls every operation of the document on this installation, whose clock is set to the moment of that.
pub(crate) async fn after_every_call(test: TestApp) -> TestApp {
    let scene = Scene::over(test).await;
    for call in CALLS {
        let (place, request) = prepared(&scene, call).await;
        let answer = place.sent(&request, call.by).await;
        assert!(answer.status < 300, "{}: {} {}", call.operation, answer.status, answer.text());
    }
    scene.test
}

/// All that a call needs, and what is to be sent.
async fn prepared<'a>(scene: &'a Scene, call: &Call) -> (Place<'a>, Request) {
    let mut place = scene.place(call.by).await;
    for (operation, body) in call.before {
        let answer = place.step(operation, body, call.by).await;
        assert!(answer.status < 300, "{}, before it {operation}: {}", call.operation, answer.text());
    }
    let request = place.request(call.operation, call.target, call.body).await;
    (place, request)
}

/// Makes a call; says what is wrong with its lines.
async fn made(rules: &Rules, scene: &Scene, call: &Call) -> Vec<String> {
    let (mut place, request) = prepared(scene, call).await;
    let before = Snapshot::take(&scene.test.app).await;
    let answer = place.sent(&request, call.by).await;
    assert!(answer.status < 300, "{}: {} {}", call.operation, answer.status, answer.text());
    let mut wrong = judged(rules, scene, call.operation, &before).await;
    let actor = place.actor(call.by).await;
    let by_others = before.lines_since(&scene.test.app).await.into_iter().filter(|line| line.actor != actor);
    wrong.extend(
        by_others.map(|line| format!("{}: by {}, not {actor}: {line:?}", call.operation, line.actor)),
    );
    wrong
}

/// What has changed since without its line; also where nothing has that would need one.
async fn judged(rules: &Rules, scene: &Scene, what: &str, before: &Snapshot) -> Vec<String> {
    let lines = before.lines_since(&scene.test.app).await;
    let after = Snapshot::take(&scene.test.app).await;
    let lacking = before.differences(&after).into_iter().filter_map(|it| rules.lacks(&it, &lines));
    let mut wrong: Vec<String> = lacking.map(|lack| format!("{what}: {lack}")).collect();
    if lines.is_empty() {
        wrong.push(format!("{what}: no line at all, so the call shows nothing"));
    }
    wrong
}
