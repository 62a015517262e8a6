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
async fn ten_thousand_children_come_once_each() {
    let scene = Scene::new().await;
    let (top, north) = (scene.test.top, scene.test.tenant(scene.test.top, Partner, "north").await);
    children(&scene, north, 10_000).await;
    let of = |query: &str| format!("tenants?{query}&lod=stamps");
    let by_parent = scene.ids(&scene.token, &of(&format!("parent_id={north}&limit=999"))).await;
    assert_eq!(by_parent.iter().collect::<BTreeSet<_>>().len(), 10_000);
    assert!(by_parent.is_sorted(), "by id");
    let below = scene.ids(&scene.token, &of(&format!("subtree_root_id={top}"))).await;
    assert_eq!((below.len(), &below[2..]), (10_002, &by_parent[..]), "by level, then id; 5000 a page");
    // More changes than are sorted at once: the subtree is walked, with the same outcome.
    let since = of(&format!("subtree_root_id={top}&updated_since=2020-01-01T00:00:00Z"));
    assert_eq!(scene.ids(&scene.token, &since).await, below);
    let first = scene.get(&of(&format!("parent_id={north}&limit=20000"))).await;
    assert_eq!(taken(&first).len(), 5000, "larger limits act as the default");
    // A root too large to be looked at one by one.
    let found = scene.get(&format!("search?tenant={top}&text=child%209999")).await;
    assert_eq!(
        (found["items"].as_array().unwrap().len(), &found["items"][0]["name"]),
        (1, &json!("child 9999"))
    );
    let many = scene.get(&format!("search?tenant={top}&text=child&limit=300")).await;
    assert_eq!(many["items"].as_array().unwrap().len(), 300);
}

#[tokio::test]
async fn a_tree_twenty_levels_deep_comes_from_the_top_down() {
    let scene = Scene::new().await;
    let mut chain = vec![scene.test.top.to_string()];
    for depth in 1..=20 {
        let above = chain.last().unwrap().parse().unwrap();
        let below = scene.test.tenant(above, Partner, &format!("level {depth}")).await;
        scene.user(below, &format!("user{depth:02}")).await;
        chain.push(below.to_string());
    }
    let path = format!("tenants?subtree_root_id={}&limit=3", scene.test.top);
    let listed = scene.all(&scene.token, &path).await;
    assert_eq!(listed.iter().map(|item| text(item, "id")).collect::<Vec<_>>(), chain);
    assert!(listed.iter().all(|tenant| tenant["barrier"] == 0));
    let users = scene.all(&scene.token, "users?lod=basic&limit=3").await;
    let logins: Vec<_> = users.iter().skip(1).map(|user| text(user, "login")).collect();
    assert_eq!(logins, (1..=20).map(|depth| format!("user{depth:02}")).collect::<Vec<_>>());
    let mut way = chain.clone();
    way.sort();
    let up = format!("tenants?uuids={}&include_relative_path=true&limit=4", chain[20]);
    assert_eq!(scene.ids(&scene.token, &up).await, way);
    let found = scene.get(&format!("search?tenant={}&text=level%2020", scene.test.top)).await;
    assert_eq!(found["items"][0]["path"].as_array().unwrap().len(), 20);
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
