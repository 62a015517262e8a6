//! Which readings are missing: gaps, silent meters, and who is told.

use domain::access::{Actor, Role};
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Partner, Unit};
use serde_json::{Value, json};
use store::args;
use testkit::{Answer, Server, TestApp, at};

use crate::metering::{Metering as _, reading};

/// A channel: a partner with a customer, and another partner.
struct Scene {
    test: TestApp,
    server: Server,
    north: TenantId,
    south: TenantId,
    harbour: TenantId,
}

impl Scene {
    /// On May 1st. Virtual machines are on everywhere.
    async fn new() -> Self {
        let test = TestApp::at("2026-05-01T08:00:00Z").await;
        let north = test.tenant(test.top, Partner, "North").await;
        let south = test.tenant(test.top, Partner, "South").await;
        let harbour = test.tenant(north, Customer, "Harbour").await;
        for tenant in [north, south, harbour] {
            test.switch(tenant, "vms", None, true).await;
        }
        let server = test.serve().await;
        Self { test, server, north, south, harbour }
    }

    /// On May 8th, the customer heard from the 2nd to the 5th, told late.
    async fn told_late() -> Self {
        let scene = Self::new().await;
        scene.pass(8).await;
        for day in 2..=5 {
            scene.says_of(scene.harbour, "vms", &format!("2026-05-0{day}"), "4").await;
        }
        scene
    }

    /// Ten in the morning of a day of May, everything done that is due.
    async fn pass(&self, day: i32) {
        self.test.clock.set(at(&format!("2026-05-{day:02}T10:00:00Z")));
        app::jobs::drain(&self.test.app).await.unwrap();
    }

    /// A reading of today.
    async fn says(&self, tenant: TenantId, value: i64) {
        assert_eq!(self.test.report_usage(vec![reading(tenant, "vms", value)]).await, [Ok(())]);
    }

    async fn top_token(&self) -> String {
        self.server.token(&self.test.client_id, &self.test.client_secret).await
    }

    /// A reading of another day, or one taken back where there is no value.
    async fn says_of(&self, tenant: TenantId, item: &str, date: &str, value: &str) {
        let retract = value.is_empty();
        let csv = format!(
            "tenant_id,offering_item,date,value,retract\n{tenant},{item},{date},{value},{}\n",
            if retract { "true" } else { "" }
        );
        let call = self.server.post("/api/tidemark/1/readings").bearer(&self.top_token().await);
        assert_eq!(call.raw("text/csv", csv).await.ok()["accepted"], 1);
    }

    async fn put(&self, tenant: TenantId, change: Value) {
        let token = self.top_token().await;
        let path = format!("/api/2/tenants/{tenant}");
        let version = &self.server.get(&path).bearer(&token).await.ok()["version"];
        let mut body = change;
        body["version"] = version.clone();
        self.server.put(&path).bearer(&token).json(body).await.ok();
    }

    /// What an administrator of `who` is told about a tenant.
    async fn ask(&self, who: TenantId, tenant: TenantId, query: &str) -> Answer {
        let role = if who == self.test.top { Role::RootAdmin } else { Role::PartnerAdmin };
        let (id, secret) = self.test.client(who, role).await;
        let token = self.server.token(&id, &secret).await;
        let path = format!("/api/tidemark/1/tenants/{tenant}/completeness{query}");
        self.server.get(&path).bearer(&token).await
    }

    async fn of(&self, tenant: TenantId, query: &str) -> Value {
        self.ask(tenant, tenant, query).await.ok()
    }

    /// The gaps of the only meter that is listed, as days of May.
    async fn gaps(&self, tenant: TenantId) -> Vec<(String, String)> {
        let answer = self.of(tenant, "").await;
        let [meter] = &answer["meters"].as_array().unwrap()[..] else { panic!("{answer}") };
        let day = |day: &Value| day.as_str().unwrap().replace("2026-05-", "");
        let gaps = meter["gaps"].as_array().unwrap().iter();
        gaps.map(|gap| (day(&gap["from"]), day(&gap["to"]))).collect()
    }
}

fn days(gaps: &[(&str, &str)]) -> Vec<(String, String)> {
    gaps.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect()
}

#[tokio::test]
async fn gaps_and_silent_meters_are_listed_and_all_are_counted() {
    let scene = Scene::new().await;
    let (north, harbour) = (scene.north, scene.harbour);
    scene.test.switch(harbour, "workstations", None, true).await;
    for (day, speaks) in [(2, true), (3, true), (4, false), (5, false), (6, true), (7, false)] {
        scene.pass(day).await;
        scene.says(north, 5).await;
        if speaks {
            scene.says(harbour, 3).await;
        }
    }
    scene.pass(8).await;
    scene.says_of(harbour, "workstations", "2026-04-20", "7").await;
    let answer = scene.of(north, "").await;
    let newest = store::history::newest(&mut scene.test.app.read().await.unwrap()).await.unwrap();
    assert!(answer["as_of"].as_i64().unwrap() <= newest.0);
    assert_eq!(
        answer,
        json!({
            "tenant_id": north, "from": "2026-05-01", "to": "2026-05-07", "as_of": answer["as_of"],
            "meters": [
                {"tenant_id": harbour, "offering_item": "workstations", "first_heard": null,
                    "last_day": "2026-04-20", "last_heard": "2026-05-08T10:00:00Z", "silent": true,
                    "gaps": [{"from": "2026-05-01", "to": "2026-05-07"}]},
                {"tenant_id": harbour, "offering_item": "vms", "first_heard": "2026-05-02",
                    "last_day": "2026-05-06", "last_heard": "2026-05-06T10:00:00Z", "silent": false,
                    "gaps": [{"from": "2026-05-04", "to": "2026-05-05"}, {"from": "2026-05-07", "to": "2026-05-07"}]},
            ],
            "totals": {"meters": 3, "silent": 1, "never_heard": 0, "cells": 19, "reported": 9, "carried": 10},
        })
    );
    let page = format!("/api/tidemark/1/tenants/{north}/report?format=html&level=accounts");
    let page = scene.server.get(&page).bearer(&scene.top_token().await).await.text();
    assert!(page.contains("Readings carried forward from earlier days: 10 of 19."), "{page}");
    let complete = scene.of(north, "?from=2026-05-02&to=2026-05-03&never_heard=false").await;
    assert_eq!(complete["totals"]["carried"], 2, "of the workstations alone");
}

#[tokio::test]
async fn a_late_reading_fills_a_gap_and_a_retraction_opens_one() {
    let scene = Scene::told_late().await;
    let harbour = scene.harbour;
    assert_eq!(scene.gaps(harbour).await, days(&[("06", "07")]));
    scene.says_of(harbour, "vms", "2026-05-06", "9").await;
    assert_eq!(scene.gaps(harbour).await, days(&[("07", "07")]));
    scene.says_of(harbour, "vms", "2026-05-03", "").await;
    let opened = days(&[("03", "03"), ("07", "07")]);
    assert_eq!(scene.gaps(harbour).await, opened);
    scene.pass(8).await;
    assert_eq!(scene.gaps(harbour).await, opened, "the segments were written anew");
    for day in ["2026-05-03", "2026-05-07"] {
        scene.says_of(harbour, "vms", day, "0").await;
    }
    let answer = scene.of(harbour, "").await;
    assert_eq!(answer["meters"], json!([]));
    let totals = json!({"meters": 1, "silent": 0, "never_heard": 0, "cells": 6, "reported": 6, "carried": 0});
    assert_eq!(answer["totals"], totals);
}

#[tokio::test]
async fn days_belong_to_the_parent_that_held_them() {
    let scene = Scene::new().await;
    let (north, south, harbour) = (scene.north, scene.south, scene.harbour);
    for (day, speaks) in [(2, true), (3, true), (5, false), (6, true)] {
        scene.pass(day).await;
        if day == 5 {
            scene.put(harbour, json!({"parent_id": south})).await;
        }
        if speaks {
            scene.says(harbour, 3).await;
        }
    }
    scene.pass(8).await;
    let of = async |partner| scene.of(partner, "?never_heard=false").await;
    let meter = |first_heard, last_day, last_heard, gaps| {
        json!([{"tenant_id": harbour, "offering_item": "vms", "first_heard": first_heard,
            "last_day": last_day, "last_heard": last_heard, "silent": false, "gaps": gaps}])
    };
    let gap = |day| json!({"from": day, "to": day});
    let left = meter(json!("2026-05-02"), "2026-05-03", Value::Null, json!([gap("2026-05-04")]));
    assert_eq!(of(north).await["meters"], left, "nothing of what came after it had left");
    let gaps = json!([gap("2026-05-05"), gap("2026-05-07")]);
    let joined = meter(Value::Null, "2026-05-06", json!("2026-05-06T10:00:00Z"), gaps);
    assert_eq!(of(south).await["meters"], joined);
    let cells = async |tenant| of(tenant).await["totals"]["cells"].as_u64().unwrap();
    assert_eq!((cells(north).await, cells(south).await, cells(scene.test.top).await), (3, 3, 6));
}

#[tokio::test]
async fn an_item_counts_while_it_is_on_and_one_never_heard_is_silent() {
    let scene = Scene::told_late().await;
    let (test, harbour) = (&scene.test, scene.harbour);
    let storage = test.storage(scene.north, "EU1", "backup").await;
    test.switch(harbour, "storage", Some(storage), true).await;
    scene.pass(10).await;
    test.switch(harbour, "vms", None, false).await;
    scene.pass(12).await;
    let answer = scene.of(harbour, "").await;
    let never = json!({"tenant_id": harbour, "offering_item": "storage", "infra_id": storage, "first_heard": null,
        "last_day": null, "last_heard": null, "silent": true, "gaps": []});
    let meters = answer["meters"].as_array().unwrap();
    let of = |item: &str| meters.iter().find(|meter| meter["offering_item"] == item).unwrap();
    assert_eq!((meters.len(), of("storage")), (2, &never));
    assert_eq!(of("vms")["gaps"], json!([{"from": "2026-05-06", "to": "2026-05-09"}]), "on till the 9th");
    let totals = json!({"meters": 2, "silent": 1, "never_heard": 1, "cells": 8, "reported": 4, "carried": 4});
    assert_eq!(answer["totals"], totals);
    let others = scene.of(harbour, "?never_heard=false").await;
    assert_eq!(
        (&others["meters"], &others["totals"]),
        (&json!([of("vms")]), &totals),
        "counted all the same"
    );
    let before = scene.of(harbour, "?to=2026-05-07").await;
    assert_eq!(before["totals"]["meters"], 1, "the storage was not on yet");
    let off = scene.of(harbour, "?from=2026-05-10&to=2026-05-11").await;
    assert_eq!((&off["totals"]["cells"], &off["totals"]["meters"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn what_a_closed_tenant_hides_is_not_listed_of_the_days_on_which_it_does() {
    let scene = Scene::told_late().await;
    let (test, north, harbour) = (&scene.test, scene.north, scene.harbour);
    let quay = test.tenant(harbour, Unit, "Quay").await;
    test.switch(quay, "vms", None, true).await;
    scene.says_of(quay, "vms", "2026-05-07", "1").await;
    let cells = async |query: &str| scene.of(north, query).await["totals"]["cells"].clone();
    assert_eq!(cells("").await, 7);
    scene.put(harbour, json!({"ancestral_access": false})).await;
    scene.pass(10).await;
    assert_eq!(cells("").await, 9, "two days more of its own, and of the unit the day before it was closed");
    assert_eq!(cells("?from=2026-05-08").await, 2, "its own alone");
    assert_eq!(scene.ask(north, harbour, "").await.expect(403)["error"]["code"], 1002);
    assert_eq!(scene.ask(harbour, harbour, "").await.ok()["totals"]["cells"], 11);
    assert_eq!(scene.ask(scene.south, north, "").await.expect(403)["error"]["code"], 1002);
    scene.put(harbour, json!({"enabled": false})).await;
    assert_eq!(cells("").await, 9, "whoever is disabled is there");
    scene.test.open(harbour).await;
    scene.pass(11).await;
    assert_eq!(cells("").await, 11, "of the unit the day on which it was opened, and none before");
}

#[tokio::test]
async fn a_tenant_that_is_closed_now_does_not_tell_when_those_inside_were_heard() {
    let scene = Scene::told_late().await;
    let (test, north, harbour) = (&scene.test, scene.north, scene.harbour);
    let quay = test.tenant(harbour, Unit, "Quay").await;
    test.switch(quay, "vms", None, true).await;
    scene.says_of(quay, "vms", "2026-05-06", "1").await;
    let heard = async |who| {
        let answer = scene.of(who, "?never_heard=false").await;
        let of = |tenant: TenantId| {
            let mut meters = answer["meters"].as_array().unwrap().iter();
            let meter = meters.find(|meter| meter["tenant_id"] == json!(tenant)).unwrap();
            (meter["last_day"].clone(), meter["last_heard"].clone())
        };
        [of(harbour), of(quay)]
    };
    let at = |day: &str| (json!(day), json!("2026-05-08T10:00:00Z"));
    let all = [at("2026-05-05"), at("2026-05-06")];
    assert_eq!(heard(north).await, all);
    scene.put(harbour, json!({"ancestral_access": false})).await;
    assert_eq!(heard(north).await, [at("2026-05-05"), (json!("2026-05-06"), Value::Null)]);
    assert_eq!(heard(harbour).await, all, "from inside");
}

#[tokio::test]
async fn tenants_of_several_ranges_come_in_one_list() {
    let scene = Scene::told_late().await;
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    tx.run("UPDATE number_ranges SET next_no = 4096 WHERE range_no = 0", args![]).await.unwrap();
    tx.commit().await.unwrap();
    let mut far = Vec::new();
    for name in ["Far", "Farther"] {
        let tenant = scene.test.tenant(scene.north, Customer, name).await;
        scene.test.switch(tenant, "vms", None, true).await;
        scene.says_of(tenant, "vms", "2026-05-06", "2").await;
        far.push(tenant);
    }
    assert!(scene.test.no(far[0]).await.range() > scene.test.no(scene.harbour).await.range());
    let answer = scene.of(scene.north, "?never_heard=false").await;
    let tenants: Vec<&Value> =
        answer["meters"].as_array().unwrap().iter().map(|meter| &meter["tenant_id"]).collect();
    assert_eq!(tenants, [&json!(scene.harbour), &json!(far[0]), &json!(far[1])]);
    assert_eq!(answer["totals"]["carried"], 4);
    for day in ["2026-05-06", "2026-05-07"] {
        scene.says_of(scene.harbour, "vms", day, "4").await;
    }
    // The list begins in the second part now.
    let second = scene.of(scene.north, "?never_heard=false").await;
    assert_eq!(second["meters"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_refusal_names_the_parameter() {
    let scene = Scene::told_late().await;
    for (query, said) in [
        ("?from=1.5.2026", "from: not a date of the form YYYY-MM-DD"),
        ("?from=2026-05-08", "from: lies after the end, 2026-05-07"),
        ("?from=2026-05-04&to=2026-05-03", "from: lies after the end, 2026-05-03"),
        ("?from=2025-04-02", "from: at most 400 days are answered at a time"),
        ("?to=2026-02-30", "to: not a date of the form YYYY-MM-DD"),
        ("?to=2026-05-08", "to: is not closed yet; the last closed day is 2026-05-07"),
        ("?never_heard=no", "never_heard: must be true or false"),
        ("?till=2026-05-07", "till: unknown parameter"),
        ("?as_of=3", "as_of: unknown parameter"),
    ] {
        let answer = scene.ask(scene.north, scene.north, query).await.expect(400);
        let error = &answer["error"];
        assert_eq!((&error["code"], error["details"]["info"].as_str()), (&400.into(), Some(said)), "{query}");
    }
    let longest = scene.of(scene.north, "?from=2025-04-03&to=").await;
    assert_eq!((&longest["from"], &longest["to"]), (&json!("2025-04-03"), &json!("2026-05-07")));
    let start = scene.of(scene.north, "?to=2026-04-15").await;
    assert_eq!((&start["from"], &start["totals"]["cells"]), (&json!("2026-04-01"), &json!(0)));
}
