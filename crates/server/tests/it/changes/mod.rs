//! The audit log over a real socket: what it tells, in which order, and to whom.

mod large;
mod secrets;
mod sight;

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use testkit::{Server, TestApp, at};

/// An hour before midnight: a token lasts two.
const NOW: &str = "2026-05-08T22:50:00Z";

/// Whether a change is to be kept.
type Keeps<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// A partner with a customer, and another partner.
struct Scene {
    test: TestApp,
    server: Server,
    north: TenantId,
    south: TenantId,
    customer: TenantId,
    /// A token of a partner_admin of North, and its client's id.
    token: String,
    client: String,
}

async fn scene() -> Scene {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let (client, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&client, &secret).await;
    Scene { test, server, north, south, customer, token, client }
}

fn path(tenant: TenantId, query: &str) -> String {
    format!("/api/tidemark/1/tenants/{tenant}/changes?{query}")
}

fn items(page: &Value) -> Vec<Value> {
    page["items"].as_array().unwrap().clone()
}

impl Scene {
    async fn root_token(&self) -> String {
        self.server.token(&self.test.client_id, &self.test.client_secret).await
    }

    async fn token_of(&self, tenant: TenantId, role: Role) -> String {
        let (id, secret) = self.test.client(tenant, role).await;
        self.server.token(&id, &secret).await
    }

    /// Changes a tenant in the name of this token.
    async fn put(&self, token: &str, tenant: TenantId, mut change: Value) {
        let path = format!("/api/2/tenants/{tenant}");
        let now = self.server.get(&path).bearer(token).await.ok();
        change["version"] = now["version"].clone();
        self.server.put(&path).bearer(token).json(change).await.ok();
    }

    /// A new user.
    async fn user(&self, token: &str, tenant: TenantId, login: &str) -> String {
        let body = json!({"tenant_id": tenant, "login": login, "contact": {"email": "x@example.com"}});
        let made = self.server.post("/api/2/users").bearer(token).json(body).await.ok();
        made["id"].as_str().unwrap().to_owned()
    }

    async fn page(&self, token: &str, tenant: TenantId, query: &str) -> Value {
        self.server.get(&path(tenant, query)).bearer(token).await.ok()
    }

    /// Every change that matches, page by page.
    async fn all(&self, token: &str, tenant: TenantId, query: &str, limit: usize) -> Vec<Value> {
        let mut page = self.page(token, tenant, &format!("{query}&limit={limit}")).await;
        let mut all = items(&page);
        while let Some(after) = page["after"].as_str() {
            page = self.page(token, tenant, &format!("after={after}&limit={limit}")).await;
            assert!(items(&page).len() <= limit);
            all.extend(items(&page));
        }
        all
    }
}

#[tokio::test]
async fn a_change_says_when_who_what_and_what_it_was() {
    let scene = scene().await;
    scene.test.user(scene.north, "ann@north.example", "Correct horse 1", Role::PartnerAdmin).await;
    scene.test.clock.set(at("2026-05-09T00:10:00Z"));
    scene.put(&scene.token, scene.customer, json!({"name": "Harbour Ltd"})).await;
    let tenant = format!("/api/2/tenants/{}", scene.customer);
    let change = json!({"version": 2, "customer_id": "H-17", "parent_id": scene.south});
    let refused = scene.server.put(&tenant).bearer(&scene.token).json(change).await;
    assert_eq!(refused.status, 403, "what is refused is not logged");
    let by_ann = scene.server.put(&tenant).basic("ann@north.example", "Correct horse 1");
    by_ann.json(json!({"version": 2, "customer_id": "H-17"})).await.ok();
    let told = scene.all(&scene.token, scene.customer, "object=tenant", 100).await;
    let [second, first, made @ ..] = &told[..] else { panic!("{told:#?}") };
    let client = json!({"type": "client", "id": scene.client, "name": "First client"});
    let id = scene.customer.to_string();
    assert_eq!(
        first,
        &json!({"seq": first["seq"], "recorded_at": "2026-05-09T00:10:00Z", "actor": client, "reason": null,
            "tenant_id": id, "object": "tenant", "object_id": id, "field": "name", "old": "Harbour", "new": "Harbour Ltd",
            "valid_from": "2026-05-09"})
    );
    assert_eq!(second["actor"]["type"], "user");
    assert_eq!(second["actor"]["name"], "ann@north.example");
    assert_eq!(
        (&second["field"], &second["old"], &second["new"]),
        (&json!("customer_id"), &Value::Null, &json!("H-17"))
    );
    assert!(second["seq"].as_i64() > first["seq"].as_i64());
    let parent = made.iter().find(|change| change["field"] == "parent").unwrap();
    assert_eq!((&parent["old"], &parent["new"]), (&Value::Null, &json!(scene.north)), "an id, not a number");
    assert_eq!(parent["valid_from"], Value::Null, "the first version reaches back for ever");
    assert_eq!(parent["actor"], json!({"type": "system", "id": null, "name": null}));
}

#[tokio::test]
async fn pages_of_any_size_tell_every_change_once_newest_first() {
    let scene = scene().await;
    for n in 0..5 {
        scene.test.clock.set(at(&format!("2026-05-08T23:0{n}:00Z")));
        scene.put(&scene.token, scene.customer, json!({"name": format!("Harbour {n}")})).await;
    }
    let whole = scene.all(&scene.token, scene.north, "", 1000).await;
    assert!(whole.len() > 20, "{}", whole.len());
    let seqs: Vec<i64> = whole.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|later, earlier| later >= earlier), "{seqs:?}");
    for limit in [1, 7] {
        assert_eq!(scene.all(&scene.token, scene.north, "", limit).await, whole);
    }
    // What is changed meanwhile does not come between.
    let first = scene.page(&scene.token, scene.north, "limit=10").await;
    scene.put(&scene.token, scene.customer, json!({"name": "Harbour at last"})).await;
    let after = first["after"].as_str().unwrap();
    let rest = scene.page(&scene.token, scene.north, &format!("after={after}&limit=1000")).await;
    assert_eq!([items(&first), items(&rest)].concat(), whole);
}

#[tokio::test]
async fn a_filter_keeps_what_matches_it_and_nothing_else() {
    let scene = scene().await;
    scene.test.clock.set(at("2026-05-08T23:59:59Z"));
    scene.put(&scene.token, scene.customer, json!({"name": "Harbour Ltd"})).await;
    scene.test.clock.set(at("2026-05-09T00:00:00Z"));
    let user = scene.user(&scene.token, scene.customer, "bob").await;
    let whole = scene.all(&scene.token, scene.north, "", 1000).await;
    let (client, customer) = (scene.client.clone(), scene.customer.to_string());
    let at_or_after = |moment: &'static str| -> Keeps<'_> {
        Box::new(move |change: &Value| change["recorded_at"].as_str().unwrap() >= moment)
    };
    let before = |moment: &'static str| -> Keeps<'_> {
        Box::new(move |change: &Value| change["recorded_at"].as_str().unwrap() < moment)
    };
    let cases: Vec<(String, Keeps<'_>)> = vec![
        ("object=user".to_owned(), Box::new(|change| change["object"] == "user")),
        (format!("object_id={}", user.to_uppercase()), Box::new(|change| change["object_id"] == *user)),
        (format!("object_id={customer}"), Box::new(|change| change["object_id"] == *customer)),
        ("field=name".to_owned(), Box::new(|change| change["field"] == "name")),
        (format!("actor={client}"), Box::new(|change| change["actor"]["id"] == *client)),
        ("actor=system".to_owned(), Box::new(|change| change["actor"]["type"] == "system")),
        ("from=2026-05-09".to_owned(), at_or_after("2026-05-09T00:00:00Z")),
        ("from=2026-05-08T23:59:59Z".to_owned(), at_or_after("2026-05-08T23:59:59Z")),
        ("to=2026-05-08".to_owned(), before("2026-05-09T00:00:00Z")),
        ("to=2026-05-08T23:59:59Z".to_owned(), before("2026-05-08T23:59:59Z")),
        (
            "object=tenant&field=name&from=2026-05-08T23:00:00Z&to=2026-05-08".to_owned(),
            Box::new(|change| change["new"] == "Harbour Ltd"),
        ),
    ];
    for (query, keeps) in cases {
        let kept: Vec<Value> = whole.iter().filter(|change| keeps(change)).cloned().collect();
        assert!(!kept.is_empty() && kept.len() < whole.len(), "{query} must tell something apart");
        assert_eq!(scene.all(&scene.token, scene.north, &query, 4).await, kept, "{query}");
    }
    assert_eq!(scene.all(&scene.token, scene.north, "field=nonsense", 4).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_is_no_question_is_refused_by_name() {
    let scene = scene().await;
    let first = scene.page(&scene.token, scene.north, "limit=1").await;
    let after = first["after"].as_str().unwrap().to_owned();
    for (query, named) in [
        ("object=nonsense".to_owned(), "object"),
        ("actor=ann".to_owned(), "actor"),
        ("from=yesterday".to_owned(), "from"),
        ("to=2026-13-01".to_owned(), "to"),
        ("from=2026-05-09&to=2026-05-08".to_owned(), "to"),
        ("limit=0".to_owned(), "limit"),
        ("limit=1001".to_owned(), "limit"),
        ("limit=ten".to_owned(), "limit"),
        ("feild=name".to_owned(), "feild"),
        ("after=nonsense".to_owned(), "after"),
        (format!("after={}", &after[1..]), "after"),
        (format!("after={after}&field=name"), "field"),
    ] {
        let answer = scene.server.get(&path(scene.north, &query)).bearer(&scene.token).await;
        let info = answer.expect(400)["error"]["details"]["info"].as_str().unwrap().to_owned();
        assert!(info.starts_with(named), "{query}: {info}");
    }
    let elsewhere = scene.server.get(&path(scene.customer, &format!("after={after}"))).bearer(&scene.token);
    let said = elsewhere.await.expect(400).to_string();
    assert!(said.contains("no cursor of this list"), "{said}");
    let repeated = scene.page(&scene.token, scene.north, "after=&limit=1").await;
    assert_eq!(repeated["items"], first["items"], "an empty cursor counts as absent");
}
