//! The routes of reports over a real socket: statuses, the order of checks, and bodies to the member.

use std::io::Read as _;

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use testkit::{Answer, Call, Server};

use crate::desk::Desk;

/// A desk with a server, and a token of the partner's administrator.
struct Counter {
    desk: Desk,
    server: Server,
    token: String,
}

impl Counter {
    async fn at(now: &str) -> Self {
        let desk = Desk::at(now).await;
        let server = desk.test.serve().await;
        let token = token(&desk, &server, desk.partner, Role::PartnerAdmin).await;
        Self { desk, server, token }
    }

    fn get(&self, path: &str) -> Call {
        self.server.get(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn post(&self, path: &str) -> Call {
        self.server.post(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn put(&self, path: &str) -> Call {
        self.server.put(&format!("/api/2{path}")).bearer(&self.token)
    }

    fn delete(&self, path: &str) -> Call {
        self.server.delete(&format!("/api/2{path}")).bearer(&self.token)
    }

    /// The smallest accepted body (reports-api, 3.5).
    fn smallest(&self) -> Value {
        json!({"parameters": {"tenant_id": self.desk.customer, "level": "accounts", "kind": "usage_current"},
            "schedule": {"type": "once"}, "result_action": "save"})
    }
}

async fn token(desk: &Desk, server: &Server, tenant: TenantId, role: Role) -> String {
    let (id, secret) = desk.test.client(tenant, role).await;
    server.token(&id, &secret).await
}

/// A token of a user of the partner who may only read.
async fn reader(counter: &Counter) -> String {
    let desk = &counter.desk;
    desk.test.user(desk.partner, "reader", "right", Role::ReadonlyAdmin).await;
    let form = [("grant_type", "password"), ("username", "reader"), ("password", "right")];
    let (id, secret) = desk.test.client(desk.partner, Role::PartnerAdmin).await;
    let answer = counter.server.post("/api/2/idp/token").basic(&id, &secret).form(&form).await.ok();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Status, code and what `info` says.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: u16, info: &str) {
    let body = answer.expect(status);
    assert_eq!(body["error"]["code"], code, "{body}");
    let said = body["error"]["details"]["info"].as_str().unwrap_or("");
    assert!(said.contains(info), "{body} does not say {info:?}");
}

#[tokio::test]
async fn the_smallest_body_is_answered_as_observed_in_2020() {
    let counter = Counter::at("2020-03-04T10:58:53Z").await;
    let made = counter.post("/reports").json(counter.smallest()).await.ok();
    let expected = json!({
        "schedule": {"type": "once", "enabled": true},
        "id": made["id"],
        "recipients": [],
        "version": 1,
        "generation_date": "2020-03-04",
        "parameters": {"kind": "usage_current", "period": {"start": "2020-03-01", "end": "2020-03-03"},
            "tenant_id": counter.desk.customer, "formats": ["csv_v2_0"], "level": "accounts"},
        "result_action": "save",
    });
    assert_eq!(made, expected);
    let id = made["id"].as_str().unwrap();
    assert_eq!(counter.get(&format!("/reports/{id}")).await.ok(), expected);
    let listed = counter.get(&format!("/tenants/{}/reports", counter.desk.customer)).await.ok();
    assert_eq!(listed, json!({"items": [id]}));
    let shown = json!({"kind": "usage_summary", "show_skus": "true", "hide_zero_usage": "false"});
    let mut body = counter.smallest();
    body["generation_date"] = json!("2020-03-05");
    let id = counter.post("/reports").json(body).await.ok()["id"].as_str().unwrap().to_owned();
    let changed = counter.put(&format!("/reports/{id}")).json(json!({"parameters": shown})).await.ok();
    assert_eq!(changed["parameters"]["show_skus"], true);
    assert_eq!(changed["parameters"]["hide_zero_usage"], false);
    assert_eq!(changed["version"], 2);
    let sent_back = counter.put(&format!("/reports/{id}")).json(changed.clone()).await.ok();
    assert_eq!(sent_back["version"], 3, "what was read can be sent back");
}

#[tokio::test]
async fn a_stored_file_is_gzip_whatever_the_request_offers() {
    let counter = Counter::at("2020-03-04T10:58:53Z").await;
    let made = counter.post("/reports").json(counter.smallest()).await.ok();
    let stored = format!("/reports/{}/stored", made["id"].as_str().unwrap());
    let waiting = counter.get(&stored).await.ok();
    let file = waiting["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        waiting,
        json!({"items": [{"id": file, "status": "in_progress", "created_at": "2020-03-04T10:58:53+00:00",
            "report_format": "csv_v2_0"}]})
    );
    refused(&counter.get(&format!("{stored}/{file}")).await, 404, 404, "");
    counter.desk.drain().await;
    let item = counter.get(&stored).await.ok()["items"][0].clone();
    assert_eq!(item["status"], "saved");
    // An encoding of its own choice keeps the client from decoding.
    let call = counter.get(&format!("{stored}/{file}")).header("Accept", "image/png");
    let answer = call.header("Accept-Encoding", "identity").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Content-Type"), "application/octet-stream");
    let bytes = &answer.body;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(item["size"], bytes.len());
        assert_eq!(answer.header("Content-Encoding"), "gzip");
        assert_eq!(answer.header("Content-Length"), bytes.len().to_string());
        let mut text = String::new();
        GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        text
    } else {
        answer.text()
    };
    assert!(text.starts_with("application.id,application.name,date,"), "{text}");
    for other in ["53b471e1-50dd-4557-ae6d-f687946821d4", "nonsense"] {
        refused(&counter.get(&format!("{stored}/{other}")).await, 404, 404, "");
    }
}

#[tokio::test]
async fn the_checks_of_post_come_in_their_order() {
    let counter = Counter::at("2020-03-04T10:00:00Z").await;
    let (desk, server) = (&counter.desk, &counter.server);
    let reader = reader(&counter).await;
    let bad = || server.post("/api/2/reports").raw("text/plain", "{");
    refused(&bad().await, 401, 401, "");
    refused(&bad().basic("somebody", "secret").await, 401, 401, "");
    refused(&bad().bearer(&reader).await, 403, 1002, "");
    refused(&bad().bearer(&counter.token).await, 415, 415, "");
    let accept = counter.post("/reports").header("Accept", "text/html").json(json!({}));
    refused(&accept.await, 415, 415, "");
    let foreign = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let with = |pointer: &str, value: Value| {
        let mut body = counter.smallest();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[member] = value;
        body
    };
    let mut surprised = with("/parameters/tenant_id", json!(foreign));
    surprised["period"] = json!({});
    let mut late_and_foreign = with("/parameters/tenant_id", json!(foreign));
    late_and_foreign["parameters"]["period"] = json!({"start": "2020-03-01", "end": "2020-03-09"});
    let unknown = json!("53b471e1-50dd-4557-ae6d-f687946821d4");
    let future = json!({"start": "2020-03-01", "end": "2020-03-05"});
    for (body, status, code, info) in [
        (json!([]), 400, 400, "body: must be a JSON object"),
        (surprised, 400, 400, "period: unknown member"),
        (with("/parameters/level", json!("all")), 400, 400, "parameters.level: value not allowed"),
        (
            with("/parameters/formats", json!(["csv", "pdf"])),
            400,
            400,
            "parameters.formats[1]: value not allowed",
        ),
        (late_and_foreign, 403, 1002, ""),
        (with("/parameters/tenant_id", unknown), 404, 1005, ""),
        (with("/parameters/period", future), 400, 1027, "parameters.period"),
        (with("/result_action", json!("send")), 400, 1027, "recipients"),
    ] {
        refused(&counter.post("/reports").json(body).await, status, code, info);
    }
    refused(&counter.post("/reports").await, 400, 400, "body: required");
    desk.clock("2020-03-05T01:00:00Z");
    let token = token(desk, server, desk.partner, Role::PartnerAdmin).await;
    let early = server.post("/api/2/reports").bearer(&token).json(counter.smallest()).await;
    refused(&early, 400, 1027, "");
    assert_eq!(early.header("Retry-After"), "18000");
    desk.clock("2020-03-05T06:00:00Z");
    let token = self::token(desk, server, desk.partner, Role::PartnerAdmin).await;
    let late = server.post("/api/2/reports").bearer(&token).json(counter.smallest()).await;
    refused(&late, 500, 1000, "");
}

#[tokio::test]
async fn the_checks_of_put_and_delete_come_in_their_order() {
    let counter = Counter::at("2020-03-04T10:00:00Z").await;
    let (desk, server) = (&counter.desk, &counter.server);
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let stranger = token(desk, server, south, Role::PartnerAdmin).await;
    let reader = reader(&counter).await;
    let made = counter.post("/reports").json(counter.smallest()).await.ok();
    let path = format!("/reports/{}", made["id"].as_str().unwrap());
    let unknown = "/reports/53b471e1-50dd-4557-ae6d-f687946821d4";
    let bad = |path: &str| server.put(&format!("/api/2{path}")).raw("text/plain", "{");
    refused(&bad(&path).await, 401, 401, "");
    refused(&bad(&path).bearer(&reader).await, 403, 1002, "");
    refused(&bad(&path).bearer(&stranger).await, 403, 1002, "");
    refused(&bad(unknown).bearer(&counter.token).await, 404, 404, "");
    refused(&bad("/reports/nonsense").bearer(&counter.token).await, 404, 404, "");
    refused(&bad(&path).bearer(&counter.token).await, 415, 415, "");
    let accept = counter.put(&path).header("Accept", "text/html").json(json!({"id": 1}));
    refused(&accept.await, 415, 415, "");
    for (body, status, code, info) in [
        (json!({"surprise": 1, "result_action": "send", "version": 9}), 400, 400, "surprise: unknown member"),
        (json!({"schedule": {"type": "once"}}), 400, 400, "schedule.enabled: required"),
        (json!({"result_action": "send", "version": 9}), 400, 400, "result_action: cannot be changed"),
        (json!({"version": "9"}), 409, 1001, ""),
        (json!({"version": "1", "recipients": []}), 400, 1027, "has started"),
        (json!({}), 400, 1027, "has started"),
    ] {
        refused(&counter.put(&path).json(body).await, status, code, info);
    }
    let delete = |path: &str| server.delete(&format!("/api/2{path}"));
    refused(&delete(&path).await, 401, 401, "");
    refused(&delete(&path).bearer(&reader).await, 403, 1002, "");
    refused(&delete(&path).bearer(&stranger).await, 400, 400, "version");
    refused(&delete(&format!("{path}?version=1")).bearer(&stranger).await, 403, 1002, "");
    refused(&counter.delete(&format!("{unknown}?version=")).await, 400, 400, "version");
    refused(&counter.delete(&format!("{unknown}?version=1")).await, 404, 404, "");
    refused(&counter.delete(&format!("{path}?version=x")).await, 400, 400, "version");
    refused(&counter.delete(&format!("{path}?version=2")).await, 409, 1001, "");
    let gone = counter.delete(&format!("{path}?version=1")).await;
    assert_eq!((gone.status, gone.text().as_str()), (204, ""));
    for path in [path.clone(), format!("{path}/stored")] {
        refused(&counter.get(&path).await, 404, 404, "");
    }
    refused(&counter.put(&path).json(json!({})).await, 404, 404, "");
    refused(&counter.delete(&format!("{path}?version=1")).await, 404, 404, "");
}

#[tokio::test]
async fn neither_arrays_pass_for_objects_nor_signs_for_digits() {
    let counter = Counter::at("2020-03-04T10:00:00Z").await;
    let with = |path: &str, value: Value| {
        let mut body = counter.smallest();
        body[path] = value;
        body
    };
    let mut period = counter.smallest();
    period["parameters"]["period"] = json!(["2020-03-01", "2020-03-02"]);
    for (body, info) in [
        (period, "parameters.period: must be an object"),
        (with("schedule", json!(["once"])), "schedule: must be an object"),
        (with("parameters", json!("x")), "parameters: must be an object"),
    ] {
        refused(&counter.post("/reports").json(body).await, 400, 400, info);
    }
    let later = with("generation_date", json!("2020-03-20"));
    let made = counter.post("/reports").json(later).await.ok();
    let path = format!("/reports/{}", made["id"].as_str().unwrap());
    refused(&counter.put(&path).json(json!({"schedule": [true]})).await, 400, 400, "schedule");
    refused(&counter.put(&path).json(json!({"version": "+1"})).await, 400, 400, "version");
    refused(&counter.delete(&format!("{path}?version=%2B1")).await, 400, 400, "version");
    let excluding = "*/*;q=0.1, application/json;q=0";
    refused(&counter.put(&path).header("Accept", excluding).json(json!({})).await, 415, 415, "");
}

#[tokio::test]
async fn bulk_and_subscriptions_answer_as_published() {
    let counter = Counter::at("2020-03-04T10:00:00Z").await;
    let desk = &counter.desk;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let second = desk.user(desk.customer, "second@harbour.example").await;
    let body = |tenants: Value| {
        json!({"parameters": {"tenant_ids": tenants, "level": "itself", "kind": "usage_summary"},
            "schedule": {"type": "monthly"}, "result_action": "send", "recipients": [jdoe]})
    };
    let tenants = json!([desk.partner, desk.customer, desk.partner]);
    let made = counter.post("/reports/bulk").json(body(tenants)).await.expect(201);
    let subjects: Vec<_> = made["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|report| report["parameters"]["tenant_id"].clone())
        .collect();
    assert_eq!(subjects, [json!(desk.partner), json!(desk.customer)]);
    refused(&counter.post("/reports/bulk").json(body(json!([]))).await, 400, 400, "parameters.tenant_ids");
    let one_foreign = json!([desk.customer, desk.test.top]);
    refused(&counter.post("/reports/bulk").json(body(one_foreign)).await, 403, 1002, "");

    let id = made["items"][1]["id"].clone();
    let path = format!("/users/{second}/report-subscriptions");
    let joined = counter.post(&path).json(json!({"report_id": id})).await.expect(201);
    assert_eq!(joined["recipients"], json!([jdoe, second]));
    assert_eq!(counter.get(&path).await.ok(), json!({"items": [id]}));
    let leave = format!("{path}/{}", id.as_str().unwrap());
    assert_eq!(counter.delete(&leave).await.status, 204);
    refused(&counter.delete(&leave).await, 404, 404, "");
    let last = format!("/users/{jdoe}/report-subscriptions/{}", id.as_str().unwrap());
    refused(&counter.delete(&last).await, 400, 1027, "recipients");
    refused(&counter.get(&format!("/users/{}/report-subscriptions", desk.customer)).await, 404, 404, "");
}
