//! Many children, deep trees, and changes while a list is read.

use domain::access::Actor;
use domain::ids::ContactId;
use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::json;
use store::tenants::NewTenant;

use super::*;

/// Children made in one transaction.
async fn children(scene: &Scene, parent: TenantId, count: usize) {
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    let no = store::tenants::by_id(&mut tx, parent).await.unwrap().unwrap().no;
    for n in 0..count {
        let fresh = || scene.test.app.ids.other().unwrap();
        let (id, contact) = (TenantId(fresh()), ContactId(fresh()));
        let new = NewTenant::plain(id, contact, Some(no), format!("child {n}"), Customer);
        store::tenants::insert(&mut tx, &new).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn ten_thousand_children_twenty_levels_down_come_once_each() {
    let scene = Scene::new().await;
    let mut deepest = scene.test.top;
    for depth in 1..=20 {
        deepest = scene.test.tenant(deepest, Partner, &format!("level {depth}")).await;
    }
    children(&scene, deepest, 10_000).await;
    let of = |query: &str| format!("tenants?{query}&lod=stamps");
    let by_parent = scene.ids(&scene.token, &of(&format!("parent_id={deepest}&limit=999"))).await;
    assert_eq!(by_parent.iter().collect::<BTreeSet<_>>().len(), 10_000);
    assert!(by_parent.is_sorted(), "by id");
    let below = scene.ids(&scene.token, &of(&format!("subtree_root_id={}", scene.test.top))).await;
    assert_eq!(below.len(), 10_021, "5000 a page");
    assert_eq!(below[21..], by_parent, "by level, then id");
    // More changes than are sorted at once: the subtree is walked, with the same outcome.
    let since = of(&format!("subtree_root_id={}&updated_since=2020-01-01T00:00:00Z", scene.test.top));
    assert_eq!(scene.ids(&scene.token, &since).await, below);
    let first = scene.get(&of(&format!("parent_id={deepest}&limit=20000"))).await;
    assert_eq!(taken(&first).len(), 5000, "larger limits act as the default");
    let ids = format!("uuids={}&include_relative_path=true", below[10_020]);
    assert_eq!(scene.ids(&scene.token, &of(&ids)).await.len(), 22, "the whole way down");
    let found = scene.get(&format!("search?tenant={}&text=child%209999", scene.test.top)).await;
    assert_eq!(found["items"][0]["path"].as_array().unwrap().len(), 21);
}

#[tokio::test]
async fn what_is_there_throughout_comes_once_while_others_come_change_and_go() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    children(&scene, north, 60).await;
    let before: BTreeSet<String> =
        scene.ids(&scene.token, &format!("tenants?parent_id={north}")).await.into_iter().collect();
    let (mut going, mut changing) = (before.iter().step_by(5), before.iter().skip(1).step_by(5));
    let mut gone = BTreeSet::new();
    for list in ["parent_id", "subtree_root_id"] {
        let mut seen = Vec::new();
        let mut page = scene.get(&format!("tenants?{list}={north}&limit=7")).await;
        loop {
            seen.extend(taken(&page).iter().map(|item| text(item, "id")));
            let Some(after) = cursor(&page) else { break };
            children(&scene, north, 2).await;
            if let (Some(leaver), Some(changed)) = (going.next(), changing.next()) {
                scene.delete(leaver.parse().unwrap()).await;
                gone.insert(leaver.clone());
                scene.change(changed.parse().unwrap(), json!({"name": "other", "enabled": false})).await;
            }
            page = scene.get(&format!("tenants?after={after}")).await;
        }
        let once: BTreeSet<String> = seen.iter().cloned().collect();
        assert_eq!(once.len(), seen.len(), "nothing comes twice");
        let missing: Vec<_> = before.iter().filter(|id| !gone.contains(*id) && !once.contains(*id)).collect();
        assert!(missing.is_empty(), "{list}: {missing:?}");
    }
    assert!(gone.len() > 5);
}
