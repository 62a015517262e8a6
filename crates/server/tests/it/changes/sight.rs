//! Whose changes a caller sees: its tenants', as far as it could see them when the changes were made.

use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::{Value, json};

use super::{Scene, scene};

/// The values that changes of this field left behind, newest first.
async fn told(scene: &Scene, token: &str, tenant: domain::ids::TenantId, field: &str) -> Vec<String> {
    let all = scene.all(token, tenant, &format!("field={field}"), 100).await;
    all.iter().map(|change| change["new"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn nothing_of_another_branch_is_told() {
    let scene = scene().await;
    scene.put(&scene.root_token().await, scene.south, json!({"name": "South Ltd"})).await;
    for tenant in [scene.south, scene.test.top] {
        let answer = scene.server.get(&super::path(tenant, "")).bearer(&scene.token).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    let north = scene.all(&scene.token, scene.north, "", 1000).await;
    let below = [scene.north.to_string(), scene.customer.to_string()];
    assert!(north.iter().all(|change| below.iter().any(|id| change["tenant_id"] == **id)));
    let top = told(&scene, &scene.root_token().await, scene.test.top, "name").await;
    assert!(top.contains(&"South Ltd".to_owned()) && top.contains(&"Harbour".to_owned()), "{top:?}");
}

#[tokio::test]
async fn a_closed_tenant_shows_its_own_properties_alone() {
    let scene = scene().await;
    let inside = scene.test.tenant(scene.customer, TenantKind::Unit, "Quay").await;
    let own = scene.token_of(scene.customer, Role::CompanyAdmin).await;
    let bob = scene.user(&own, scene.customer, "bob").await;
    scene.put(&own, scene.customer, json!({"ancestral_access": false})).await;
    scene.put(&own, scene.customer, json!({"name": "Harbour Ltd"})).await;
    let ours = scene.all(&own, scene.customer, "", 1000).await;
    for hidden in [inside.to_string(), bob.clone()] {
        assert!(ours.iter().any(|change| change["object_id"] == *hidden), "its own people see all");
    }
    for (token, tenant) in [
        (&scene.token, scene.north),
        (&scene.token, scene.customer),
        (&scene.root_token().await, scene.test.top),
    ] {
        let above = scene.all(token, tenant, "", 1000).await;
        assert!(above.iter().any(|change| change["new"] == "Harbour Ltd"), "its name is no secret");
        for change in &above {
            let of_it = change["tenant_id"] == scene.customer.to_string();
            assert!(!of_it || change["object"] == "tenant", "{change}");
            assert_ne!(change["tenant_id"], inside.to_string());
        }
    }
    let renamed = scene.all(&scene.token, scene.north, "field=name&limit=1", 1000).await;
    assert_eq!(renamed[0]["actor"], json!({"type": "other", "id": null, "name": null}));
    // Opened again it shows its inside, but not what was done there meanwhile.
    scene.user(&own, scene.customer, "eve").await;
    scene.put(&own, scene.customer, json!({"ancestral_access": true})).await;
    scene.user(&own, scene.customer, "joe").await;
    assert_eq!(told(&scene, &scene.token, scene.north, "login").await, ["joe", "bob"]);
    assert_eq!(told(&scene, &own, scene.customer, "login").await, ["joe", "eve", "bob"]);
}

#[tokio::test]
async fn what_a_hidden_one_did_is_not_to_be_found_out_by_its_id() {
    let scene = scene().await;
    scene.put(&scene.root_token().await, scene.customer, json!({"name": "Harbour Ltd"})).await;
    let query = format!("actor={}", scene.test.client_id);
    let named = scene.all(&scene.token, scene.north, "field=name", 1).await;
    assert_eq!(named[0]["actor"]["type"], "other");
    assert_eq!(scene.all(&scene.token, scene.north, &query, 10).await, Vec::<Value>::new());
    let top = scene.all(&scene.root_token().await, scene.test.top, &query, 10).await;
    assert!(top.iter().any(|change| change["new"] == "Harbour Ltd"));
}

#[tokio::test]
async fn what_happened_before_a_tenant_came_stays_with_those_it_came_from() {
    let scene = scene().await;
    let unit = scene.test.tenant(scene.customer, TenantKind::Unit, "Quay").await;
    let root = scene.root_token().await;
    let southerner = scene.token_of(scene.south, Role::PartnerAdmin).await;
    scene.put(&scene.token, unit, json!({"name": "Quay of North"})).await;
    scene.put(&root, scene.customer, json!({"parent_id": scene.south})).await;
    scene.put(&southerner, unit, json!({"name": "Quay of South"})).await;
    assert_eq!(told(&scene, &southerner, scene.south, "name").await, ["Quay of South", "South"]);
    assert_eq!(told(&scene, &southerner, unit, "name").await, ["Quay of South"]);
    let moves = scene.all(&southerner, scene.south, "field=parent", 10).await;
    assert_eq!(moves[0]["new"], scene.south.to_string(), "that it came is theirs to know");
    assert_eq!(moves[0]["old"], Value::Null, "and where it came from is not");
    assert_eq!(told(&scene, &scene.token, scene.north, "name").await, ["North"]);
    let all = told(&scene, &root, scene.test.top, "name").await;
    assert!(all.starts_with(&["Quay of South".to_owned(), "Quay of North".to_owned()]), "{all:?}");
    // Back again, and what South did is South's.
    scene.put(&root, scene.customer, json!({"parent_id": scene.north})).await;
    let north = told(&scene, &scene.token, scene.north, "name").await;
    assert_eq!(north, ["Quay of North", "Quay", "Harbour", "North"]);
}

#[tokio::test]
async fn a_narrowed_token_reads_below_its_tenant() {
    let scene = scene().await;
    let scope = format!("urn:acronis.com:tenant-id:{}", scene.customer);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", scene.token.as_str()),
        ("scope", scope.as_str()),
    ];
    let narrowed = scene.server.post("/api/2/idp/token").form(&form).await.ok();
    let narrowed = narrowed["access_token"].as_str().unwrap();
    assert_eq!(told(&scene, narrowed, scene.customer, "name").await, ["Harbour"]);
    let above = scene.server.get(&super::path(scene.north, "")).bearer(narrowed).await;
    assert_eq!(above.status, 403);
}
