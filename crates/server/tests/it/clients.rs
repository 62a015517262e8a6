//! API clients (accounts-api, 1.5), over a real socket.

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use store::args;
use testkit::{Server, TestApp};

const NOW: &str = "2026-05-08T10:58:53Z";
const CLIENTS: &str = "/api/2/clients";

struct Scene {
    test: TestApp,
    server: Server,
    north: TenantId,
    south: TenantId,
    customer: TenantId,
    /// A token of a partner_admin of North.
    token: String,
}

async fn scene() -> Scene {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let (id, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&id, &secret).await;
    Scene { test, server, north, south, customer, token }
}

fn new(tenant: TenantId) -> Value {
    json!({
        "type": "api_client", "tenant_id": tenant, "token_endpoint_auth_method": "client_secret_basic",
        "data": {"client_name": "Billing job"},
    })
}

impl Scene {
    async fn create(&self, body: Value) -> Value {
        self.server.post(CLIENTS).bearer(&self.token).json(body).await.expect(201)
    }

    async fn token_of(&self, tenant: TenantId, role: Role) -> String {
        let (id, secret) = self.test.client(tenant, role).await;
        self.server.token(&id, &secret).await
    }

    async fn ids(&self, query: &str) -> Vec<String> {
        let list = self.server.get(&format!("{CLIENTS}{query}")).bearer(&self.token).await.ok();
        let items = list["items"].as_array().unwrap().iter();
        items.map(|client| client["client_id"].as_str().unwrap().to_owned()).collect()
    }
}

fn id(client: &Value) -> String {
    client["client_id"].as_str().unwrap().to_owned()
}

fn is_secret(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[tokio::test]
async fn a_client_is_made_with_secrets_that_are_shown_once() {
    let scene = scene().await;
    let mut made = scene.create(new(scene.customer)).await;
    let (client_id, secret) = (id(&made), made["client_secret"].as_str().unwrap().to_owned());
    let token = scene.server.token(&client_id, &secret).await;
    let known = scene.server.get(&format!("{CLIENTS}/{client_id}")).bearer(&token).await.ok();
    assert!(is_secret(&made["client_secret"].take()) && is_secret(&made["registration_access_token"].take()));
    let creator = made["created_by"].clone();
    assert_eq!(
        made,
        json!({
            "client_id": client_id, "tenant_id": scene.customer, "client_secret_expires_at": 0, "type": "api_client",
            "data": {"client_name": "Billing job"}, "token_endpoint_auth_method": "client_secret_basic",
            "client_secret": null, "registration_access_token": null, "created_at": NOW, "created_by": creator,
            "status": "enabled",
        })
    );
    assert_eq!(
        known,
        json!({
            "client_id": client_id, "tenant_id": scene.customer, "client_secret_expires_at": 0, "type": "api_client",
            "data": {"client_name": "Billing job"}, "token_endpoint_auth_method": "client_secret_basic",
            "created_at": NOW, "created_by": creator, "status": "enabled", "last_access_at": NOW,
            "last_access_from_ip": "127.0.0.1",
        })
    );
}

#[tokio::test]
async fn a_client_keeps_the_roles_that_its_creator_had() {
    let scene = scene().await;
    let user = scene.test.user(scene.north, "anna", "right", Role::PartnerAdmin).await;
    let policy = scene.test.app.ids.other().unwrap();
    let mut tx = scene.test.app.write_as(domain::access::Actor::System).await.unwrap();
    let south = scene.test.no(scene.south).await;
    tx.run(
        "INSERT INTO access_policies (id, version, user_id, trustee_type, issuer_id, tenant_no, role_id, created_at,
         updated_at) VALUES ($1, 0, $2, 'user', $2, $3, 'readonly_admin', 1, 1)",
        args![policy, user, south],
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let call = || scene.server.post(CLIENTS).basic("anna", "right");
    let made = call().json(new(scene.customer)).await.expect(201);
    call().json(new(scene.south)).await.expect(403);
    let mut tx = scene.test.app.write_as(domain::access::Actor::System).await.unwrap();
    tx.run("DELETE FROM access_policies WHERE user_id = $1", args![user]).await.unwrap();
    tx.commit().await.unwrap();
    let token = scene.server.token(&id(&made), made["client_secret"].as_str().unwrap()).await;
    let tenant = format!("/api/2/tenants/{}/clients", scene.customer);
    assert_eq!(scene.server.get(&tenant).bearer(&token).await.ok(), json!({"items": [id(&made)]}));
    assert_eq!(made["created_by"], user.to_string());
    let mut conn = scene.test.app.read().await.unwrap();
    let stored = store::clients::by_id(&mut conn, id(&made).parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.roles, [Role::PartnerAdmin], "not the role held elsewhere");
}

#[tokio::test]
async fn nobody_makes_changes_or_sees_clients_beyond_their_reach() {
    let scene = scene().await;
    let foreign = scene.test.client(scene.south, Role::PartnerAdmin).await.0;
    let above = scene.test.client_id.clone();
    let own = id(&scene.create(new(scene.customer)).await);
    let call = |method: &str, path: &str| match method {
        "GET" => scene.server.get(path),
        "PUT" => scene.server.put(path).json(json!({})),
        _ => scene.server.delete(path),
    };
    for method in ["GET", "PUT", "DELETE"] {
        for client in [&foreign, &above] {
            let answer = call(method, &format!("{CLIENTS}/{client}")).bearer(&scene.token).await;
            assert_eq!(answer.expect(403)["error"]["code"], 1002, "{method}");
        }
        for unknown in ["00000000-0000-4000-8000-000000000000", "no-uuid"] {
            let answer = call(method, &format!("{CLIENTS}/{unknown}")).bearer(&scene.token).await;
            assert_eq!(answer.expect(404)["error"]["code"], 404, "{method}");
        }
    }
    for tenant in [scene.south, scene.test.top] {
        scene.server.post(CLIENTS).bearer(&scene.token).json(new(tenant)).await.expect(403);
        let path = format!("/api/2/tenants/{tenant}/clients");
        scene.server.get(&path).bearer(&scene.token).await.expect(403);
    }
    let unknown = TenantId(scene.test.app.ids.other().unwrap());
    let answer = scene.server.post(CLIENTS).bearer(&scene.token).json(new(unknown)).await;
    assert_eq!(answer.expect(404)["error"]["code"], 1005);
    let below = scene.token_of(scene.customer, Role::CompanyAdmin).await;
    scene.server.post(CLIENTS).bearer(&below).json(new(scene.north)).await.expect(403);
    let readonly = scene.token_of(scene.customer, Role::ReadonlyAdmin).await;
    let path = format!("{CLIENTS}/{own}");
    scene.server.get(&path).bearer(&readonly).await.ok();
    scene.server.post(CLIENTS).bearer(&readonly).json(new(scene.customer)).await.expect(403);
    scene.server.put(&path).bearer(&readonly).json(json!({})).await.expect(403);
    scene.server.delete(&path).bearer(&readonly).await.expect(403);
    scene.server.get(&path).await.expect(401);
}

#[tokio::test]
async fn a_client_without_rights_here_still_sees_itself() {
    let scene = scene().await;
    let (id, secret) = scene.test.client(scene.customer, Role::BackupUser).await;
    let token = scene.server.token(&id, &secret).await;
    let itself = scene.server.get(&format!("{CLIENTS}/{id}")).bearer(&token).await.ok();
    assert_eq!(itself["tenant_id"], scene.customer.to_string());
    scene.server.get(&format!("{CLIENTS}/{}", scene.test.client_id)).bearer(&token).await.expect(403);
    scene.server.get(CLIENTS).bearer(&token).await.expect(403);
}

#[tokio::test]
async fn lists_are_filtered_and_bounded_by_reach() {
    let scene = scene().await;
    let own = scene.ids("").await;
    let first = id(&scene.create(new(scene.customer)).await);
    let mut body = new(scene.customer);
    body["origin_id"] = json!("crm");
    let second = id(&scene.create(body).await);
    let foreign = scene.test.client(scene.south, Role::PartnerAdmin).await.0;
    assert_eq!(scene.ids("").await, own, "without a filter those of the own tenant");
    assert_eq!(scene.ids("?uuids=").await, own);
    let unknown = "00000000-0000-4000-8000-000000000000";
    let listed = scene.ids(&format!("?uuids={first},{foreign},{unknown},{}", scene.test.client_id)).await;
    assert_eq!(listed, [first.as_str()], "foreign and unknown ones are left out");
    assert_eq!(scene.ids("?origin_id=crm").await, [second.as_str()]);
    assert!(scene.ids(&format!("?origin_id=crm&uuids={first}")).await.is_empty(), "filters combine");
    scene.server.delete(&format!("{CLIENTS}/{first}")).bearer(&scene.token).await.expect(204);
    assert!(scene.ids(&format!("?uuids={first}")).await.is_empty());
    assert_eq!(scene.ids(&format!("?uuids={first}&allow_deleted=1")).await, [first.as_str()]);
    let path = format!("/api/2/tenants/{}/clients", scene.customer);
    assert_eq!(scene.server.get(&path).bearer(&scene.token).await.ok(), json!({"items": [second]}));
    scene.server.get(&format!("{CLIENTS}?uuids=x")).bearer(&scene.token).await.expect(400);
}

#[tokio::test]
async fn a_change_is_kept_and_disabling_or_deleting_ends_the_tokens_in_use() {
    let scene = scene().await;
    let made = scene.create(new(scene.customer)).await;
    let path = format!("{CLIENTS}/{}", id(&made));
    let token = scene.server.token(&id(&made), made["client_secret"].as_str().unwrap()).await;
    let fetched = scene.server.get(&path).bearer(&scene.token).await.ok();
    let mut wanted = fetched.clone();
    wanted["data"] = json!({"client_name": "Nächtlicher Lauf", "n": 1});
    wanted["origin_id"] = json!("crm");
    wanted["redirect_uris"] = json!(["https://crm.example.com/back"]);
    let changed = scene.server.put(&path).bearer(&scene.token).json(wanted.clone()).await.ok();
    assert_eq!(changed, wanted, "what was fetched may be sent back");
    assert_eq!(scene.server.get(&path).bearer(&scene.token).await.ok(), wanted);
    let put = async |body| scene.server.put(&path).bearer(&scene.token).json(body).await.ok();
    assert_eq!(put(json!({})).await, wanted);
    assert_eq!(put(json!({"origin_id": null, "data": null})).await, wanted, "null counts as absent");
    assert_eq!(put(json!({"status": "disabled"})).await["status"], "disabled");
    scene.server.get(&path).bearer(&token).await.expect(401);
    put(json!({"status": "enabled"})).await;
    scene.server.get(&path).bearer(&token).await.ok();
    let deleted = scene.server.delete(&path).bearer(&scene.token).await;
    deleted.expect(204);
    assert!(deleted.body.is_empty() && deleted.header("content-type").is_empty());
    scene.server.get(&path).bearer(&token).await.expect(401);
    scene.server.get(&path).bearer(&scene.token).await.expect(404);
    scene.server.delete(&path).bearer(&scene.token).await.expect(404);
    let sql = "SELECT COUNT(*) AS n FROM changes WHERE object = 'client' AND object_id = $1 AND old_value IS NOT NULL";
    let mut conn = scene.test.app.read().await.unwrap();
    let logged = conn.count(sql, args![id(&made)]).await.unwrap();
    assert_eq!(logged, 5, "data, redirect_uris, twice status, deleted");
}

#[tokio::test]
async fn bodies_are_closed_and_checked() {
    let scene = scene().await;
    let with = |member: &str, value: Value| {
        let mut body = new(scene.customer);
        body[member] = value;
        body
    };
    let without = |member: &str| {
        let mut body = new(scene.customer);
        body.as_object_mut().unwrap().remove(member);
        body
    };
    for (body, field) in [
        (without("type"), "type"),
        (without("tenant_id"), "tenant_id"),
        (without("token_endpoint_auth_method"), "token_endpoint_auth_method"),
        (with("type", json!("robot")), "type"),
        (with("tenant_id", json!("x")), "tenant_id"),
        (with("tenant_id", Value::Null), "tenant_id"),
        (with("token_endpoint_auth_method", json!("tls")), "token_endpoint_auth_method"),
        (with("data", json!([1])), "data"),
        (with("data", json!({"client_name": "a\u{0}b"})), "data.client_name"),
        (with("redirect_uris", json!("x")), "redirect_uris"),
        (with("client_secret", json!("x")), "client_secret"),
        (with("surprise", json!(1)), "surprise"),
    ] {
        let answer = scene.server.post(CLIENTS).bearer(&scene.token).json(body.clone()).await.expect(400);
        let info = answer["error"]["details"]["info"].as_str().unwrap();
        assert!(info.starts_with(&format!("{field}: ")), "{body} gave {info}");
    }
    let path = format!("{CLIENTS}/{}", scene.ids("").await[0]);
    for body in [json!({"surprise": 1}), json!({"status": "asleep"}), json!([1])] {
        scene.server.put(&path).bearer(&scene.token).json(body).await.expect(400);
    }
    scene.server.post(CLIENTS).bearer(&scene.token).raw("text/plain", "{}").await.expect(415);
}

#[tokio::test]
async fn clients_behind_a_wall_are_out_of_sight() {
    let scene = scene().await;
    let hidden = scene.test.client(scene.customer, Role::CompanyAdmin).await;
    let mut tx = scene.test.app.write_as(domain::access::Actor::System).await.unwrap();
    tx.run("UPDATE tenants SET ancestral_access = 0 WHERE id = $1", args![scene.customer]).await.unwrap();
    tx.commit().await.unwrap();
    scene.server.get(&format!("{CLIENTS}/{}", hidden.0)).bearer(&scene.token).await.expect(403);
    scene.server.post(CLIENTS).bearer(&scene.token).json(new(scene.customer)).await.expect(403);
    assert!(scene.ids(&format!("?uuids={}", hidden.0)).await.is_empty());
    let token = scene.server.token(&hidden.0, &hidden.1).await;
    let own = scene.server.get(CLIENTS).bearer(&token).await.ok();
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
}
