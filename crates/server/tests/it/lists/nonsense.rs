//! Filters that do not go together, or are too many: a 400 that names one. What each may not be: `bad_input::queries`.

use domain::tenant::TenantKind::Customer;

use super::*;

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
