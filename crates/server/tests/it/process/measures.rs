//! What `/metrics` tells operators.

use std::collections::BTreeMap;

use super::channel::Channel;
use super::harness::{Place, Serving, wait_for};

/// The samples of the jobs by name and labels, once no run and no mail is open.
fn settled(serving: &Serving) -> (BTreeMap<String, String>, String) {
    wait_for("settled metrics", || {
        let text = serving.client.get("/metrics").bearer(&serving.token).send().text();
        let samples = text.lines().filter(|line| line.starts_with("tidemark_")).map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let samples: BTreeMap<_, _> = samples.collect();
        let open = ["tidemark_runs_pending", "tidemark_deliveries_pending"];
        open.iter().all(|name| samples[*name] == "0").then_some((samples, text))
    })
}

#[test]
fn runs_and_mails_are_counted_by_how_they_end() {
    let place = Place::rehearsing("2026-05-08T10:00:00Z");
    let mut command = place.serve_command();
    command.args(["--clock-start", "2026-05-08T10:00:00Z"]);
    let serving = place.serve_by(command);
    let (before, text) = settled(&serving);
    for (name, kind) in [
        ("tidemark_runs_total", "counter"),
        ("tidemark_report_passes_total", "counter"),
        ("tidemark_deliveries_total", "counter"),
        ("tidemark_open_day", "gauge"),
        ("tidemark_runs_pending", "gauge"),
        ("tidemark_deliveries_pending", "gauge"),
        ("tidemark_nodes", "gauge"),
        ("tidemark_node_silence_seconds", "gauge"),
        ("tidemark_runs_lag_seconds", "gauge"),
        ("tidemark_deliveries_lag_seconds", "gauge"),
        ("tidemark_job_idle_seconds", "gauge"),
    ] {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is described: {text}");
        assert!(text.contains(&format!("# TYPE {name} {kind}")), "{name} is a {kind}: {text}");
    }
    let run = |outcome: &str| format!("tidemark_runs_total{{outcome=\"{outcome}\"}}");
    let mail = |outcome: &str| format!("tidemark_deliveries_total{{outcome=\"{outcome}\"}}");
    for name in ["ready", "failed", "skipped"].map(run) {
        assert_eq!(before[&name], "0", "{name}");
    }
    for name in ["sent", "bounced", "gave_up", "skipped", "retried"].map(mail) {
        assert_eq!(before[&name], "0", "{name}");
    }
    for (status, count) in [("alive", "1"), ("silent", "0"), ("stopped", "0")] {
        assert_eq!(before[&format!("tidemark_nodes{{status=\"{status}\"}}")], count, "{text}");
    }
    // 2026-05-08 is 20,581 days after 1970-01-01.
    assert_eq!(before["tidemark_open_day"], "20581");

    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    let bo = format!("/users/{}", channel.users[1]);
    let version = &serving.get(&bo)["version"];
    serving.post("/reports", &channel.order("save"));
    serving.put(&bo, &serde_json::json!({"version": version, "enabled": false}));
    serving.post("/reports", &channel.order("send"));
    let (after, text) = settled(&serving);
    assert_eq!(after[&run("ready")], "2", "{text}");
    assert_eq!([&after[&mail("sent")], &after[&mail("skipped")]], ["1", "1"], "{text}");
    assert_eq!([&after[&mail("retried")], &after[&run("failed")]], ["0", "0"], "{text}");
}
