//! `GET /tenants/offering_items` and `GET /tenants/applications`.

use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::json;

use super::*;
use crate::offering_items::turn;

struct Tree {
    north: TenantId,
    harbour: TenantId,
    closed: TenantId,
}

/// Items on at north and at two of its customers, one of which closes itself.
async fn tree(scene: &Scene) -> Tree {
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let harbour = scene.test.tenant(north, Customer, "harbour").await;
    let closed = scene.test.tenant(north, Customer, "closed").await;
    for tenant in [north, harbour, closed] {
        turn(&scene.test, tenant, &["vms", "p_vms", "storage", "fc_seats"], true).await.unwrap();
    }
    Tree { north, harbour, closed }
}

async fn names(scene: &Scene, path: &str) -> Vec<(String, String)> {
    let items = scene.all(&scene.token, path).await;
    let mut names: Vec<_> = items.iter().map(|item| (text(item, "tenant_id"), text(item, "name"))).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_items_of_a_subtree_come_once_each_in_the_order_of_their_tenants() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let of = |more: &str| format!("tenants/offering_items?subtree_root_tenant_id={}{more}", tree.north);
    let all = scene.all(&scene.token, &of("")).await;
    assert_eq!(all.len(), 12, "of all editions");
    for limit in [1, 3, 5] {
        assert_eq!(scene.all(&scene.token, &of(&format!("&limit={limit}"))).await, all, "{limit} a page");
    }
    let mut tenants: Vec<String> = all.iter().map(|item| text(item, "tenant_id")).collect();
    tenants.dedup();
    let mut below = [tree.harbour.to_string(), tree.closed.to_string()];
    below.sort();
    assert_eq!((&tenants[0], &tenants[1..]), (&tree.north.to_string(), &below[..]));
    let own = scene.get(&format!("tenants/{}/offering_items?edition=*&status=1", tree.harbour)).await;
    for item in own["items"].as_array().unwrap() {
        assert!(all.contains(item), "{item}");
    }
    scene.change(tree.closed, json!({"ancestral_access": false})).await;
    assert_eq!(scene.all(&scene.token, &of("")).await.len(), 12, "its items are its own properties");
    let inside = format!("tenants/offering_items?subtree_root_tenant_id={}", tree.closed);
    scene.ask(&scene.token, &inside).await.expect(403);
}

#[tokio::test]
async fn names_editions_and_usage_names_choose() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let of =
        |more: &str| format!("tenants/offering_items?subtree_root_tenant_id={}&limit=1{more}", tree.harbour);
    for (more, expected) in [
        ("&usage_names=vms", vec!["p_vms", "vms"]),
        ("&editions=standard", vec!["fc_seats", "storage", "vms"]),
        ("&editions=cyber_protect_std", vec!["fc_seats", "p_vms"]),
        ("&offering_items=p_vms,storage,nothing", vec!["p_vms", "storage"]),
        ("&usage_names=vms&editions=standard", vec!["vms"]),
        ("&usage_names=nothing", vec![]),
        ("&editions=&usage_names=&offering_items=", vec!["fc_seats", "p_vms", "storage", "vms"]),
    ] {
        let found: Vec<String> = names(&scene, &of(more)).await.into_iter().map(|(_, name)| name).collect();
        assert_eq!(found, expected, "{more}");
    }
}

#[tokio::test]
async fn items_that_changed_since_come_and_those_of_deleted_tenants_where_asked_for() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    // In a second of its own: what changed within that of a timestamp comes again.
    scene.test.clock.set(testkit::at("2026-05-08T10:58:54Z"));
    let since = text(
        &scene.get(&format!("tenants/offering_items?subtree_root_tenant_id={}", tree.north)).await,
        "timestamp",
    );
    assert_eq!(since, "2026-05-08T10:58:54Z");
    scene.test.clock.set(testkit::at("2026-05-08T11:30:00Z"));
    turn(&scene.test, tree.harbour, &["vms"], false).await.unwrap();
    let of = |more: &str| {
        format!("tenants/offering_items?subtree_root_tenant_id={}&updated_since={since}{more}", tree.north)
    };
    let changed = scene.all(&scene.token, &of("")).await;
    assert_eq!(changed.len(), 1, "{changed:?}");
    assert_eq!((&changed[0]["name"], &changed[0]["status"]), (&json!("vms"), &json!(0)), "off is a change");
    scene.delete(tree.closed).await;
    assert_eq!(names(&scene, &of("")).await.len(), 1);
    let too = scene.all(&scene.token, &of("&allow_deleted=true&limit=2")).await;
    assert_eq!(too.len(), 5);
    let gone = too.iter().filter(|item| item["tenant_id"] == json!(tree.closed));
    assert!(
        gone.clone().count() == 4 && gone.clone().all(|item| item["deleted_at"] == "2026-05-08T11:30:00Z")
    );
}

#[tokio::test]
async fn the_services_of_several_tenants() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let own = scene.token_of(tree.north, Role::PartnerAdmin).await;
    let unknown = "ede9f834-70b3-476c-83d9-736f9f8c7dae";
    let path =
        format!("tenants/applications?tenants={},{unknown},{},{}", tree.harbour, tree.north, tree.harbour);
    let answer = scene.ask(&own, &path).await.ok();
    let listed: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| text(item, "tenant")).collect();
    assert_eq!(listed, [tree.harbour.to_string(), tree.north.to_string()]);
    for (tenant, item) in [tree.harbour, tree.north].iter().zip(answer["items"].as_array().unwrap()) {
        assert_eq!(item["applications"], scene.get(&format!("tenants/{tenant}/applications")).await["items"]);
    }
    let outside = format!("tenants/applications?tenants={},{}", tree.harbour, scene.test.top);
    assert_eq!(scene.ask(&own, &outside).await.expect(403)["error"]["code"], 1002);
    scene.delete(tree.harbour).await;
    assert_eq!(scene.ask(&own, &path).await.ok()["items"].as_array().unwrap().len(), 1);
    for path in ["tenants/applications", "tenants/applications?tenants=", "tenants/applications?tenants=x"] {
        assert!(refused(&scene.ask(&own, path).await).starts_with("tenants:"), "{path}");
    }
}
