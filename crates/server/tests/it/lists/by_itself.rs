//! What comes to pass by itself, and what other calls change of an object, is new to whoever synchronises.

use domain::tenant::TenantKind::{Customer, Partner, Unit};

use super::*;

impl Scene {
    /// Sets the clock, and does what is due then.
    async fn pass(&self, time: &str) {
        self.test.clock.set(testkit::at(time));
        app::jobs::drain(&self.test.app).await.unwrap();
    }

    /// The same days later, when a new token is needed.
    async fn pass_days(&mut self, time: &str) {
        self.pass(time).await;
        self.token = self.server.token(&self.test.client_id, &self.test.client_secret).await;
    }

    /// The timestamp of a list of tenants or users below the top.
    async fn moment(&self, list: &str) -> String {
        text(&self.get(&format!("{list}={}&limit=1", self.test.top)).await, "timestamp")
    }

    /// What has changed since then: an id and one member of each.
    async fn news(&self, list: &str, since: &str, member: &str) -> BTreeSet<(String, String)> {
        let path = format!("{list}={}&updated_since={since}", self.test.top);
        let items = self.all(&self.token, &path).await;
        items.iter().map(|item| (text(item, "id"), item[member].to_string())).collect()
    }
}

const TENANTS: &str = "tenants?subtree_root_id";
const USERS: &str = "users?subtree_root_tenant_id";

fn told(ids: &[&dyn std::fmt::Display], value: &str) -> BTreeSet<(String, String)> {
    ids.iter().map(|id| (id.to_string(), value.to_owned())).collect()
}

#[tokio::test]
async fn a_switch_by_hand_and_the_end_of_a_trial_are_changes_of_customer_and_units() {
    let mut scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let [harbour, vineyard] = [
        scene.test.tenant(north, Customer, "harbour").await,
        scene.test.tenant(north, Customer, "vineyard").await,
    ];
    let quay = scene.test.tenant(harbour, Unit, "quay").await;
    scene.test.tenant(vineyard, Unit, "cellar").await;
    scene.pass_days("2026-05-09T10:00:00Z").await;

    let before = scene.moment(TENANTS).await;
    let version = scene.get(&format!("tenants/{harbour}")).await["version"].clone();
    let pricing = scene.get(&format!("tenants/{vineyard}/pricing")).await;
    let path = format!("/api/2/tenants/{vineyard}/pricing");
    let currency = json!({"version": pricing["version"], "currency": "EUR"});
    let pricing = scene.server.put(&path).bearer(&scene.token).json(currency).await.ok();
    assert!(scene.news(TENANTS, &before, "name").await.is_empty(), "the object shows no currency");
    let switch = json!({"version": pricing["version"], "mode": "production"});
    scene.server.put(&path).bearer(&scene.token).json(switch).await.ok();
    let news = scene.news(TENANTS, &before, "name").await;
    let names: Vec<&str> = news.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(BTreeSet::from_iter(names), BTreeSet::from(["\"cellar\"", "\"vineyard\""]));
    let modes = scene.news(TENANTS, &before, "pricing_mode").await;
    assert!(modes.iter().all(|(_, mode)| mode == "\"production\""), "{modes:?}");

    // A month after it was made, to the second; vineyard's trial has ended before.
    scene.pass_days("2026-06-08T10:58:52Z").await;
    let before = scene.moment(TENANTS).await;
    scene.pass("2026-06-08T10:58:53Z").await;
    let news = scene.news(TENANTS, &before, "pricing_mode").await;
    assert_eq!(news, told(&[&harbour, &quay], "\"production\""));
    assert_eq!(scene.get(&format!("tenants/{harbour}")).await["version"], version, "versions stay");
    let before = scene.moment(TENANTS).await;
    scene.pass_days("2026-07-08T10:58:53Z").await;
    assert!(scene.news(TENANTS, &before, "name").await.is_empty(), "once");
}

#[tokio::test]
async fn a_user_whose_time_is_over_is_disabled_and_new() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let body = |login: &str, end: Value| {
        json!({"tenant_id": north, "login": login, "disable_after": end,
            "contact": {"email": format!("{login}@x.example")}})
    };
    for past in ["2026-05-08T10:58:53Z", "0001-01-01T00:00:00Z"] {
        let late = scene.user_with(body(&format!("late-{}", &past[..4]), json!(past))).await;
        assert_eq!((&late["enabled"], &late["disable_after"]), (&json!(false), &json!(past)));
    }
    let anna = scene.user_with(body("anna", json!("2026-05-08T12:00:00Z"))).await;
    scene.user_with(body("ben", json!("2026-05-08T13:00:00Z"))).await;
    scene.pass("2026-05-08T11:59:59Z").await;
    let before = scene.moment(USERS).await;
    assert!(scene.news(USERS, &before, "enabled").await.is_empty());
    scene.pass("2026-05-08T12:00:00Z").await;
    assert_eq!(scene.news(USERS, &before, "enabled").await, told(&[&text(&anna, "id")], "false"));
    let path = format!("users/{}", text(&anna, "id"));
    let now = scene.get(&path).await;
    assert_eq!((&now["enabled"], &now["version"]), (&json!(false), &json!(2)));

    let put = async |change: Value| {
        scene.server.put(&format!("/api/2/{path}")).bearer(&scene.token).json(change).await
    };
    assert_eq!(put(json!({"version": 2, "enabled": true})).await.expect(400)["error"]["code"], 1027);
    assert_eq!(scene.get(&path).await, now, "nothing changed");
    let sent_back = put(now.clone()).await.ok();
    assert_eq!((&sent_back["enabled"], &sent_back["disable_after"]), (&json!(false), &now["disable_after"]));
    let again = put(json!({"version": 3, "enabled": true, "disable_after": null})).await.ok();
    assert_eq!(again["enabled"], true);
    scene.pass("2026-05-08T12:30:00Z").await;
    assert_eq!(scene.get(&path).await["enabled"], true);
    let over = put(json!({"version": 4, "disable_after": "2026-05-08T11:00:00Z"})).await.ok();
    assert_eq!((&over["enabled"], &over["version"]), (&json!(false), &json!(5)), "at once");
}

#[tokio::test]
async fn policies_second_factors_and_brands_are_changes_of_those_who_show_them() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let harbour = scene.test.tenant(north, Customer, "harbour").await;
    let anna = text(&scene.user(north, "anna").await, "id");
    let put = async |path: String, body: Value| {
        scene.server.put(&format!("/api/2/{path}")).bearer(&scene.token).json(body).await.ok()
    };
    scene.pass("2026-05-08T11:00:00Z").await;
    let before = scene.moment(USERS).await;
    let policy = json!({"items": [{"tenant_id": north, "role_id": "readonly_admin"}]});
    put(format!("users/{anna}/access_policies"), policy).await;
    assert_eq!(scene.news(USERS, &before, "login").await, told(&[&anna], "\"anna\""));

    scene.pass("2026-05-08T11:10:00Z").await;
    let before = scene.moment(USERS).await;
    put(format!("tenants/{north}/mfa/status"), json!({"enabled": true})).await;
    assert_eq!(scene.news(USERS, &before, "mfa_status").await, told(&[&anna], "\"setup_required\""));

    for (minute, method, brand_is_new) in [(20, "POST", true), (30, "PUT", false), (40, "DELETE", true)] {
        scene.pass(&format!("2026-05-08T11:{minute}:00Z")).await;
        let before = scene.moment(TENANTS).await;
        let version = scene.get(&format!("tenants/{north}")).await["version"].clone();
        let path = format!("/api/2/tenants/{north}/brand?version={version}");
        let call = scene.server.call(method.parse().unwrap(), &path).bearer(&scene.token);
        let answer =
            if method == "DELETE" { call.await } else { call.json(json!({"color": "#112233"})).await };
        assert!(answer.status < 300, "{}", answer.text());
        let news = scene.news(TENANTS, &before, "id").await;
        let names: BTreeSet<String> = news.into_iter().map(|(id, _)| id).collect();
        let all = BTreeSet::from([north.to_string(), harbour.to_string()]);
        let own = BTreeSet::from([north.to_string()]);
        assert_eq!(names, if brand_is_new { all } else { own }, "{method}");
    }
}

#[tokio::test]
async fn an_enabled_tenant_that_is_to_be_deleted_is_named() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let path = format!("/api/2/tenants/{north}?version=1");
    let refused = scene.server.delete(&path).bearer(&scene.token).await.expect(400);
    let no = scene.test.no(north).await.0.to_string();
    let error = &refused["error"];
    assert_eq!((&error["code"], &error["context"]), (&json!(1006), &json!({"id": no})));
    assert_eq!(
        error["details"],
        json!({"info": format!("Tenant {no} is enabled"), "addition": [{"id": no}]})
    );
    for (path, field) in [
        (format!("tenants/{north}/applications?for_ui=maybe"), "for_ui"),
        (format!("tenants/{north}/offering_items?available_only=2"), "available_only"),
        (format!("tenants/{north}/offering_items?include_secondary=no"), "include_secondary"),
    ] {
        let info = refused_by(&scene, &path).await;
        assert!(info.starts_with(&format!("{field}: ")), "{info}");
    }
}

async fn refused_by(scene: &Scene, path: &str) -> String {
    refused(&scene.ask(&scene.token, path).await)
}
