//! `tidemark deliveries`: the ledger from the command line, beside a server and without one; and what a server says of what
//! has not gone out.

use serde_json::{Value, json};

use super::channel::Channel;
use super::harness::{Place, Serving, refusal, wait_for};

fn printed(place: &Place, options: &[&str]) -> String {
    let output = place.command("deliveries").args(options).output().unwrap();
    assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn objects(place: &Place, options: &[&str]) -> Vec<Value> {
    let lines = printed(place, &[options, &["--json"]].concat());
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The items of a list of Tidemark's own below the top tenant.
fn over_http(place: &Place, serving: &Serving, list: &str) -> Vec<Value> {
    let path = format!("/api/tidemark/1/tenants/{}/{list}", place.first.tenant_id);
    let answer = serving.client.get(&path).bearer(&serving.token).send();
    answer.ok()["items"].as_array().unwrap().clone()
}

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// A channel whose second user is disabled, and a report that was mailed to both.
fn mailed(place: &Place, serving: &Serving) -> (Channel, Vec<Value>) {
    let channel = Channel::make(serving, &place.first.tenant_id.to_string());
    enable(serving, &channel.users[1], false);
    serving.post("/reports", &channel.order("send"));
    let ended = wait_for("a mail and a recipient who is skipped", || {
        let list = over_http(place, serving, "deliveries");
        (list.len() == 2 && list.iter().all(|one| !one["finished_at"].is_null())).then_some(list)
    });
    (channel, ended)
}

fn enable(serving: &Serving, user: &str, enabled: bool) {
    let path = format!("/users/{user}");
    let version = &serving.get(&path)["version"];
    serving.put(&path, &json!({"version": version, "enabled": enabled}));
}

#[test]
fn it_says_what_the_api_says_and_sends_again_beside_a_server_and_without_one() {
    let place = Place::new();
    let serving = place.serve();
    let (channel, told) = mailed(&place, &serving);
    assert_eq!(objects(&place, &["list"]), told);
    let sent = objects(&place, &["list", "--state", "sent", "--recipient", &channel.users[0]]);
    let [sent] = &sent[..] else { panic!("one mail, not {sent:?}") };
    assert_eq!(objects(&place, &["show", id(sent)]), std::slice::from_ref(sent));
    assert!(printed(&place, &["show", id(sent)]).contains("state            sent\n"));
    let again = objects(&place, &["resend", id(sent)]);
    assert_eq!((&again[0]["resend_no"], &again[0]["asked_by"]["type"]), (&json!(1), &json!("system")));
    assert_eq!(over_http(&place, &serving, "deliveries")[0]["id"], again[0]["id"], "beside the server");
    let refused = refusal(place.command("deliveries").args(["resend", id(sent)]));
    assert!(refused.contains("only the newest delivery can be"), "{refused}");
    let report = told[0]["report_id"].as_str().unwrap();
    assert!(objects(&place, &["resend", "--failed", "--report", report]).is_empty());
    enable(&serving, &channel.users[1], true);
    serving.kill();
    let run = told[0]["run_id"].as_str().unwrap();
    let skipped = objects(&place, &["resend", "--failed", "--skipped", "--run", run]);
    assert_eq!(skipped[0]["recipient_id"], channel.users[1]);
    let serving = place.serve();
    wait_for("both mails", || (place.mails().len() == 3).then_some(()));
    let ended = wait_for("their records", || {
        let list = over_http(&place, &serving, "deliveries?state=sent");
        (list.len() == 3).then_some(list)
    });
    assert_eq!(objects(&place, &["list", "--state", "sent", "--all"]), ended);
    assert_eq!(objects(&place, &["list", "--limit", "1"]).len(), 1);
}

#[test]
fn a_report_that_went_to_nobody_is_logged_once_and_measured_until_it_is_known() {
    let place = Place::new();
    let serving = place.serve();
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    channel.users.iter().for_each(|user| enable(&serving, user, false));
    serving.post("/reports", &channel.order("send"));
    serving.process.logged("a report has not gone out");
    let alerts = over_http(&place, &serving, "delivery-alerts");
    assert_eq!(alerts[0]["kind"], "all_skipped");
    assert_eq!(objects(&place, &["alerts"]), alerts);
    let table = printed(&place, &["alerts"]);
    assert!(table.lines().nth(1).unwrap().contains("all_skipped"), "{table}");
    let measured = |count: &str| {
        let line = format!("tidemark_delivery_alerts{{kind=\"all_skipped\"}} {count}");
        serving.client.get("/metrics").bearer(&serving.token).send().text().lines().any(|found| found == line)
    };
    assert!(measured("1"));
    // Whatever else is made wakes the watch once more.
    serving.post("/reports", &channel.order("save"));
    wait_for("another report", || {
        let text = serving.client.get("/metrics").bearer(&serving.token).send().text();
        text.contains("tidemark_runs_total{outcome=\"ready\"} 2").then_some(())
    });
    assert_eq!(serving.process.log().matches("a report has not gone out").count(), 1);
    printed(&place, &["acknowledge", id(&alerts[0]), "--reason", "they have left"]);
    assert!(objects(&place, &["alerts"]).is_empty() && measured("0"));
    let unknown = "00000000-0000-4000-8000-000000000001";
    for (options, why) in [
        (["acknowledge", id(&alerts[0])], "nothing of it waits"),
        (["acknowledge", unknown], "no such alert"),
        (["show", unknown], "no such delivery"),
        (["resend", unknown], "no such delivery"),
    ] {
        let said = refusal(place.command("deliveries").args(options));
        assert!(said.contains(why), "{options:?}: {said}");
    }
    for options in [
        &["resend"][..],
        &["resend", "--failed"],
        &["resend", "--run", unknown],
        &["list", "--state", "lost"],
    ] {
        let output = place.command("deliveries").args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{options:?}");
    }
}
