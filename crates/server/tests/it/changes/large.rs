//! A log of many tenants, which is walked down by time, a window at a time.

use domain::access::Actor;
use serde_json::Value;

use super::scene;

#[tokio::test]
async fn many_tenants_are_walked_window_by_window() {
    let scene = scene().await;
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    // More than are looked up tenant by tenant, with more changes than a window has.
    tx.run(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2100)
         INSERT INTO tenants SELECT 100000 + i, printf('00000000-0000-0000-0000-%012d', i), t.version, t.created_at,
         t.updated_at, t.deleted_at, t.parent_no, 'Copy', t.kind, t.contact_id, t.customer_type, t.enabled, t.customer_id,
         t.internal_tag, t.language, t.owner_id, t.default_idp_id, t.update_lock_owner_id, t.ancestral_access,
         t.enhanced_security, t.external_operation, t.pricing_mode, t.pricing_switched_at, t.pricing_version, t.currency,
         t.billing_day, t.billing_mode, t.usage_calculation_mode, t.billing_version,
         t.mfa_demanded
         FROM n, tenants t WHERE t.name = 'Harbour'",
        Vec::new(),
    )
    .await
    .unwrap();
    tx.run(
        "INSERT INTO closure SELECT k.ancestor_no, t.no, k.depth, k.walls FROM tenants t, closure k, tenants h
         WHERE t.name = 'Copy' AND h.name = 'Harbour' AND k.tenant_no = h.no AND k.depth > 0",
        Vec::new(),
    )
    .await
    .unwrap();
    tx.run("INSERT INTO closure SELECT no, no, 0, 0 FROM tenants WHERE name = 'Copy'", Vec::new())
        .await
        .unwrap();
    // Ten changes each, a second apart, long after the others.
    tx.run(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10)
         INSERT INTO changes SELECT t.no, i, 'tenant', t.id, t.no, 'name', NULL, 'Copy', -2147483648,
         2000000000000000 + t.no * 1000000, 'system', '00000000-0000-0000-0000-000000000000', NULL
         FROM n, tenants t WHERE t.name = 'Copy'",
        Vec::new(),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();

    let all = scene.all(&scene.token, scene.north, "field=name", 1000).await;
    let copies = all.iter().filter(|change| change["new"] == "Copy").count();
    assert_eq!((copies, all.len()), (21_000, 21_002), "each change once");
    let seqs: Vec<i64> = all.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|later, earlier| later >= earlier));
    // What stands behind the first window is found, by a page that may be empty before.
    let page = scene.page(&scene.token, scene.north, "field=kind").await;
    assert_eq!(page["items"], Value::Array(Vec::new()));
    assert!(page["after"].is_string());
    let kinds = scene.all(&scene.token, scene.north, "field=kind", 10).await;
    assert_eq!(kinds.len(), 2, "North's and Harbour's");
    let bounded = scene.all(&scene.token, scene.north, "field=name&to=2026-12-31", 10).await;
    assert_eq!(bounded.len(), 2);
    let recent = scene.page(&scene.token, scene.north, "field=kind&from=2030-01-01").await;
    assert_eq!(recent["items"], Value::Array(Vec::new()));
}
