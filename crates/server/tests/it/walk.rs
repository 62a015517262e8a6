//! The walk of the published page over HTTP: its request bodies as they are printed, answers compared member by member.

use app::Ids;
use app::ids::Noun;
use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Answer, Server, TestApp, at};
use ureq::http::Method;
use uuid::{Uuid, uuid};

const PARTNER: Uuid = uuid!("ede9f834-70b3-476c-83d9-736f9f8c7dae");
const USER: Uuid = uuid!("ca451758-b48a-45d9-9ae6-8f1059f67619");
const REPORT: Uuid = uuid!("20dffb36-d77b-45c6-b2fa-39276e98d5fc");

/// The body of the published PUT (reports-api, 5.3).
const PUBLISHED_PUT: &str = r#"{"recipients":["ca451758-b48a-45d9-9ae6-8f1059f67619"],"parameters":{"kind":"usage_current","level":"direct_partners"}}"#;
/// Its answer, with the version that follows from the published schema: 1 at creation, 2 after the first PUT.
const PUBLISHED_ANSWER: &str = r#"{"generation_date":"2017-05-08","id":"20dffb36-d77b-45c6-b2fa-39276e98d5fc","parameters":{"formats":["csv","html"],"kind":"usage_current","level":"direct_partners","period":{"end":"2017-05-07","start":"2017-05-01"},"tenant_id":"ede9f834-70b3-476c-83d9-736f9f8c7dae"},"recipients":["ca451758-b48a-45d9-9ae6-8f1059f67619"],"result_action":"send","schedule":{"enabled":true,"type":"once"},"version":2}"#;
/// A mailed report (reports-api, 3.5), due on the day of the published answer.
const MAILED: &str = r#"{"parameters":{"kind":"usage_summary","tenant_id":"ede9f834-70b3-476c-83d9-736f9f8c7dae","level":"accounts","period":{"start":"2017-05-01","end":"2017-05-07"},"formats":["csv","html"]},"schedule":{"type":"once"},"result_action":"send","recipients":["ca451758-b48a-45d9-9ae6-8f1059f67619"],"generation_date":"2017-05-08"}"#;
const SMALLEST: &str = r#"{"parameters":{"tenant_id":"53b471e1-50dd-4557-ae6d-f687946821d4","level":"accounts","kind":"usage_current"},"schedule":{"type":"once"},"result_action":"save"}"#;
const BILLING: &str = r#"{"parameters":{"kind":"usage_summary","tenant_id":"ede9f834-70b3-476c-83d9-736f9f8c7dae","level":"direct_partners","period":{"start":"2017-05-01","end":"2017-05-07"},"formats":["csv_v2_0","json_v2_0"],"hide_zero_usage":true,"show_skus":true},"schedule":{"type":"once"},"result_action":"save"}"#;

/// A server with the partner and the user of the published page.
struct Page {
    test: TestApp,
    server: Server,
    token: String,
}

impl Page {
    async fn at(now: &str) -> Self {
        let test = TestApp::at(now).await;
        let ids: &Ids = &test.app.ids;
        ids.preset(Noun::Tenant, PARTNER);
        test.tenant(test.top, TenantKind::Partner, "North Partner").await;
        ids.preset(Noun::Report, REPORT);
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        test.app.ids.preset(Noun::User, USER);
        let page = Self { test, server, token };
        let user = json!({"tenant_id": PARTNER, "login": "ann@north.example", "contact": {"email": "ann@north.example"}});
        page.ask(Method::POST, "/users", Some(&user.to_string())).await.ok();
        page
    }

    /// Lets the clock show another instant, do what is due, and signs in again: tokens run out.
    async fn move_on_to(&mut self, now: &str) {
        self.test.clock.set(at(now));
        app::jobs::drain(&self.test.app).await.unwrap();
        self.token = self.server.token(&self.test.client_id, &self.test.client_secret).await;
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&str>) -> Answer {
        let call = self.server.call(method, &format!("/api/2{path}")).bearer(&self.token);
        match body {
            Some(body) => call.raw("application/json", body).await,
            None => call.await,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    async fn post(&self, body: &str) -> Answer {
        self.ask(Method::POST, "/reports", Some(body)).await
    }

    async fn put(&self, body: &str) -> Answer {
        self.ask(Method::PUT, &format!("/reports/{REPORT}"), Some(body)).await
    }
}

/// A token of a client with this role on this tenant.
async fn token(test: &TestApp, server: &Server, tenant: TenantId, role: Role) -> String {
    let (id, secret) = test.client(tenant, role).await;
    server.token(&id, &secret).await
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The published answer at a later version.
fn published_answer(version: u32) -> Value {
    let mut answer = parsed(PUBLISHED_ANSWER);
    answer["version"] = json!(version);
    answer
}

/// A refusal of this form, naming this.
#[track_caller]
fn refused(answer: &Answer, status: u16, code: &Value, named: &str) {
    let error = &answer.expect(status)["error"];
    assert_eq!(&error["code"], code, "{error}");
    assert_eq!(error["domain"], "PlatformAccountServer");
    assert!(error["message"].is_string() && error["context"].is_object(), "{error}");
    assert!(error["details"]["info"].as_str().unwrap_or("").contains(named), "{named} in {error}");
    assert_eq!(answer.header("Content-Type"), "application/json; charset=utf-8");
    assert!(!answer.text().contains('\n'));
}

#[tokio::test]
async fn the_published_page_is_walked_to_its_mail() {
    let mut page = Page::at("2017-05-07T12:00:00Z").await;
    let created = page.post(MAILED).await.ok();
    let expected = json!({"id": REPORT, "version": 1, "result_action": "send", "recipients": [USER],
        "parameters": {"tenant_id": PARTNER, "level": "accounts", "kind": "usage_summary", "formats": ["csv", "html"],
            "period": {"start": "2017-05-01", "end": "2017-05-07"}},
        "schedule": {"type": "once", "enabled": true}, "generation_date": "2017-05-08"});
    assert_eq!(created, expected);
    let path = format!("/reports/{REPORT}");
    assert_eq!(page.get(&path).await.ok(), expected);

    let answer = page.put(PUBLISHED_PUT).await;
    assert_eq!(answer.header("Content-Type"), "application/json; charset=utf-8");
    assert_eq!(answer.ok(), parsed(PUBLISHED_ANSWER));
    assert_eq!(page.get(&path).await.ok(), parsed(PUBLISHED_ANSWER));
    assert_eq!(page.get(&format!("/tenants/{PARTNER}/reports")).await.ok(), json!({"items": [REPORT]}));

    page.move_on_to("2017-05-08T00:00:01Z").await;
    let mails: Vec<_> = std::fs::read_dir(page.test.directory.path().join("mail")).unwrap().collect();
    assert_eq!(mails.len(), 1);
    assert_eq!(page.get(&format!("{path}/stored")).await.ok(), json!({"items": []}));
    refused(&page.put(PUBLISHED_PUT).await, 400, &json!(1027), "");
    let after = page.get(&path).await.ok();
    assert_eq!(
        after,
        parsed(PUBLISHED_ANSWER),
        "a refused PUT changes nothing, generation does not touch the version"
    );

    assert_eq!(page.ask(Method::DELETE, &format!("{path}?version=2"), None).await.status, 204);
    for gone in [path.clone(), format!("{path}/stored")] {
        refused(&page.get(&gone).await, 404, &json!(404), "");
    }
    refused(&page.put(PUBLISHED_PUT).await, 404, &json!(404), "");
    assert_eq!(page.get(&format!("/tenants/{PARTNER}/reports")).await.ok(), json!({"items": []}));
}

#[tokio::test]
async fn the_published_put_is_taken_in_every_published_shape() {
    let page = Page::at("2017-05-07T12:00:00Z").await;
    page.post(MAILED).await.ok();
    let mut version = 1;
    let path = format!("/api/2/reports/{REPORT}");
    let upper = format!("/api/2/reports/{}", REPORT.to_string().to_uppercase());
    let upper_body = PUBLISHED_PUT.replace(&USER.to_string(), &USER.to_string().to_uppercase());
    for (path, content_type, body) in [
        (format!("{path}/"), Some("application/json"), PUBLISHED_PUT),
        (upper, Some("application/json; charset=utf-8"), upper_body.as_str()),
        (path.clone(), None, PUBLISHED_PUT),
        (path.clone(), None, r#"{"schedule":{"enabled":"true"}}"#),
        (path.clone(), None, "{}"),
    ] {
        version += 1;
        let answer = call(&page, Method::PUT, &path, content_type, body).await;
        assert_eq!(answer.ok(), published_answer(version), "{path} {body}");
    }
    // The whole object as it was fetched, also with its version as a text.
    for version_sent in [json!(version), json!((version + 1).to_string())] {
        let mut whole = page.get(&format!("/reports/{REPORT}")).await.ok();
        whole["version"] = version_sent;
        version += 1;
        assert_eq!(page.put(&whole.to_string()).await.ok(), published_answer(version));
    }
    let flags = r#"{"recipients":["ca451758-b48a-45d9-9ae6-8f1059f67619"],"parameters":{"kind":"usage_current","level":"direct_partners","hide_zero_usage":true,"show_skus":false}}"#;
    let strings = flags.replace(":true", r#":"true""#).replace(":false", r#":"false""#);
    for body in [flags, &strings] {
        version += 1;
        let mut expected = published_answer(version);
        expected["parameters"]["hide_zero_usage"] = json!(true);
        expected["parameters"]["show_skus"] = json!(false);
        assert_eq!(page.put(body).await.ok(), expected);
    }
}

fn call(page: &Page, method: Method, path: &str, content_type: Option<&str>, body: &str) -> testkit::Call {
    let call = page.server.call(method, path).bearer(&page.token);
    match content_type {
        Some(content_type) => call.raw(content_type, body),
        None => call.untyped(body),
    }
}

#[tokio::test]
async fn a_put_that_may_not_be_says_why() {
    let page = Page::at("2017-05-07T12:00:00Z").await;
    let created = page.post(MAILED).await.ok();
    for (body, status, code, named) in [
        (r#"{"parameters":{"formats":["json_v1"]}}"#, 400, json!(400), "parameters.formats"),
        (
            r#"{"parameters":{"period":{"start":"2017-05-02","end":"2017-05-07"}}}"#,
            400,
            json!(400),
            "parameters.period",
        ),
        (
            r#"{"parameters":{"tenant_id":"00000000-0000-0000-0000-000000000001"}}"#,
            400,
            json!(400),
            "parameters.tenant_id",
        ),
        (r#"{"schedule":{"type":"monthly","enabled":true}}"#, 400, json!(400), "schedule.type"),
        (r#"{"schedule":{}}"#, 400, json!(400), "schedule.enabled"),
        (r#"{"result_action":"save"}"#, 400, json!(400), "result_action"),
        (r#"{"generation_date":"2017-05-09"}"#, 400, json!(400), "generation_date"),
        (r#"{"id":"00000000-0000-0000-0000-000000000001"}"#, 400, json!(400), "id"),
        (r#"{"period":{"start":"2017-05-01","end":"2017-05-07"}}"#, 400, json!(400), "period"),
        (r#"{"parameters":{"level":"everybody"}}"#, 400, json!(400), "parameters.level"),
        (r#"{"parameters":{"kind":7}}"#, 400, json!(400), "parameters.kind"),
        (r#"{"recipients":[]}"#, 400, json!(1027), "recipients"),
        (
            r#"{"recipients":["00000000-0000-0000-0000-000000000001"]}"#,
            400,
            json!(1027),
            "00000000-0000-0000-0000-000000000001",
        ),
        (r#"{"colour":null}"#, 400, json!(400), "colour"),
        (r#"{"version":7}"#, 409, json!(1001), ""),
        (r#"{"version":"#, 400, json!(400), ""),
        ("[]", 400, json!(400), ""),
        ("", 400, json!(400), ""),
    ] {
        refused(&page.put(body).await, status, &code, named);
    }
    assert_eq!(page.get(&format!("/reports/{REPORT}")).await.ok(), created, "nothing has changed");
    let reordered =
        r#"{"parameters":{"formats":["html","csv"],"colour":"blue"},"generation_date":"2017-05-08"}"#;
    assert_eq!(page.put(reordered).await.ok()["version"], 2, "equal in meaning");
}

#[tokio::test]
async fn the_published_bodies_of_post_get_their_published_answers() {
    let page = Page::at("2026-05-08T10:00:00Z").await;
    let expected = parsed(
        r#"{"id":"20dffb36-d77b-45c6-b2fa-39276e98d5fc","version":1,"result_action":"save","recipients":[],"parameters":{"tenant_id":"ede9f834-70b3-476c-83d9-736f9f8c7dae","level":"direct_partners","kind":"usage_summary","formats":["csv_v2_0","json_v2_0"],"period":{"start":"2017-05-01","end":"2017-05-07"},"hide_zero_usage":true,"show_skus":true},"schedule":{"type":"once","enabled":true},"generation_date":"2026-05-08"}"#,
    );
    assert_eq!(page.post(BILLING).await.ok(), expected);
    let stored = page.get(&format!("/reports/{REPORT}/stored")).await.ok();
    let formats: Vec<_> =
        stored["items"].as_array().unwrap().iter().map(|item| &item["report_format"]).collect();
    assert_eq!(formats, ["csv_v2_0", "json_v2_0"], "listed from the very first answer on");
    for item in stored["items"].as_array().unwrap() {
        assert_eq!(item["status"], "in_progress");
        assert_eq!(item["created_at"], "2026-05-08T10:00:00+00:00");
        assert_eq!(item.get("size"), None);
    }
    let strings = BILLING.replace(":true", r#":"true""#);
    let answer = page.post(&strings).await.ok();
    assert_eq!(answer["parameters"], expected["parameters"], "booleans as texts");
    refused(&page.put("{}").await, 400, &json!(1027), "");
}

#[tokio::test]
async fn the_smallest_body_gets_the_observed_defaults() {
    let page = Page::at("2020-03-04T10:58:53Z").await;
    let subject = uuid!("53b471e1-50dd-4557-ae6d-f687946821d4");
    page.test.app.ids.preset(Noun::Tenant, subject);
    page.test.tenant(page.test.top, TenantKind::Partner, "Another partner").await;
    let mut expected = parsed(
        r#"{"schedule":{"type":"once","enabled":true},"id":"20dffb36-d77b-45c6-b2fa-39276e98d5fc","recipients":[],"version":1,"generation_date":"2020-03-04","parameters":{"kind":"usage_current","period":{"start":"2020-03-01","end":"2020-03-03"},"tenant_id":"53b471e1-50dd-4557-ae6d-f687946821d4","formats":["csv_v2_0"],"level":"accounts"},"result_action":"save"}"#,
    );
    assert_eq!(page.post(SMALLEST).await.ok(), expected);
    let other_shapes = [
        SMALLEST.replace(r#""result_action""#, r#""recipients":[],"result_action""#),
        SMALLEST.replace(r#""kind""#, r#""formats":["csv_v2_0"],"kind""#),
        SMALLEST.replace(&subject.to_string(), &subject.to_string().to_uppercase()),
    ];
    for (shape, path) in other_shapes.iter().zip(["/api/2/reports", "/api/2/reports/", "/api/2/reports?x"]) {
        let answer = call(&page, Method::POST, path, None, shape).await.ok();
        expected["id"] = answer["id"].clone();
        assert_eq!(answer, expected, "{shape}");
    }
    let listed = page.get(&format!("/tenants/{subject}/reports/")).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 4);
    assert_eq!(listed["items"][0], json!(REPORT), "oldest first");
}

#[tokio::test]
async fn a_monthly_report_is_changed_switched_off_and_on() {
    let mut page = Page::at("2017-05-07T12:00:00Z").await;
    let body = MAILED.replace("once", "monthly");
    let mut expected = page.post(&body).await.ok();
    assert_eq!(expected["generation_date"], "2017-06-01");
    assert_eq!(expected["parameters"]["period"], json!({"start": "2017-05-01", "end": "2017-05-31"}));
    assert_eq!(expected["schedule"], json!({"type": "monthly", "enabled": true}));
    assert_eq!(expected["version"], 1);

    expected["version"] = json!(2);
    expected["parameters"]["kind"] = json!("usage_current");
    expected["parameters"]["level"] = json!("direct_partners");
    assert_eq!(page.put(PUBLISHED_PUT).await.ok(), expected);
    for (version, enabled) in [(3, false), (4, true)] {
        expected["version"] = json!(version);
        expected["schedule"]["enabled"] = json!(enabled);
        let body = format!(r#"{{"schedule":{{"enabled":{enabled}}}}}"#);
        assert_eq!(page.put(&body).await.ok(), expected);
    }
    // Also after a run, with the object as it was fetched then.
    page.move_on_to("2017-06-03T00:00:01Z").await;
    let fetched = page.get(&format!("/reports/{REPORT}")).await.ok();
    assert_eq!(fetched["version"], 4, "generation leaves the version");
    assert_eq!(fetched["generation_date"], "2017-07-01");
    assert_eq!(fetched["parameters"]["period"], json!({"start": "2017-06-01", "end": "2017-06-30"}));
    assert_eq!(page.put(&fetched.to_string()).await.ok()["version"], 5);
}

#[tokio::test]
async fn who_asks_and_in_which_form_is_checked_first() {
    let page = Page::at("2017-05-07T12:00:00Z").await;
    page.post(MAILED).await.ok();
    let path = format!("/api/2/reports/{REPORT}");
    let put = || page.server.put(&path);
    let anonymous = put().raw("application/json", PUBLISHED_PUT).await;
    refused(&anonymous, 401, &json!(401), "");
    assert!(anonymous.header("WWW-Authenticate").starts_with("Bearer"));
    let forged = put().bearer("eyJhbGciOiJub25lIn0.e30.").raw("application/json", PUBLISHED_PUT).await;
    refused(&forged, 401, &json!(401), "");
    page.test.user(TenantId(PARTNER), "operator", "a long password", Role::PartnerAdmin).await;
    let basic = put().basic("operator", "a long password").raw("application/json", PUBLISHED_PUT).await;
    refused(&basic, 401, &json!(401), "");
    let reader = token(&page.test, &page.server, TenantId(PARTNER), Role::ReadonlyAdmin).await;
    page.server.get(&path).bearer(&reader).await.ok();
    refused(&put().bearer(&reader).raw("application/json", PUBLISHED_PUT).await, 403, &json!(1002), "");
    let deleted = page.server.delete(&format!("{path}?version=1")).bearer(&reader).await;
    refused(&deleted, 403, &json!(1002), "");

    for content_type in ["text/plain", "application/xml", "application/x-www-form-urlencoded"] {
        let answer = put().bearer(&page.token).raw(content_type, PUBLISHED_PUT).await;
        refused(&answer, 415, &json!(415), "");
    }
    let html =
        put().bearer(&page.token).header("Accept", "text/html").raw("application/json", PUBLISHED_PUT).await;
    refused(&html, 415, &json!(415), "");

    let unknown = "/reports/00000000-0000-0000-0000-000000000001";
    for path in [unknown, "/reports/not-a-uuid", "/reports/20dffb36d77b45c6b2fa39276e98d5fc"] {
        refused(&page.get(path).await, 404, &json!(404), "");
        refused(&page.ask(Method::PUT, path, Some("{}")).await, 404, &json!(404), "");
    }
    let patched = page.ask(Method::PATCH, &format!("/reports/{REPORT}"), Some("{}")).await;
    refused(&patched, 405, &json!(405), "");
    assert!(patched.header("Allow").contains("PUT"), "{}", patched.header("Allow"));
}

#[tokio::test]
async fn a_foreign_partner_may_neither_see_nor_change_it() {
    let page = Page::at("2017-05-07T12:00:00Z").await;
    page.post(MAILED).await.ok();
    let south = page.test.tenant(page.test.top, TenantKind::Partner, "South Partner").await;
    let token = token(&page.test, &page.server, south, Role::PartnerAdmin).await;
    let path = format!("/api/2/reports/{REPORT}");
    let answers = [
        page.server.get(&path).bearer(&token).await,
        page.server.get(&format!("{path}/stored")).bearer(&token).await,
        page.server.put(&path).bearer(&token).raw("application/json", PUBLISHED_PUT).await,
        page.server.delete(&format!("{path}?version=1")).bearer(&token).await,
        page.server.post("/api/2/reports").bearer(&token).raw("application/json", MAILED).await,
        page.server.get(&format!("/api/2/tenants/{PARTNER}/reports")).bearer(&token).await,
    ];
    for answer in answers {
        refused(&answer, 403, &json!(1002), "");
    }
}

#[tokio::test]
async fn a_delete_needs_the_current_version() {
    let page = Page::at("2017-05-07T12:00:00Z").await;
    page.post(MAILED).await.ok();
    page.put("{}").await.ok();
    let delete =
        async |query: &str| page.ask(Method::DELETE, &format!("/reports/{REPORT}{query}"), None).await;
    for query in ["", "?version=", "?version", "?version=two", "?Version=2"] {
        refused(&delete(query).await, 400, &json!(400), "version");
    }
    refused(&delete("?version=1").await, 409, &json!(1001), "");
    refused(&delete("?version=1778237933000").await, 409, &json!(1001), "");
    let gone = delete("?version=2").await;
    assert_eq!((gone.status, gone.body.len(), gone.header("Content-Type")), (204, 0, ""));
    refused(&delete("?version=2").await, 404, &json!(404), "");
}
