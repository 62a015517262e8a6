//! A log of many tenants, which is walked down by time, a window at a time.

use domain::access::Actor;
use domain::ids::{ContactId, TenantId};
use domain::tenant::TenantKind;
use serde_json::{Value, json};
use store::tenants::NewTenant;

use super::{Scene, scene};

/// More than are looked up tenant by tenant.
const COPIES: usize = 2_100;

/// Customers of North, with ten changes each, a second apart and later than all others: more than a window has.
async fn fill(scene: &Scene) {
    let app = &scene.test.app;
    let north = Some(scene.test.no(scene.north).await);
    let mut tx = app.write_as(Actor::System).await.unwrap();
    for _ in 0..COPIES {
        let (id, contact) = (TenantId(app.ids.other().unwrap()), ContactId(app.ids.other().unwrap()));
        let new = NewTenant::plain(id, contact, north, "Copy".to_owned(), TenantKind::Customer);
        store::tenants::insert(&mut tx, &new).await.unwrap();
    }
    tx.run(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO changes (seq, ordinal, object, object_id, tenant_no, field, new_value, valid_from, recorded_at,
         actor_kind, actor_id)
         SELECT 100000 + t.no, i, 'tenant', t.id, t.no, 'name', 'Renamed', -2147483648, 2000000000000000 + t.no * 1000000,
         'system', '00000000-0000-0000-0000-000000000000' FROM n, tenants t WHERE t.name = 'Copy'",
        Vec::new(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn many_tenants_are_walked_window_by_window() {
    let scene = scene().await;
    fill(&scene).await;
    let all = scene.all(&scene.token, scene.north, "field=name", 1000).await;
    let renamed = all.iter().filter(|change| change["new"] == "Renamed").count();
    assert_eq!((renamed, all.len()), (10 * COPIES, 11 * COPIES + 2), "each change once");
    let seqs: Vec<i64> = all.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|later, earlier| later >= earlier));
    // What stands behind the first window is found, by a page that has nothing before.
    let page = scene.page(&scene.token, scene.north, "field=kind").await;
    assert_eq!(page["items"], Value::Array(Vec::new()));
    assert!(page["after"].is_string());
    let kinds = scene.all(&scene.token, scene.north, "field=kind", 1000).await;
    assert_eq!(kinds.len(), COPIES + 2, "North's and Harbour's too");
    // Of one object, one actor, one kind of object: found at once, however much lies behind in time.
    scene.put(&scene.token, scene.north, json!({"internal_tag": "seen"})).await;
    let tagged = scene.page(&scene.token, scene.north, &format!("actor={}&limit=1", scene.client)).await;
    assert_eq!(tagged["items"][0]["new"], "seen");
    let own = scene.page(&scene.token, scene.north, &format!("object_id={}&field=kind", scene.north)).await;
    assert_eq!((&own["items"][0]["new"], &own["after"]), (&json!("partner"), &Value::Null));
    let root = scene.root_token().await;
    let keys = scene.page(&root, scene.test.top, "object=key").await;
    assert_eq!((keys["items"].as_array().unwrap().len(), &keys["after"]), (2, &Value::Null));
    let bounded = scene.all(&scene.token, scene.north, "field=name&to=2026-12-31", 1000).await;
    assert_eq!(bounded.len(), COPIES + 2);
    let recent = scene.all(&scene.token, scene.north, "field=kind&from=2030-01-01", 1000).await;
    assert_eq!(recent, Vec::<Value>::new());
}
