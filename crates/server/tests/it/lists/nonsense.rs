//! Every filter with nonsense: a 400 that names it.

use domain::tenant::TenantKind::Customer;

use super::*;

/// Values that no parameter of the kind takes.
const NO_ID: &[&str] =
    &["x", "0", "ede9f83470b3476c83d9736f9f8c7dae", "%00", "ede9f834-70b3-476c-83d9-736f9f8c7dae%20OR%201=1"];
const NO_IDS: &[&str] = &["x", "ede9f834-70b3-476c-83d9-736f9f8c7dae,x", "%F0%9F%92%A9"];
const NO_FLAG: &[&str] = &["yes", "2", "TRUE", "null"];
const NO_LIMIT: &[&str] = &["0", "-1", "1.5", "x", "+5", "00", "%D9%A1"];
const NO_TIME: &[&str] =
    &["yesterday", "2026-05-08", "2026-13-08T10:58:53", "1778237933", "2026-05-08T25:00:00Z"];
const NO_WORD: &[&str] = &["everything", "Full", "full,basic"];

#[tokio::test]
async fn every_parameter_of_every_list_names_itself() {
    let scene = Scene::new().await;
    let top = scene.test.top;
    let tenants = format!("tenants?subtree_root_id={top}");
    let users = format!("users?subtree_root_tenant_id={top}");
    let inside = format!("{users}&inside_organization=true");
    let items = format!("tenants/offering_items?subtree_root_tenant_id={top}");
    let search = format!("search?tenant={top}&text=tide");
    let flags = [
        "with_contacts",
        "with_offering_items",
        "with_infra_offering_items",
        "expand_offering_items",
        "include_relative_path",
        "allow_deleted",
    ];
    let mut cases: Vec<(&str, &str, &[&str])> = flags.map(|flag| (tenants.as_str(), flag, NO_FLAG)).to_vec();
    for list in [&tenants, &users, &items] {
        cases.push((list, "limit", NO_LIMIT));
        cases.push((list, "updated_since", NO_TIME));
        cases.push((
            list,
            "after",
            &["x", "!!", "e30", "%00", "bnVsbA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"],
        ));
        cases.push((list, "allow_deleted", NO_FLAG));
    }
    for (list, name, values) in [
        ("tenants?x=", "uuids", NO_IDS),
        ("tenants?x=", "parent_id", NO_ID),
        ("tenants?x=", "subtree_root_id", NO_ID),
        (tenants.as_str(), "lod", NO_WORD),
        ("users?x=", "uuids", NO_IDS),
        ("users?x=", "tenant_id", NO_ID),
        ("users?x=", "subtree_root_tenant_id", NO_ID),
        (&users, "lod", &["full_without_contacts", "everything"]),
        (&users, "with_access_policies", NO_FLAG),
        (&users, "inside_organization", NO_FLAG),
        (&inside, "access_policies", &["tenant_viewer", "x"]),
        (&inside, "tenant_kinds", &["shop", "Unit"]),
        (&inside, "target_tenant_id", NO_ID),
        ("tenants/offering_items?x=", "subtree_root_tenant_id", NO_ID),
        ("search?text=tide", "tenant", NO_ID),
        (&search, "limit", &["0", "301", "x", "-1"]),
        (&search, "allow_deleted", NO_FLAG),
    ] {
        cases.push((list, name, values));
    }
    for (list, name, values) in cases {
        for value in values {
            let path = format!("{list}&{name}={value}");
            let info = refused(&scene.ask(&scene.token, &path).await);
            assert!(info.starts_with(&format!("{name}:")), "{path}: {info}");
        }
    }
}

#[tokio::test]
async fn filters_missing_too_many_or_in_each_others_way() {
    let scene = Scene::new().await;
    let customer = scene.test.tenant(scene.test.top, Customer, "C").await;
    let ask = async |path: &str| scene.ask(&scene.token, path).await;
    for path in [
        "tenants",
        "tenants?uuids=",
        "tenants?parent_id=&subtree_root_id=&after=",
        "tenants?lod=basic&limit=5",
    ] {
        assert_eq!(ask(path).await.expect(400)["error"]["code"], "ParameterMalformed", "{path}");
    }
    let several = format!("tenants?uuids={customer}&parent_id={customer}");
    assert_eq!(ask(&several).await.expect(400)["error"]["code"], 400);
    refused(&ask(&format!("tenants?parent_id={customer}&subtree_root_id={customer}")).await);
    for users in [
        format!("users?uuids={customer}&tenant_id={customer}"),
        format!("users?tenant_id={customer}&subtree_root_tenant_id={customer}"),
        format!("users?external_ids=a&subtree_root_tenant_id={customer}"),
    ] {
        refused(&ask(&users).await);
    }
    assert!(refused(&ask("users?external_ids=a").await).starts_with("tenant_id:"));
    assert!(refused(&ask("users?inside_organization=1").await).starts_with("subtree_root_tenant_id:"));
    for name in ["access_policies=unit_admin", "tenant_kinds=unit", &format!("target_tenant_id={customer}")] {
        let info = refused(&ask(&format!("users?subtree_root_tenant_id={customer}&{name}")).await);
        assert!(info.starts_with(name.split('=').next().unwrap()), "{info}");
    }
    let many = |count: usize| vec![customer.to_string(); count].join(",");
    assert!(refused(&ask(&format!("tenants?uuids={}", many(101))).await).starts_with("uuids:"));
    assert!(refused(&ask(&format!("users?uuids={}", many(101))).await).starts_with("uuids:"));
    let external = format!("users?tenant_id={customer}&external_ids={}", many(101));
    assert!(refused(&ask(&external).await).starts_with("external_ids:"));
    assert_eq!(taken(&ask(&format!("tenants?uuids={}", many(100))).await.ok()).len(), 1);
    assert!(refused(&ask("tenants/offering_items").await).starts_with("subtree_root_tenant_id:"));
    let unknown = "ede9f834-70b3-476c-83d9-736f9f8c7dae";
    for path in [
        format!("tenants?parent_id={unknown}"),
        format!("tenants?subtree_root_id={unknown}"),
        format!("users?tenant_id={unknown}"),
        format!("users?subtree_root_tenant_id={unknown}"),
        format!("tenants/offering_items?subtree_root_tenant_id={unknown}"),
        format!("search?tenant={unknown}&text=abc"),
    ] {
        assert_eq!(ask(&path).await.expect(404)["error"]["code"], 1005, "{path}");
    }
    let tolerated =
        format!("tenants?parent_id={}&limit=99999999999999999999999&_issues=&surprise", scene.test.top);
    assert_eq!(taken(&ask(&tolerated).await.ok()).len(), 1, "more than there can be acts as the default");
    assert_eq!(taken(&ask(&format!("tenants/?parent_id={}", scene.test.top)).await.ok()).len(), 1);
}
