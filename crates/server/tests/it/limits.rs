//! What a caller may ask for at most: requests, bytes, items, tries (wire-conventions, 4 and 5.2).

use std::num::NonZero;

use app::settings::Requests;
use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp, at};

const NOW: &str = "2026-05-08T10:58:53Z";
const TOKEN: &str = "/api/2/idp/token";

async fn limited(per_second: u32, burst: u32) -> (TestApp, Server) {
    let test = TestApp::with_settings(NOW, |settings| {
        let (per_second, burst) = (NonZero::new(per_second).unwrap(), NonZero::new(burst).unwrap());
        settings.requests = Some(Requests { per_second, burst });
    })
    .await;
    let server = test.serve().await;
    (test, server)
}

fn later(test: &TestApp, seconds: i64) {
    test.clock.set(domain::time::Instant(at(NOW).0 + seconds * 1_000_000));
}

#[tokio::test]
async fn a_caller_over_its_limit_is_told_when_to_come_back_and_others_are_not_held_back() {
    let (test, server) = limited(1, 3).await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    let path = format!("/api/2/tenants/{}", test.top);
    let token = server.token(&test.client_id, &test.client_secret).await;
    for _ in 0..2 {
        server.get(&path).bearer(&token).await.ok();
    }
    let refused = server.get(&path).bearer(&token).await;
    let error = refused.expect(429)["error"].clone();
    assert_eq!((&error["code"], &error["message"]), (&json!(429), &json!("Too Many Requests")));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("content-type"), "application/json; charset=utf-8");
    let elsewhere = server.get(&format!("/api/tidemark/1/tenants/{}/completeness", test.top));
    elsewhere.bearer(&token).await.expect(429);
    let form = [("grant_type", "client_credentials")];
    let at_token = server.post(TOKEN).basic(&test.client_id, &test.client_secret).form(&form).await;
    assert_eq!(at_token.expect(429)["error"], "temporarily_unavailable");
    assert_eq!(at_token.header("retry-after"), "1");
    let introspection = server.post("/api/2/idp/introspect_token").bearer(&token).form(&[("token", "x")]);
    assert_eq!(introspection.await.expect(429)["error"], "temporarily_unavailable");
    server.get(&path).basic("anna", "right").await.ok();
    later(&test, 1);
    server.get(&path).bearer(&token).await.ok();
    server.get(&path).bearer(&token).await.expect(429);
}

#[tokio::test]
async fn who_has_not_proven_who_it_is_uses_up_nobody_s_requests() {
    let (test, server) = limited(1, 2).await;
    for _ in 0..5 {
        let form = [("grant_type", "client_credentials")];
        server.post(TOKEN).basic(&test.client_id, "guessed").form(&form).await.expect(401);
    }
    let token = server.token(&test.client_id, &test.client_secret).await;
    server.get("/api/2/users/me").bearer(&token).await.ok();
    server.get("/api/2/versions").await.ok();
}

#[tokio::test]
async fn without_a_limit_nobody_is_counted() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    for _ in 0..300 {
        server.get("/api/2/users/me").bearer(&token).await.ok();
    }
}

fn info(answer: &Answer, status: u16) -> String {
    let error = answer.expect(status)["error"].clone();
    assert_eq!(error["code"], status);
    error["details"]["info"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_body_over_16_mib_is_refused_by_its_size_after_decompression() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let large = format!("{{\"name\":\"{}\"}}", "x".repeat(16 * 1024 * 1024));
    let gzip = {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(large.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let post = || server.post("/api/2/tenants").bearer(&token);
    let packed = post().header("Content-Encoding", "gzip").raw("application/json", gzip).await;
    assert_eq!(info(&packed, 413), "the body is larger than 16 MiB");
    let fits = format!("{}{}", " ".repeat(16 * 1024 * 1024 - 2), "{}");
    assert_eq!(info(&post().raw("application/json", fits).await, 400), "name: required");
    let deep = format!("{{\"name\":{}", "[".repeat(100_000));
    assert!(info(&post().raw("application/json", deep).await, 400).contains("not JSON"));
}

#[tokio::test]
async fn a_list_longer_than_a_call_takes_is_refused_whole() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let reading = json!({"tenant_id": test.top, "offering_item": "vms", "usage_value": 1});
    let readings = json!({"items": vec![reading; 1_001]});
    let answer = server.put("/api/2/tenants/usages").bearer(&token).json(readings).await;
    assert!(info(&answer, 413).contains("1000"), "{}", answer.text());
    let named = json!({"items": vec![json!({"id": test.top, "version": 1}); 1_001]});
    let answer = server.post("/api/2/tenants/batch/delete").bearer(&token).json(named).await;
    assert!(info(&answer, 413).contains("1000"), "{}", answer.text());
}

#[tokio::test]
async fn ids_are_taken_a_hundred_at_a_time_and_reports_made_a_thousand() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let ids =
        |count: usize| (0..count).map(|n| format!("00000000-0000-4000-8000-{n:012}")).collect::<Vec<_>>();
    for (path, field) in [
        ("tenants", "uuids"),
        ("users", "uuids"),
        ("clients", "uuids"),
        ("infra", "uuids"),
        ("locations", "uuids"),
        ("tenants/applications", "tenants"),
    ] {
        let ask = async |count| {
            let path = format!("/api/2/{path}?{field}={}", ids(count).join(","));
            server.get(&path).bearer(&token).await
        };
        assert_eq!(ask(100).await.ok()["items"], json!([]), "{path}");
        assert_eq!(info(&ask(101).await, 400), format!("{field}: at most 100"), "{path}");
    }
    let make = async |count| {
        let parameters = json!({"tenant_ids": ids(count), "level": "itself", "kind": "usage_summary"});
        let body = json!({"parameters": parameters, "schedule": {"type": "monthly"}, "result_action": "send",
            "recipients": ids(1)});
        server.post("/api/2/reports/bulk").bearer(&token).json(body).await
    };
    make(1_000).await.expect(404);
    assert_eq!(info(&make(1_001).await, 400), "parameters.tenant_ids: at most 1000");
}

/// Whether a user who is right gets in after somebody failed fifty times, each over a proxy.
async fn gets_in(proxies: &[&str], failed_from: &str, tried_from: &str) -> bool {
    let proxies = proxies.iter().map(|address| address.parse().unwrap()).collect();
    let test = TestApp::with_settings(NOW, |settings| settings.proxies.networks = proxies).await;
    let server = test.serve().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    let call = |from: &str| server.get("/api/2/users/me").header("X-Forwarded-For", from);
    for at in 0..50 {
        call(failed_from).basic(&format!("nobody {at}"), "wrong").await.expect(401);
    }
    let answer = call(tried_from).basic("anna", "right").await;
    assert!([200, 429].contains(&answer.status), "{}", answer.text());
    answer.status == 200
}

#[tokio::test]
async fn behind_a_proxy_it_is_the_client_s_address_that_is_held_back() {
    let (guesser, other) = ("203.0.113.9", "198.51.100.7");
    assert!(!gets_in(&[], guesser, other).await, "a stranger's word for its address counts for nothing");
    assert!(gets_in(&["127.0.0.1"], guesser, other).await);
    assert!(!gets_in(&["127.0.0.1"], guesser, guesser).await);
    let forged = format!("{other}, {guesser}");
    assert!(!gets_in(&["127.0.0.1"], guesser, &forged).await, "what the client itself put in front");
    let through_two = format!("{other}, 10.0.0.1");
    assert!(gets_in(&["127.0.0.1", "10.0.0.1"], guesser, &through_two).await);
}

async fn tenant(server: &Server, token: &str, parent: &str, kind: &str) -> String {
    let body = json!({"name": "T", "parent_id": parent, "kind": kind, "enabled": false});
    let made = server.post("/api/2/tenants").bearer(token).json(body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_batch_of_tenants_goes_as_a_whole_or_stays_as_a_whole() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await.to_string();
    let (a, b) = (
        tenant(&server, &token, &north, "customer").await,
        tenant(&server, &token, &north, "customer").await,
    );
    let below = test.tenant(b.parse().unwrap(), TenantKind::Unit, "Quay").await;
    let item = |id: &str, version: i64| json!({"id": id, "version": version});
    let delete = async |items: Vec<Value>| {
        let body = json!({"items": items});
        server.post("/api/2/tenants/batch/delete").bearer(&token).json(body).await
    };
    let code = |answer: &Answer| (answer.status, answer.json()["error"]["code"].clone());
    let unknown = "00000000-0000-4000-8000-000000000001";
    for (second, status, expected) in [
        (item(&b, 7), 409, 1001),
        (item(&north, 1), 400, 1006),
        (item(unknown, 1), 404, 1005),
        (item("x", 1), 400, 400),
        (json!({"id": b}), 400, 400),
        (json!({"id": b, "version": 1, "more": 1}), 400, 400),
    ] {
        let answer = delete(vec![item(&a, 1), second.clone()]).await;
        assert_eq!(code(&answer), (status, json!(expected)), "{second}");
        server.get(&format!("/api/2/tenants/{a}")).bearer(&token).await.ok();
    }
    let disabled = server.put(&format!("/api/2/tenants/{below}")).bearer(&token);
    disabled.json(json!({"version": 1, "enabled": false})).await.ok();
    let both = vec![item(&b, 1), item(&below.to_string(), 2), json!({"id": a, "version": "1"})];
    let gone = delete(both).await;
    assert_eq!((gone.status, gone.body.len()), (204, 0), "{}", gone.text());
    for id in [&a, &b, &below.to_string()] {
        server.get(&format!("/api/2/tenants/{id}")).bearer(&token).await.expect(404);
    }
    delete(Vec::new()).await.expect(204);
}

#[tokio::test]
async fn versions_and_editions_are_as_published() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let versions = server.get("/api/2/versions/?x=1").await.ok();
    let component = json!({"name": "tidemark", "version": env!("CARGO_PKG_VERSION")});
    let application = json!({"name": "tidemark", "edition": "cloud", "version": "8.0.0"});
    assert_eq!(versions, json!({"application": application, "components": [component]}));
    let token = server.token(&test.client_id, &test.client_secret).await;
    let editions = server.get("/api/2/editions").bearer(&token).await.ok();
    let expected = json!([
        "standard",
        "advanced",
        "disaster_recovery",
        "cyber_protect_std",
        "cyber_protect_adv",
        "cyber_protect_dre",
        "per_workload",
        "per_gigabyte",
        "pck_per_gigabyte",
        "pck_per_workload",
        "fss_legacy",
        "fss_per_gigabyte",
        "fss_per_user",
    ]);
    assert_eq!(editions, json!({"items": expected}));
}
