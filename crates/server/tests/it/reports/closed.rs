//! Reports on a tenant that closed itself: its figures are hidden from above, the report stays its maker's.

use domain::access::Role;
use serde_json::{Value, json};
use testkit::{Client, TestApp};

use crate::desk::Desk;

/// Somebody who signs in anew for every call, as the clock goes on by months.
struct Hand<'a> {
    client: &'a Client,
    form: [(&'static str, String); 3],
}

impl<'a> Hand<'a> {
    fn client(client: &'a Client, (id, secret): (String, String)) -> Self {
        let grant = ("grant_type", "client_credentials".to_owned());
        Self { client, form: [grant, ("client_id", id), ("client_secret", secret)] }
    }

    fn user(client: &'a Client, login: &str) -> Self {
        let grant = ("grant_type", "password".to_owned());
        Self { client, form: [grant, ("username", login.to_owned()), ("password", "right".to_owned())] }
    }

    async fn token(&self) -> String {
        let form = self.form.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = self.client.post("/api/2/idp/token").form(&form).await.ok();
        answer["access_token"].as_str().unwrap().to_owned()
    }
}

impl Hand<'_> {
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let call = self.client.call(method.parse().unwrap(), &format!("/api/2{path}"));
        let call = call.bearer(&self.token().await);
        let answer = match body {
            Some(body) => call.json(body).await,
            None => call.await,
        };
        (answer.status, answer.json())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, None).await
    }

    async fn put(&self, path: &str, body: Value) -> u16 {
        self.call("PUT", path, Some(body)).await.0
    }
}

/// The items of a list of stored files: status, and whether there is a size.
fn files(list: &Value) -> Vec<(String, bool)> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| (item["status"].as_str().unwrap().to_owned(), item["size"].is_i64())).collect()
}

#[tokio::test]
async fn the_maker_sees_disables_lowers_and_deletes_a_report_on_a_tenant_that_closed_itself() {
    let desk = Desk::of(TestApp::at("2020-03-04T10:58:53Z").await).await;
    let server = desk.test.serve().await;
    let hand = async |tenant, role| Hand::client(&server, desk.test.client(tenant, role).await);
    let maker = hand(desk.partner, Role::PartnerAdmin).await;
    let reader = hand(desk.partner, Role::ReadonlyAdmin).await;
    let inside = hand(desk.customer, Role::CompanyAdmin).await;
    let order = |level: &str| {
        json!({"parameters": {"tenant_id": desk.customer, "level": level, "kind": "usage_current",
            "formats": ["csv_v2_0"]}, "schedule": {"type": "monthly"}, "result_action": "save"})
    };
    let mut paths = Vec::new();
    for level in ["accounts", "itself"] {
        let (status, report) = maker.call("POST", "/reports", Some(order(level))).await;
        assert_eq!(status, 200, "{report}");
        paths.push(format!("/reports/{}", report["id"].as_str().unwrap()));
    }
    let [deep, own] = [paths[0].as_str(), paths[1].as_str()];
    desk.pass("2020-04-01T23:59:59Z").await;
    assert_eq!(maker.get(&format!("{deep}/stored")).await.1["items"].as_array().unwrap().len(), 1);
    let file = |list: &Value| list["items"][0]["id"].as_str().unwrap().to_owned();
    let [deep_file, own_file] = [
        file(&maker.get(&format!("{deep}/stored")).await.1),
        file(&maker.get(&format!("{own}/stored")).await.1),
    ];

    let tenant = format!("/tenants/{}", desk.customer);
    assert_eq!(inside.put(&tenant, json!({"version": 1, "ancestral_access": false})).await, 200);
    desk.pass("2020-05-01T23:59:59Z").await;

    // What was made of the inside is hidden; what was not made for it is seen.
    for hand in [&maker, &reader] {
        assert_eq!(hand.get(deep).await.0, 200);
        let (status, list) = hand.get(&format!("{deep}/stored")).await;
        assert_eq!((status, files(&list)), (200, vec![("failed".to_owned(), false)]));
        let (status, refused) = hand.get(&format!("{deep}/stored/{deep_file}")).await;
        assert_eq!((status, &refused["error"]["code"]), (403, &json!(1002)));
        let saved = ("saved".to_owned(), true);
        assert_eq!(files(&hand.get(&format!("{own}/stored")).await.1), [saved.clone(), saved]);
        assert_eq!(hand.get(&format!("{own}/stored/{own_file}")).await.0, 200);
    }
    assert_eq!(files(&inside.get(&format!("{deep}/stored")).await.1).len(), 2, "inside nothing is hidden");
    assert_eq!(inside.get(&format!("{deep}/stored/{deep_file}")).await.0, 200);
    changes_and_end(&desk, &maker, &reader, [deep, own]).await;
}

/// What the maker may and may not change of the report on the closed tenant, up to its end.
async fn changes_and_end(desk: &Desk, maker: &Hand<'_>, reader: &Hand<'_>, [deep, own]: [&str; 2]) {
    // What would show more of it is refused, and changes nothing.
    for refused in [
        json!({}),
        json!({"schedule": {"enabled": true}}),
        json!({"parameters": {"kind": "usage_daily"}}),
        json!({"parameters": {"level": "direct_partners"}}),
        json!({"parameters": {"level": "all_customers"}, "schedule": {"enabled": false}}),
    ] {
        assert_eq!(maker.put(deep, refused.clone()).await, 403, "{refused}");
    }
    assert_eq!(maker.put(own, json!({"parameters": {"level": "accounts"}})).await, 403);
    assert_eq!(reader.put(deep, json!({"schedule": {"enabled": false}})).await, 403, "readers write nothing");
    assert_eq!(maker.get(deep).await.1["version"], 1);

    assert_eq!(maker.put(deep, json!({"schedule": {"enabled": false}})).await, 200);
    let (_, mut whole) = maker.get(deep).await;
    assert_eq!(whole["schedule"]["enabled"], false);
    whole["recipients"].take();
    assert_eq!(maker.put(deep, whole).await, 200, "as it was read, while it is disabled");
    assert_eq!(maker.put(deep, json!({"schedule": {"enabled": true}})).await, 403);
    let lowered = json!({"parameters": {"level": "itself"}, "schedule": {"enabled": true}});
    assert_eq!(maker.put(deep, lowered).await, 200);
    desk.pass("2020-06-01T23:59:59Z").await;
    let list = maker.get(&format!("{deep}/stored")).await.1;
    assert_eq!(files(&list), [("failed".to_owned(), false), ("saved".to_owned(), true)]);
    let newest = list["items"][1]["id"].as_str().unwrap();
    assert_eq!(maker.get(&format!("{deep}/stored/{newest}")).await.0, 200);

    let (_, deep_now) = maker.get(deep).await;
    let delete = format!("{deep}?version={}", deep_now["version"]);
    assert_eq!(reader.call("DELETE", &delete, None).await.0, 403);
    assert_eq!(maker.call("DELETE", &delete, None).await.0, 204);
    assert_eq!(maker.get(deep).await.0, 404);
}

#[tokio::test]
async fn a_report_inside_a_closed_tenant_stays_out_of_reach_from_above() {
    let desk = Desk::at("2020-03-04T10:58:53Z").await;
    let server = desk.test.serve().await;
    let unit = desk.test.tenant(desk.customer, domain::tenant::TenantKind::Unit, "Quay").await;
    let maker = Hand::client(&server, desk.test.client(desk.partner, Role::PartnerAdmin).await);
    let body = json!({"parameters": {"tenant_id": unit, "level": "itself", "kind": "usage_current"},
        "schedule": {"type": "monthly"}, "result_action": "save"});
    let report = maker.call("POST", "/reports", Some(body)).await.1;
    let path = format!("/reports/{}", report["id"].as_str().unwrap());
    let tenant = format!("/tenants/{}", desk.customer);
    assert_eq!(maker.put(&tenant, json!({"version": 1, "ancestral_access": false})).await, 200);
    assert_eq!(maker.get(&path).await.0, 403);
    assert_eq!(maker.put(&path, json!({"schedule": {"enabled": false}})).await, 403);
    assert_eq!(maker.call("DELETE", &format!("{path}?version=1"), None).await.0, 403);
}

#[tokio::test]
async fn users_without_a_role_join_reports_on_their_own_tenant_and_below_and_no_others() {
    let desk = Desk::at("2020-03-04T10:58:53Z").await;
    let server = desk.test.serve().await;
    let maker = Hand::client(&server, desk.test.client(desk.partner, Role::PartnerAdmin).await);
    let anna = desk.test.user(desk.partner, "anna", "right", Role::NotaryUser).await;
    let ben = desk.test.user(desk.customer, "ben", "right", Role::NotaryUser).await;
    let report = async |subject: domain::ids::TenantId, level: &str| {
        let body = json!({"parameters": {"tenant_id": subject, "level": level, "kind": "usage_current"},
            "schedule": {"type": "monthly"}, "result_action": "send", "recipients": [anna]});
        let report = maker.call("POST", "/reports", Some(body)).await.1;
        json!({"report_id": report["id"].clone()})
    };
    let of_customer = report(desk.customer, "accounts").await;
    let of_itself = report(desk.customer, "itself").await;
    let of_partner = report(desk.partner, "itself").await;
    let (anna_too, ben_too) = (Hand::user(&server, "anna"), Hand::user(&server, "ben"));
    let join = async |hand: &Hand<'_>, user, report: &Value| {
        hand.call("POST", &format!("/users/{user}/report-subscriptions"), Some(report.clone())).await.0
    };
    assert_eq!(join(&ben_too, ben, &of_customer).await, 201);
    assert_eq!(join(&ben_too, ben, &of_partner).await, 403, "its figures are not those of its own tenant");
    assert_eq!(join(&ben_too, anna, &of_customer).await, 403, "nobody else's");
    assert_eq!(join(&anna_too, anna, &of_partner).await, 201);
    assert_eq!(join(&anna_too, anna, &of_customer).await, 201);
    let tenant = format!("/tenants/{}", desk.customer);
    assert_eq!(maker.put(&tenant, json!({"version": 1, "ancestral_access": false})).await, 200);
    assert_eq!(join(&anna_too, anna, &of_customer).await, 403, "behind the wall");
    assert_eq!(join(&anna_too, anna, &of_itself).await, 201);
    assert_eq!(join(&ben_too, ben, &of_customer).await, 201);
}
