//! The isolation table of accounts-api 1.7 over HTTP, where the matrix of rights does not reach: disabled trees, who holds
//! a lock, and the walls of a self-service customer against moves and restores.

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::{Value, json};
use testkit::{Server, TestApp};

use super::NOW;

async fn token(test: &TestApp, server: &Server, tenant: TenantId, role: Role) -> String {
    let (client, secret) = test.client(tenant, role).await;
    server.token(&client, &secret).await
}

async fn put(server: &Server, token: &str, tenant: TenantId, change: Value) -> (u16, Value) {
    let path = format!("/api/2/tenants/{tenant}");
    let mut body = change;
    let seen = server.get(&path).bearer(token).await.json();
    body["version"] = if seen["version"].is_null() { json!(1) } else { seen["version"].clone() };
    let answer = server.put(&path).bearer(token).json(body).await;
    (answer.status, answer.json()["error"]["code"].clone())
}

const REFUSED: (u16, u16) = (403, 1002);
const LOCKED: (u16, u16) = (403, 1012);

fn is(answer: &(u16, Value), expected: (u16, u16)) -> bool {
    answer.0 == expected.0 && answer.1 == expected.1
}

#[tokio::test]
async fn nobody_signs_in_at_or_below_a_disabled_tenant_and_those_above_go_on() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let customer = test.tenant(partner, Customer, "Harbour").await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let mine = token(&test, &server, partner, Role::PartnerAdmin).await;
    let below = token(&test, &server, customer, Role::CompanyAdmin).await;
    test.user(customer, "jdoe", "correct horse", Role::CompanyAdmin).await;
    let path = format!("/api/2/tenants/{customer}");
    assert_eq!(put(&server, &root, partner, json!({"enabled":false})).await.0, 200);
    for refused in [
        server.get(&path).bearer(&mine).await,
        server.get(&path).bearer(&below).await,
        server.get(&path).basic("jdoe", "correct horse").await,
    ] {
        assert_eq!(refused.expect(401)["error"]["code"], 401);
    }
    let seen = server.get(&path).bearer(&root).await.ok();
    assert_eq!(seen["enabled"], true, "it is not disabled itself");
    assert_eq!(put(&server, &root, customer, json!({"name":"Renamed"})).await.0, 200);
    assert_eq!(put(&server, &root, partner, json!({"name":"Renamed"})).await.0, 200);
    server.get(&format!("/api/2/tenants/{partner}/children")).bearer(&root).await.ok();
    let child = |parent: TenantId, kind: &str| json!({"name":"x","parent_id":parent,"kind":kind});
    let refused = server.post("/api/2/tenants").bearer(&root).json(child(partner, "customer")).await;
    assert_eq!(refused.expect(400)["error"]["code"], 1003);
    server.post("/api/2/tenants").bearer(&root).json(child(customer, "unit")).await.expect(201);
    assert_eq!(put(&server, &root, partner, json!({"enabled":true})).await.0, 200);
    server.get(&path).bearer(&below).await.ok();
}

#[tokio::test]
async fn a_lock_belongs_to_the_tenant_that_set_it_and_covers_items_pricing_and_brand() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let mine = token(&test, &server, partner, Role::PartnerAdmin).await;
    let body = json!({"name":"Folder","parent_id":partner,"kind":"folder","update_lock":{"enabled":true}});
    let folder = server.post("/api/2/tenants").bearer(&mine).json(body).await.expect(201);
    assert_eq!(folder["update_lock"], json!({"enabled":true,"owner_id":partner}));
    let folder: TenantId = super::id_of(&folder);
    let own = token(&test, &server, folder, Role::PartnerAdmin).await;
    for stranger in [&root, &own] {
        for change in
            [json!({"name":"x"}), json!({"update_lock":{"enabled":false}}), json!({"enabled":false})]
        {
            assert!(is(&put(&server, stranger, folder, change).await, LOCKED));
        }
        let path = |what: &str| format!("/api/2/tenants/{folder}/{what}");
        let item = json!({"offering_items":[{"application_id":"6e6d758d-8e74-3ae3-ac84-50eb0dff12eb","name":"vms",
            "status":1}]});
        for (what, body) in [("offering_items", item), ("pricing", json!({"version":1,"currency":"EUR"}))] {
            let answer = server.put(&path(what)).bearer(stranger).json(body).await;
            assert_eq!(answer.expect(403)["error"]["code"], 1012, "{what}");
        }
        let answer = server.post(&path("brand?version=1")).bearer(stranger).json(json!({})).await;
        assert_eq!(answer.expect(403)["error"]["code"], 1012);
        let child = json!({"name":"x","parent_id":folder,"kind":"customer"});
        server.post("/api/2/tenants").bearer(stranger).json(child).await.expect(201);
    }
    test.user(partner, "jdoe", "correct horse", Role::PartnerAdmin).await;
    let body = json!({"version":1,"update_lock":{"enabled":true},"name":"By a user of North"});
    let path = format!("/api/2/tenants/{folder}");
    let changed = server.put(&path).basic("jdoe", "correct horse").json(body).await.ok();
    assert_eq!(changed["update_lock"]["owner_id"], partner.to_string());
    assert_eq!(put(&server, &mine, folder, json!({"update_lock":{"enabled":false}})).await.0, 200);
    assert_eq!(put(&server, &own, folder, json!({"name":"Mine"})).await.0, 200);
}

#[tokio::test]
async fn nothing_moves_through_the_wall_of_a_closed_tenant_or_comes_back_behind_it() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let closed = test.tenant(partner, Folder, "Closed").await;
    let inside = test.tenant(closed, Customer, "Inside").await;
    let gone = test.tenant(closed, Customer, "Gone").await;
    let outside = test.tenant(partner, Customer, "Outside").await;
    let server = test.serve().await;
    let mine = token(&test, &server, partner, Role::PartnerAdmin).await;
    let own = token(&test, &server, closed, Role::PartnerAdmin).await;
    let done = |answer: (u16, Value)| assert_eq!(answer.0, 200, "{answer:?}");
    done(put(&server, &own, gone, json!({"enabled":false})).await);
    server.delete(&format!("/api/2/tenants/{gone}?version=2")).bearer(&own).await.expect(204);
    done(put(&server, &own, closed, json!({"ancestral_access":false})).await);
    assert!(is(&put(&server, &mine, inside, json!({"parent_id":partner})).await, REFUSED));
    assert!(is(&put(&server, &mine, outside, json!({"parent_id":closed})).await, REFUSED));
    assert!(is(&put(&server, &own, inside, json!({"parent_id":partner})).await, REFUSED));
    for path in [
        format!("/api/2/tenants/{inside}"),
        format!("/api/2/tenants/{gone}?allow_deleted=true"),
        format!("/api/2/tenants/{closed}/children"),
        format!("/api/2/tenants/{closed}/users"),
        format!("/api/2/tenants/{closed}/clients"),
        format!("/api/2/tenants/{inside}/offering_items"),
        format!("/api/2/tenants/{inside}/usages"),
        format!("/api/2/tenants/{inside}/pricing"),
    ] {
        assert_eq!(server.get(&path).bearer(&mine).await.expect(403)["error"]["code"], 1002, "{path}");
    }
    let restore = format!("/api/2/tenants/{gone}/restore");
    assert_eq!(server.post(&restore).bearer(&mine).await.expect(403)["error"]["code"], 1002);
    server.post(&restore).bearer(&own).await.expect(204);
    server.get(&format!("/api/2/tenants/{closed}")).bearer(&mine).await.ok();
    let users = format!("/api/2/tenants/{partner}/users?include_grand_children=true");
    test.user(closed, "hidden", "correct horse", Role::PartnerAdmin).await;
    assert_eq!(server.get(&users).bearer(&mine).await.ok(), json!({"items":[]}), "lists skip it");
    assert!(is(&put(&server, &mine, closed, json!({"parent_id":test.top})).await, REFUSED));
}

#[tokio::test]
async fn a_tree_twenty_deep_is_moved_read_and_walled() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let mut chain = vec![test.top];
    for level in 1..=18 {
        chain.push(test.tenant(chain[level - 1], Folder, &format!("Level {level}")).await);
    }
    let customer = test.tenant(chain[18], Customer, "Level 19").await;
    let unit = test.tenant(customer, Unit, "Level 20").await;
    let deepest = format!("/api/2/tenants/{unit}?embed_path=1");
    let path = server.get(&deepest).bearer(&root).await.ok()["path"].as_array().unwrap().len();
    assert_eq!(path, 20);
    let half = token(&test, &server, chain[9], Role::PartnerAdmin).await;
    server.get(&deepest).bearer(&half).await.ok();
    let other = test.tenant(test.top, Partner, "Other").await;
    assert!(is(&put(&server, &root, chain[1], json!({"parent_id":chain[18]})).await, (400, 1007)));
    assert_eq!(put(&server, &root, chain[10], json!({"parent_id":other})).await.0, 200);
    let moved = server.get(&deepest).bearer(&root).await.ok()["path"].clone();
    assert_eq!(moved.as_array().unwrap().len(), 12);
    assert_eq!((&moved[10], &moved[11]), (&json!(other), &json!(test.top)));
    assert_eq!(server.get(&deepest).bearer(&half).await.expect(403)["error"]["code"], 1002);
    assert_eq!(put(&server, &root, chain[10], json!({"parent_id":chain[9]})).await.0, 200);
    server.get(&deepest).bearer(&half).await.ok();
    assert_eq!(put(&server, &root, chain[12], json!({"ancestral_access":false})).await.0, 200);
    assert_eq!(server.get(&deepest).bearer(&half).await.expect(403)["error"]["code"], 1002);
}

#[tokio::test]
async fn ten_thousand_children_are_listed_moved_deleted_and_restored() {
    const CHILDREN: usize = 10_000;
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let north = test.tenant(test.top, Partner, "North").await;
    let south = test.tenant(test.top, Partner, "South").await;
    let wide = test.tenant(north, Folder, "Wide").await;
    let no = test.no(wide).await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    for n in 0..CHILDREN {
        let id = TenantId(test.app.ids.other().unwrap());
        let contact = domain::ids::ContactId(test.app.ids.other().unwrap());
        let new = store::tenants::NewTenant::plain(id, contact, Some(no), format!("Customer {n}"), Customer);
        store::tenants::insert(&mut tx, &new).await.unwrap();
    }
    tx.commit().await.unwrap();
    let children = format!("/api/2/tenants/{wide}/children");
    let listed = server.get(&children).bearer(&root).await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), CHILDREN);
    assert_eq!(put(&server, &root, wide, json!({"parent_id":south})).await.0, 200);
    let one = format!("/api/2/tenants/{}?embed_path=1", listed["items"][0].as_str().unwrap());
    assert_eq!(server.get(&one).bearer(&root).await.ok()["path"], json!([wide, south, test.top]));
    assert_eq!(put(&server, &root, wide, json!({"enabled":false})).await.0, 200);
    server.delete(&format!("/api/2/tenants/{wide}?version=3")).bearer(&root).await.expect(204);
    server.get(&one).bearer(&root).await.expect(404);
    server.post(&format!("/api/2/tenants/{wide}/restore")).bearer(&root).await.expect(204);
    assert_eq!(server.get(&children).bearer(&root).await.ok(), listed);
}

#[tokio::test]
async fn only_those_inside_open_a_closed_tenant_again() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let closed = test.tenant(partner, Customer, "Harbour").await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let mine = token(&test, &server, partner, Role::PartnerAdmin).await;
    let own = token(&test, &server, closed, Role::CompanyAdmin).await;
    let narrowing = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", root.as_str()),
        ("scope", &format!("urn:acronis.com:tenant-id:{partner}")),
    ];
    let narrowed = server.post("/api/2/idp/token").form(&narrowing).await.ok();
    let narrowed = narrowed["access_token"].as_str().unwrap().to_owned();
    assert_eq!(put(&server, &own, closed, json!({"ancestral_access": false})).await.0, 200);
    for above in [&root, &mine, &narrowed] {
        for change in [json!({"ancestral_access": true}), json!({"ancestral_access": true, "name": "Open"})] {
            assert!(is(&put(&server, above, closed, change).await, REFUSED));
        }
        let stale = json!({"version": 99, "ancestral_access": true});
        let answer = server.put(&format!("/api/2/tenants/{closed}")).bearer(above).json(stale).await;
        assert_eq!(answer.status, 403, "rights come before versions");
        // A fetched object that is sent back opens nothing, and may change the rest.
        let change = json!({"ancestral_access": false, "customer_id": "H-17"});
        assert_eq!(put(&server, above, closed, change).await.0, 200);
    }
    let path = format!("/api/2/tenants/{closed}");
    let seen = server.get(&path).bearer(&root).await.ok();
    assert_eq!((&seen["ancestral_access"], &seen["name"]), (&json!(false), &json!("Harbour")));
    // Nor does it open when it is deleted and comes back.
    assert_eq!(put(&server, &mine, closed, json!({"enabled": false})).await.0, 200);
    let version = server.get(&path).bearer(&mine).await.ok()["version"].clone();
    server.delete(&format!("{path}?version={version}")).bearer(&mine).await.expect(204);
    server.post(&format!("{path}/restore")).bearer(&mine).await.expect(204);
    assert_eq!(put(&server, &mine, closed, json!({"enabled": true})).await.0, 200);
    assert_eq!(server.get(&path).bearer(&mine).await.ok()["ancestral_access"], false);
    assert_eq!(put(&server, &own, closed, json!({"ancestral_access": true})).await.0, 200);
    assert_eq!(
        put(&server, &mine, closed, json!({"ancestral_access": true})).await.0,
        200,
        "nothing to open"
    );
}

#[tokio::test]
async fn the_lock_of_an_owner_that_is_deleted_is_held_by_those_above_its_place() {
    let test = TestApp::at(NOW).await;
    let (north, south) =
        (test.tenant(test.top, Partner, "North").await, test.tenant(test.top, Partner, "South").await);
    let harbour = test.tenant(north, Customer, "Harbour").await;
    let sue = test.user(south, "sue", "correct horse", Role::ReadonlyAdmin).await;
    let server = test.serve().await;
    let root = server.token(&test.client_id, &test.client_secret).await;
    let mine = token(&test, &server, north, Role::PartnerAdmin).await;
    let policies = json!({"items": [{"tenant_id": harbour, "role_id": "company_admin"}]});
    server.put(&format!("/api/2/users/{sue}/access_policies")).bearer(&root).json(policies).await.ok();
    let path = format!("/api/2/tenants/{harbour}");
    let lock = json!({"version": 1, "update_lock": {"enabled": true}});
    let locked = server.put(&path).basic("sue", "correct horse").json(lock).await.ok();
    assert_eq!(locked["update_lock"]["owner_id"], south.to_string());
    assert!(is(&put(&server, &root, harbour, json!({"name": "x"})).await, LOCKED), "South is there");

    assert_eq!(put(&server, &root, south, json!({"enabled": false})).await.0, 200);
    assert!(is(&put(&server, &root, harbour, json!({"name": "x"})).await, LOCKED), "it still is");
    server.delete(&format!("/api/2/tenants/{south}?version=2")).bearer(&root).await.expect(204);
    assert!(
        is(&put(&server, &mine, harbour, json!({"name": "x"})).await, LOCKED),
        "North is not above South"
    );
    assert_eq!(put(&server, &root, harbour, json!({"name": "Haven"})).await.0, 200);
    // Whoever holds it in its stead may take it over, and so may lift it.
    assert_eq!(put(&server, &root, harbour, json!({"update_lock": {"enabled": true}})).await.0, 200);
    let taken = server.get(&path).bearer(&root).await.ok();
    assert_eq!(taken["update_lock"]["owner_id"], test.top.to_string());
    assert!(is(&put(&server, &mine, harbour, json!({"name": "x"})).await, LOCKED));
    assert_eq!(put(&server, &root, harbour, json!({"update_lock": {"enabled": false}})).await.0, 200);
    assert_eq!(put(&server, &mine, harbour, json!({"name": "Harbour"})).await.0, 200);
}

#[tokio::test]
async fn what_a_deleted_tenant_locked_of_itself_is_no_bar_to_its_return() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let harbour = test.tenant(partner, Customer, "Harbour").await;
    let quay = test.tenant(harbour, Unit, "Quay").await;
    let server = test.serve().await;
    let mine = token(&test, &server, partner, Role::PartnerAdmin).await;
    let own = token(&test, &server, harbour, Role::CompanyAdmin).await;
    assert_eq!(
        put(&server, &own, quay, json!({"update_lock": {"enabled": true}, "enabled": false})).await.0,
        200
    );
    server.delete(&format!("/api/2/tenants/{quay}?version=2")).bearer(&own).await.expect(204);
    let restore = format!("/api/2/tenants/{quay}/restore");
    assert_eq!(
        server.post(&restore).bearer(&mine).await.expect(403)["error"]["code"],
        1012,
        "Harbour is there"
    );
    server.post(&restore).bearer(&own).await.expect(204);
    let seen = server.get(&format!("/api/2/tenants/{quay}")).bearer(&mine).await.ok();
    assert_eq!(
        seen["update_lock"],
        json!({"enabled": true, "owner_id": harbour}),
        "the lock came back with it"
    );
}
