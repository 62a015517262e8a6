//! A tenant with 10,000 children that are metered. How they are listed, searched, moved and restored: `lists::large` and
//! `tenants::isolation`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use domain::access::Actor;
use domain::ids::{ContactId, TenantId};
use domain::tenant::TenantKind::{Customer, Folder, Partner};
use serde_json::{Value, json};
use store::args;
use store::audit::{Change, Object};
use store::tenants::NewTenant;

use crate::lists::{Scene, text};
use crate::metering::Metering as _;

const CHILDREN: i64 = 10_000;

/// Children with virtual machines on, made in one transaction.
async fn children(scene: &Scene, parent: TenantId) -> Vec<TenantId> {
    let (app, parent) = (&scene.test.app, scene.test.no(parent).await);
    let item = scene.test.item_no("vms").await;
    let mut tx = app.write_as(Actor::System).await.unwrap();
    let now = tx.now();
    let mut made = Vec::new();
    for n in 1..=CHILDREN {
        let (id, contact) = (TenantId(app.ids.other().unwrap()), ContactId(app.ids.other().unwrap()));
        let new = NewTenant::plain(id, contact, Some(parent), format!("Child {n}"), Customer);
        let no = store::tenants::insert(&mut tx, &new).await.unwrap();
        tx.run(
            "INSERT INTO tenant_items (tenant_no, item_no, infra_no, enabled, quota_version, updated_at)
             VALUES ($1, $2, 0, 1, 0, $3)",
            args![no, item, now],
        )
        .await
        .unwrap();
        let (old, new) = (None, Some("true".to_owned()));
        let change = Change { object: Object::Item, id: "vms", tenant: no, field: "enabled", old, new };
        tx.log_first(change).await.unwrap();
        made.push(id);
    }
    tx.commit().await.unwrap();
    made
}

/// What a report on a tenant says of virtual machines now, by tenant.
async fn figures(scene: &Scene, tenant: TenantId) -> BTreeMap<String, i64> {
    let path = format!(
        "/api/tidemark/1/tenants/{tenant}/report?kind=usage_current&level=direct_partners&end=2026-05-08"
    );
    let answer = scene.server.get(&path).bearer(&scene.token).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut rows = csv::Reader::from_reader(answer.body.as_slice());
    let rows = rows.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
    let rows = rows.filter(|row| row["name"] == "vms");
    rows.map(|row| (row["tenant.id"].clone(), row["usage.absolute.total"].parse().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_children_add_up_until_they_are_deleted() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "North").await;
    let wide = scene.test.tenant(north, Folder, "Wide").await;
    let children = children(&scene, wide).await;
    let mut readings = String::new();
    for (value, tenant) in (1..).zip(&children) {
        writeln!(readings, r#"{{"tenant_id":"{tenant}","offering_item":"vms","value":{value}}}"#).unwrap();
    }
    let upload = scene.server.post("/api/tidemark/1/readings").bearer(&scene.token);
    let taken = upload.raw("application/x-ndjson", readings).await.ok();
    assert_eq!(taken["accepted"], CHILDREN, "{taken}");

    let whole = CHILDREN * (CHILDREN + 1) / 2;
    let usages = scene.get(&format!("tenants/{north}/usages?usage_names=vms")).await;
    assert_eq!(usages["items"][0]["value"], whole);
    let told = figures(&scene, wide).await;
    assert_eq!((told.len(), told[&wide.to_string()]), (children.len() + 1, whole));
    assert!((1..).zip(&children).all(|(value, tenant)| told[&tenant.to_string()] == value));

    // Usage below a disabled tenant is still billed (accounts-api, 1.8), and nobody there is disabled itself.
    scene.change(wide, json!({"enabled": false})).await;
    assert_eq!(figures(&scene, wide).await, told);
    let last = format!("tenants/{}", children[9_999]);
    assert_eq!(scene.get(&last).await["enabled"], true);

    // A thousand at once: all or none, and not while one of them is enabled.
    let (going, staying) = children.split_at(1_000);
    let batch = |tenants: &[TenantId], version: i64| {
        let items: Vec<Value> = tenants.iter().map(|id| json!({"id": id, "version": version})).collect();
        scene.server.post("/api/2/tenants/batch/delete").bearer(&scene.token).json(json!({"items": items}))
    };
    assert_eq!(batch(going, 1).await.expect(400)["error"]["code"], 1006);
    assert_eq!(batch(&children[..1_001], 1).await.status, 413);
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    for tenant in going {
        tx.run("UPDATE tenants SET enabled = 0, version = 2 WHERE id = $1", args![*tenant]).await.unwrap();
    }
    tx.commit().await.unwrap();
    assert_eq!(batch(going, 1).await.expect(409)["error"]["code"], 1001);
    assert_eq!(batch(going, 2).await.status, 204);
    let listed = scene.get(&format!("tenants/{wide}/children")).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), staying.len());
    let told = figures(&scene, wide).await;
    let rest: i64 = (1_001..=CHILDREN).sum();
    assert_eq!(told[&wide.to_string()], rest);
    assert!(going.iter().all(|tenant| told.get(&tenant.to_string()).is_none_or(|figure| *figure == 0)));
    assert!((1_001..).zip(staying).all(|(value, tenant)| told[&tenant.to_string()] == value));
    assert_eq!(text(&scene.get(&last).await, "name"), "Child 10000");
}
