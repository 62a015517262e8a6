//! `GET /users`.

use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::json;

use super::*;

#[tokio::test]
async fn each_level_of_detail_has_the_members_that_are_promised() {
    let scene = Scene::new().await;
    let harbour = scene.test.tenant(scene.test.top, Customer, "Harbour").await;
    let user = scene.user(harbour, "jdoe").await;
    let id = text(&user, "id");
    let of = |more: &str| format!("users?uuids={id}{more}");
    let stamps = [
        "id",
        "version",
        "tenant_id",
        "created_at",
        "updated_at",
        "deleted_at",
        "access_policies",
        "origin_id",
        "origin_external_id",
        "disable_after",
    ];
    let page = scene.get(&of("&lod=stamps")).await;
    assert_eq!(page["timestamp"], NOW, "with Z");
    assert_eq!(page["paging"], json!({"cursors": {}}));
    assert_eq!(members(&page["items"][0]), BTreeSet::from(stamps));
    let basic = &scene.get(&of("&lod=basic")).await["items"][0];
    let more = ["personal_tenant_id", "login", "enabled", "session_mfa_status", "delivery_channel"];
    assert_eq!(members(basic), stamps.into_iter().chain(more).collect());
    assert_eq!(scene.get(&of("")).await["items"], json!([user]), "as the user itself");
    let policies = format!("/api/2/users/{id}/access_policies");
    let set = json!({"items": [{"tenant_id": harbour, "role_id": "company_admin"}]});
    let set = scene.server.put(&policies).bearer(&scene.token).json(set).await.ok();
    for lod in ["stamps", "basic", "full"] {
        let with = scene.get(&of(&format!("&lod={lod}&with_access_policies=true"))).await;
        assert_eq!(with["items"][0]["access_policies"], set["items"], "{lod}");
        assert_eq!(scene.get(&of(&format!("&lod={lod}"))).await["items"][0]["access_policies"], json!([]));
    }
}

/// top > north > folder > harbour > quay, north > partner, and south beside; a user in each, called as its tenant.
struct Tree {
    north: TenantId,
    folder: TenantId,
    harbour: TenantId,
    quay: TenantId,
    south: TenantId,
}

async fn tree(scene: &Scene) -> Tree {
    let test = &scene.test;
    let north = test.tenant(test.top, Partner, "north").await;
    let folder = test.tenant(north, Folder, "folder").await;
    let partner = test.tenant(north, Partner, "partner").await;
    let harbour = test.tenant(folder, Customer, "harbour").await;
    let quay = test.tenant(harbour, Unit, "quay").await;
    let south = test.tenant(test.top, Partner, "south").await;
    for (tenant, login) in [
        (north, "north"),
        (folder, "folder"),
        (partner, "partner"),
        (harbour, "harbour"),
        (quay, "quay"),
        (south, "south"),
    ] {
        scene.user(tenant, login).await;
    }
    Tree { north, folder, harbour, quay, south }
}

#[tokio::test]
async fn a_subtree_comes_by_level_and_closed_tenants_keep_their_users() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let own = scene.token_of(tree.north, Role::PartnerAdmin).await;
    let of = |root: TenantId| format!("users?subtree_root_tenant_id={root}&lod=basic&limit=2");
    let logins: Vec<String> =
        scene.all(&own, &of(tree.north)).await.iter().map(|user| text(user, "login")).collect();
    assert_eq!((logins[0].as_str(), logins.len()), ("north", 5));
    assert_eq!(BTreeSet::from([logins[1].as_str(), &logins[2]]), BTreeSet::from(["folder", "partner"]));
    assert_eq!(logins[3..], ["harbour", "quay"], "by level");
    assert_eq!(
        scene.names(&own, "users").await,
        ["folder", "harbour", "north", "partner", "quay"],
        "the caller's subtree"
    );
    let everybody = scene.names(&scene.token, "users").await;
    assert!(everybody.len() == 7 && everybody.contains(&"south".to_owned()), "{everybody:?}");
    scene.ask(&own, &of(tree.south)).await.expect(403);
    scene.ask(&own, &format!("users?tenant_id={}", scene.test.top)).await.expect(403);
    scene.change(tree.harbour, json!({"ancestral_access": false})).await;
    assert_eq!(scene.names(&own, &of(tree.north)).await, ["folder", "north", "partner"]);
    for query in ["subtree_root_tenant_id", "tenant_id"] {
        scene.ask(&own, &format!("users?{query}={}", tree.harbour)).await.expect(403);
    }
    let inner = scene.token_of(tree.harbour, Role::CompanyAdmin).await;
    assert_eq!(scene.names(&inner, "users").await, ["harbour", "quay"]);
    let mut conn = scene.test.app.read().await.unwrap();
    assert_eq!(faults(&mut conn).await, [0; 4]);
}

#[tokio::test]
async fn ids_tenants_and_origins_choose() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let own = scene.token_of(tree.north, Role::PartnerAdmin).await;
    let from_abroad = scene
        .user_with(json!({"tenant_id": tree.harbour, "login": "abroad", "external_id": "e-1",
        "origin_id": "crm", "contact": {"email": "a@x.example"}}))
        .await;
    let all = scene.all(&scene.token, "users?lod=basic").await;
    let ids: Vec<String> = all.iter().map(|user| text(user, "id")).collect();
    let by_ids = format!("users?uuids={},ede9f834-70b3-476c-83d9-736f9f8c7dae&limit=2", ids.join(","));
    let seen = scene.all(&own, &by_ids).await;
    let mut sorted: Vec<String> = seen.iter().map(|user| text(user, "id")).collect();
    assert_eq!(sorted.len(), 6, "without those of south and of the top");
    let listed = sorted.clone();
    sorted.sort();
    assert_eq!(listed, sorted, "by id");
    assert_eq!(
        scene.names(&own, &format!("users?tenant_id={}&limit=1", tree.harbour)).await,
        ["abroad", "harbour"]
    );
    let external = format!("users?tenant_id={}&external_ids=e-1,e-2", tree.harbour);
    assert_eq!(scene.get(&external).await["items"], json!([from_abroad]));
    let elsewhere = format!("users?tenant_id={}&external_ids=e-1", tree.north);
    assert_eq!(scene.names(&own, &elsewhere).await, Vec::<String>::new());
    for which in ["", "subtree_root_tenant_id", "tenant_id", "uuids"] {
        let value = if which == "uuids" { ids.join(",") } else { tree.harbour.to_string() };
        let path = format!("users?origin_id=crm&{which}={value}");
        assert_eq!(scene.names(&own, &path).await, ["abroad"], "{which}");
    }
    let since = "2026-05-08T12:00:00";
    scene.test.clock.set(testkit::at("2026-05-08T12:00:01Z"));
    let path = format!("/api/2/users/{}", text(&from_abroad, "id"));
    let changed =
        scene.server.put(&path).bearer(&scene.token).json(json!({"version": 1, "enabled": false})).await.ok();
    for which in [String::new(), format!("tenant_id={}", tree.harbour), format!("uuids={}", ids.join(","))] {
        let path = format!("users?updated_since={since}&{which}");
        assert_eq!(scene.all(&scene.token, &path).await, std::slice::from_ref(&changed), "{which}");
    }
    assert_eq!(scene.server.delete(&format!("{path}?version=2")).bearer(&scene.token).await.status, 204);
    for (more, expected) in [("", 0), ("&allow_deleted=true", 1)] {
        for which in ["", "&origin_id=crm"] {
            let path = format!("users?updated_since={since}{which}{more}");
            assert_eq!(scene.ids(&scene.token, &path).await.len(), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn an_organization_is_a_tenant_with_its_own_parts() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let of = |root: TenantId, more: &str| {
        format!("users?subtree_root_tenant_id={root}&inside_organization=true&limit=1{more}")
    };
    let names = async |path: String| scene.names(&scene.token, &path).await;
    assert_eq!(names(of(tree.north, "")).await, ["folder", "north"]);
    assert_eq!(names(of(tree.harbour, "")).await, ["harbour", "quay"]);
    assert_eq!(names(of(tree.harbour, "&tenant_kinds=unit,partner")).await, ["quay"]);
    let quay = &scene.all(&scene.token, &format!("users?tenant_id={}", tree.quay)).await[0];
    let policies = format!("/api/2/users/{}/access_policies", text(quay, "id"));
    let set = json!({"items": [{"tenant_id": tree.quay, "role_id": "unit_admin"}]});
    scene.server.put(&policies).bearer(&scene.token).json(set).await.ok();
    assert_eq!(names(of(tree.harbour, "&access_policies=unit_admin,company_admin")).await, ["quay"]);
    assert_eq!(names(of(tree.harbour, "&access_policies=company_admin")).await, Vec::<String>::new());
    let on = |tenant: TenantId| format!("&target_tenant_id={tenant}");
    assert_eq!(names(of(tree.harbour, &on(tree.quay))).await, ["quay"]);
    assert_eq!(names(of(tree.harbour, &on(tree.harbour))).await, Vec::<String>::new());
    let both = format!("{}&access_policies=unit_admin&tenant_kinds=unit", on(tree.quay));
    assert_eq!(names(of(tree.harbour, &both)).await, ["quay"]);
    let own = scene.token_of(tree.north, Role::PartnerAdmin).await;
    scene.ask(&own, &of(tree.north, &on(tree.south))).await.expect(403);
    scene.change(tree.folder, json!({"ancestral_access": false})).await;
    assert_eq!(names(of(tree.north, "")).await, ["north"]);
    scene.ask(&own, &of(tree.folder, "")).await.expect(403);
}
