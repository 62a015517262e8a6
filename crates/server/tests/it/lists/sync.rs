//! Synchronising by lists: whoever asks for what changed since the `timestamp` of the time before misses nothing.

use domain::access::Actor;
use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::json;

use super::*;
use crate::offering_items::turn;

const LISTS: [(&str, &str); 3] = [
    ("tenants", "subtree_root_id"),
    ("users", "subtree_root_tenant_id"),
    ("tenants/offering_items", "subtree_root_tenant_id"),
];

/// The `timestamp` of a list of everything below a tenant.
async fn moment(scene: &Scene, list: (&str, &str), root: TenantId) -> String {
    text(&scene.get(&format!("{}?{}={root}&limit=1", list.0, list.1)).await, "timestamp")
}

/// The ids of the tenants that have changed, or have what has changed, since then.
async fn since(scene: &Scene, list: (&str, &str), root: TenantId, since: &str) -> BTreeSet<String> {
    let path = format!("{}?{}={root}&updated_since={since}&allow_deleted=true", list.0, list.1);
    let member = if list.0 == "tenants" { "id" } else { "tenant_id" };
    scene.all(&scene.token, &path).await.iter().map(|item| text(item, member)).collect()
}

fn clock(scene: &Scene, time: &str) {
    scene.test.clock.set(testkit::at(&format!("2026-05-08T{time}Z")));
}

/// Changes a tenant, a user of it and an item of it in one transaction, which is not committed yet.
async fn changed(scene: &Scene, mut tx: store::Write, tenant: TenantId) -> store::Write {
    let no = scene.test.no(tenant).await;
    store::tenants::touch(&mut tx, no).await.unwrap();
    for row in tx.all("SELECT id FROM users WHERE tenant_no = $1", store::args![no]).await.unwrap() {
        let user = store::users::by_id(&mut tx, row.parsed("id").unwrap()).await.unwrap().unwrap();
        store::users::update(&mut tx, &user, &user).await.unwrap();
    }
    let (key, old) = store::offering_items::of_tenant(&mut tx, no).await.unwrap()[0];
    let change = store::offering_items::ItemChange {
        tenant: no,
        key,
        log_id: "item".to_owned(),
        old: Some(old),
        enabled: false,
        quota: old.quota,
    };
    store::offering_items::save(&mut tx, &[change]).await.unwrap();
    tx
}

/// A partner with a customer that has a user and an item.
async fn tree(scene: &Scene) -> (TenantId, TenantId) {
    let north = scene.test.tenant(scene.test.top, Partner, "north").await;
    let harbour = scene.test.tenant(north, Customer, "harbour").await;
    for tenant in [north, harbour] {
        turn(&scene.test, tenant, &["vms"], true).await.unwrap();
    }
    scene.user(harbour, "anna").await;
    (north, harbour)
}

#[tokio::test]
async fn a_change_that_waited_for_the_writer_is_later_than_the_lists_it_did_not_stand_in() {
    for list in LISTS {
        let scene = Scene::new().await;
        let (north, harbour) = tree(&scene).await;
        clock(&scene, "11:00:00");
        let others = scene.test.app.write_as(Actor::System).await.unwrap();
        let waiting = async {
            let tx = scene.test.app.write_as(Actor::System).await.unwrap();
            changed(&scene, tx, harbour).await.commit().await.unwrap();
        };
        let listing = async {
            clock(&scene, "11:00:10");
            let timestamp = moment(&scene, list, north).await;
            drop(others);
            timestamp
        };
        // In this order: the change asks for its turn before the clock goes on.
        let ((), timestamp) = tokio::join!(waiting, listing);
        let found = since(&scene, list, north, &timestamp).await;
        assert!(found.contains(&harbour.to_string()), "{list:?} since {timestamp}");
    }
}

#[tokio::test]
async fn a_change_that_is_not_committed_yet_is_later_than_the_lists_it_does_not_stand_in() {
    for list in LISTS {
        let scene = Scene::new().await;
        let (north, harbour) = tree(&scene).await;
        clock(&scene, "11:00:00");
        let tx = scene.test.app.write_as(Actor::System).await.unwrap();
        let tx = changed(&scene, tx, harbour).await;
        clock(&scene, "11:00:10");
        let timestamp = moment(&scene, list, north).await;
        tx.commit().await.unwrap();
        let found = since(&scene, list, north, &timestamp).await;
        assert!(found.contains(&harbour.to_string()), "{list:?} since {timestamp}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_back_loses_nothing() {
    let scene = Scene::new().await;
    let (north, harbour) = tree(&scene).await;
    clock(&scene, "12:00:00");
    let mut moments = Vec::new();
    for list in LISTS {
        moments.push(moment(&scene, list, north).await);
    }
    clock(&scene, "11:00:00");
    let tx = scene.test.app.write_as(Actor::System).await.unwrap();
    changed(&scene, tx, harbour).await.commit().await.unwrap();
    for (list, timestamp) in LISTS.into_iter().zip(moments) {
        assert!(timestamp.starts_with("2026-05-08T12:00:00"), "{timestamp}");
        assert_eq!(
            since(&scene, list, north, &timestamp).await,
            BTreeSet::from([harbour.to_string()]),
            "{list:?}"
        );
    }
    // Nor do lists go back.
    clock(&scene, "10:59:00");
    for list in LISTS {
        let timestamp = moment(&scene, list, north).await;
        assert!(timestamp.starts_with("2026-05-08T12:00:00"), "{timestamp}");
    }
}

#[tokio::test]
async fn the_timestamp_is_the_present_and_nothing_comes_twice_after_it() {
    let scene = Scene::new().await;
    let (north, _) = tree(&scene).await;
    for time in ["10:58:54", "11:00:00", "12:30:00"] {
        clock(&scene, time);
        for list in LISTS {
            let timestamp = moment(&scene, list, north).await;
            assert!(timestamp.starts_with(&format!("2026-05-08T{time}")), "{timestamp}");
            assert_eq!(since(&scene, list, north, &timestamp).await, BTreeSet::new(), "{list:?}");
        }
    }
}

#[tokio::test]
async fn what_comes_into_a_subtree_with_a_move_or_an_opening_is_new_there() {
    let scene = Scene::new().await;
    let (_, harbour) = tree(&scene).await;
    let south = scene.test.tenant(scene.test.top, Partner, "south").await;
    turn(&scene.test, south, &["vms"], true).await.unwrap();
    let quay = scene.test.tenant(harbour, domain::tenant::TenantKind::Unit, "quay").await;
    let all = BTreeSet::from([harbour.to_string(), quay.to_string()]);
    let before = scene.get(&format!("tenants/{quay}")).await;
    for (time, change, expected) in [
        ("11:00:00", json!({"parent_id": south}), [2, 1, 1]),
        ("11:10:00", json!({"ancestral_access": false}), [1, 0, 0]),
        ("11:20:00", json!({"ancestral_access": true}), [2, 1, 1]),
    ] {
        clock(&scene, time);
        let mut moments = Vec::new();
        for list in LISTS {
            moments.push(moment(&scene, list, south).await);
        }
        if change == json!({"ancestral_access": true}) {
            scene.test.open(harbour).await;
        } else {
            scene.change(harbour, change.clone()).await;
        }
        for ((list, timestamp), expected) in LISTS.into_iter().zip(moments).zip(expected) {
            let found = since(&scene, list, south, &timestamp).await;
            assert!(found.is_subset(&all), "{found:?}");
            assert_eq!(found.len(), expected, "{list:?} after {change}");
        }
    }
    let after = scene.get(&format!("tenants/{quay}")).await;
    assert_eq!((&before["version"], &before["name"]), (&after["version"], &after["name"]));
}
