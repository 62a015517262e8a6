//! Members and parameters: times, booleans, ids that are not there, and objects that come back as they were read.

use domain::catalogue::{Catalogue, Item};
use domain::infra::Capability;
use serde_json::{Value, json};

use super::{BACKUP, PLATFORM, Scene, info, without};
use crate::offering_items::storage;

#[tokio::test]
async fn times_reach_to_the_end_of_the_calendar() {
    let scene = Scene::new().await;
    let (user, mut version) = scene.user("jdoe").await;
    let path = format!("/users/{user}");
    for (sent, shown) in [
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59Z"),
        ("9999-12-31T00:00:00+00:00", "9999-12-31T00:00:00Z"),
        ("2030-01-02T03:04:05.678901234+01:00", "2030-01-02T02:04:05Z"),
    ] {
        let changed = scene.put(&path).json(json!({"version": version, "disable_after": sent})).await.ok();
        assert_eq!(changed["disable_after"], shown, "{sent}");
        assert_eq!(scene.get(&path).await.ok(), changed, "{sent}");
        version = changed["version"].as_i64().unwrap();
    }
    for beyond in ["9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z"] {
        let refused = scene.put(&path).json(json!({"version": version, "disable_after": beyond})).await;
        assert!(info(&refused, 400).starts_with("disable_after: not a time"), "{beyond}");
    }
    let users = async |since: &str| {
        let list = scene.get(&format!("/users?tenant_id={}&updated_since={since}", scene.harbour)).await.ok();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(users("9999-12-31T23:59:59.999Z").await, 0);
    assert_eq!(users("2017-01-02T03:04:05.678901234%2B01:00").await, 1);
}

#[tokio::test]
async fn a_user_comes_back_by_a_well_formed_call_alone() {
    let scene = Scene::new().await;
    let (user, version) = scene.user("jdoe").await;
    let path = format!("/users/{user}");
    let disabled = scene.put(&path).json(json!({"version": version, "enabled": false})).await.ok();
    scene.delete(&format!("{path}?version={}", disabled["version"])).await.expect(204);
    let restore = || scene.post(&format!("{path}/restore"));
    assert!(info(&restore().raw("application/json", "{\"a\":").await, 400).contains("not JSON"));
    assert!(info(&restore().raw("text/plain", "{}").await, 415).contains("Content-Type"));
    assert_eq!(info(&restore().json(json!("x")).await, 400), "body: must be a JSON object");
    scene.get(&path).await.expect(404);
    restore().json(json!({})).await.expect(204);
    scene.get(&path).await.ok();
}

#[tokio::test]
async fn nothing_is_nothing_whatever_a_language_makes_of_it() {
    let scene = Scene::new().await;
    scene.turn_on(scene.north, |name| name == "vms").await;
    let (user, _) = scene.user("jdoe").await;
    for path in [
        format!("/users/{user}/send-activation-email"),
        format!("/users/{user}/restore"),
        format!("/tenants/{}/restore", scene.harbour),
        format!("/applications/{BACKUP}/bindings/tenants/{}", scene.harbour),
    ] {
        for nothing in [json!({}), json!([]), json!(null)] {
            scene.post(&path).json(nothing).await.expect(204);
        }
        assert_eq!(info(&scene.post(&path).json(json!([1])).await, 400), "body: must be a JSON object");
    }
    let body = json!({"type": "api_client", "tenant_id": scene.north, "data": [],
        "token_endpoint_auth_method": "client_secret_basic"});
    let made = scene.post("/clients").json(body).await.expect(201);
    let path = format!("/clients/{}", made["client_id"].as_str().unwrap());
    let mut fetched = scene.get(&path).await.ok();
    fetched["data"] = json!([]);
    assert_eq!(scene.put(&path).json(fetched).await.ok()["data"], json!({}));
    for not_one in [json!([1]), json!("x"), json!(1)] {
        let refused = scene.put(&path).json(json!({"data": not_one})).await;
        assert_eq!(info(&refused, 400), "data: must be an object");
    }
    scene.put(&path).json(json!({"data": {"client_name": null}})).await.ok();
}

#[tokio::test]
async fn a_public_client_gets_no_secret() {
    let scene = Scene::new().await;
    let make = async |method: &str| {
        let body =
            json!({"type": "api_client", "tenant_id": scene.north, "token_endpoint_auth_method": method});
        scene.post("/clients").json(body).await.expect(201)
    };
    let (public, basic) = (make("none").await, make("client_secret_basic").await);
    assert!(public.get("client_secret").is_none() && basic["client_secret"].is_string());
    let kinds = |made: Value| made.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(kinds(public), kinds(without(basic, &["client_secret"])));
}

#[tokio::test]
async fn a_setting_that_was_read_can_be_sent_back() {
    let scene = Scene::new().await;
    let path = format!("/applications/{PLATFORM}/settings/tenants/{}/licensing_mode", scene.north);
    let unset = scene.get(&path).await.ok();
    assert_eq!(unset["own"], json!(null));
    assert_eq!(info(&scene.put(&path).json(unset).await, 400), "value: required");
    scene.put(&path).json(json!({"value": "per_gb", "lock": true})).await.ok();
    let read = scene.get(&path).await.ok();
    assert_eq!(scene.put(&path).json(read.clone()).await.ok(), read);
    assert_eq!(scene.get(&path).await.ok(), read);
    let mut edited = read.clone();
    edited["own"]["value"] = json!("per_device");
    assert_eq!(
        scene.put(&path).json(edited).await.ok()["own"],
        json!({"value": "per_device", "lock": true, "exclusive": false})
    );
    // Beside a value what was read is read-only.
    let mut beside = read.clone();
    beside["value"] = json!("per_gb");
    let changed = scene.put(&path).json(beside).await.ok();
    assert_eq!(changed["own"], json!({"value": "per_gb", "lock": false, "exclusive": false}));
    let mut surprising = read;
    surprising["surprise"] = json!(1);
    assert_eq!(info(&scene.put(&path).json(surprising).await, 400), "surprise: unknown member");
}

#[tokio::test]
async fn booleans_of_a_query_come_in_any_case() {
    let scene = Scene::new().await;
    let (user, version) = scene.user("jdoe").await;
    let disable = scene.put(&format!("/users/{user}")).json(json!({"version": version, "enabled": false}));
    let version = disable.await.ok()["version"].clone();
    scene.delete(&format!("/users/{user}?version={version}")).await.expect(204);
    let read = |flag: &str| scene.get(&format!("/users/{user}?allow_deleted={flag}"));
    for yes in ["true", "True", "TRUE", "1"] {
        read(yes).await.ok();
    }
    for no in ["false", "False", "FALSE", "0", ""] {
        read(no).await.expect(404);
    }
    for neither in ["yes", "2", "01", "truee", "t", "%20true"] {
        assert_eq!(info(&read(neither).await, 400), "allow_deleted: must be true or false", "{neither}");
    }
}

/// Sends what a partner offers a child of this kind to that child.
async fn take_offer(scene: &Scene, kind: &str, child: &str, edition: &str) -> Vec<Value> {
    let offer =
        format!("/tenants/{}/offering_items/available_for_child?kind={kind}&edition={edition}", scene.north);
    let mut offer = scene.get(&offer).await.ok();
    let items = offer["items"].as_array().unwrap().clone();
    offer["offering_items"] = offer["items"].take();
    let put = scene.put(&format!("/tenants/{child}/offering_items"));
    put.json(without(offer, &["items"])).await.ok();
    let on = scene.get(&format!("/tenants/{child}/offering_items?status=1&edition={edition}")).await.ok();
    assert_eq!(on["items"].as_array().unwrap().len(), items.len(), "{kind} {edition}");
    items
}

#[tokio::test]
async fn what_a_child_is_offered_can_be_sent_to_it_also_where_there_are_two_storages() {
    let scene = Scene::new().await;
    let second = storage(&scene.test, scene.test.top).await;
    scene.turn_on(scene.test.top, |_| true).await;
    let everything = Catalogue::embedded().items();
    let at_second: Vec<_> = everything
        .iter()
        .filter(|item| item.capability == Some(Capability::Backup))
        .map(|item| json!({"application_id": BACKUP, "name": item.name, "infra_id": second, "status": 1}))
        .collect();
    for tenant in [scene.test.top, scene.north] {
        scene.turn_on(tenant, |_| true).await;
        let put = scene.put(&format!("/tenants/{tenant}/offering_items"));
        put.json(json!({"offering_items": at_second})).await.ok();
    }
    let of_usage = |items: &[Value], usage: &str| {
        let mut storages: Vec<_> = items
            .iter()
            .filter(|item| item["usage_name"] == usage)
            .map(|item| item["infra_id"].as_str().unwrap().to_owned())
            .collect();
        storages.sort();
        storages.dedup();
        storages.len()
    };
    for edition in ["standard", "pck_per_gigabyte", "*"] {
        let partner = scene.test.tenant(scene.north, domain::tenant::TenantKind::Partner, "P").await;
        let items = take_offer(&scene, "partner", &partner.to_string(), edition).await;
        assert_eq!(of_usage(&items, "storage"), 2, "{edition}");
        let customer = scene.test.tenant(scene.north, domain::tenant::TenantKind::Customer, "C").await;
        let items = take_offer(&scene, "customer", &customer.to_string(), edition).await;
        assert_eq!(of_usage(&items, "storage"), 1, "{edition}");
        let names = |passes: fn(&Item) -> bool| everything.iter().filter(|item| passes(item)).count();
        if edition == "*" {
            assert_eq!(items.len(), names(|_| true), "every item, each once");
        }
    }
    let whole = format!("/tenants/{}/offering_items/available_for_child", scene.north);
    let whole = scene.get(&whole).await.ok();
    assert_eq!(of_usage(whole["items"].as_array().unwrap(), "storage"), 2, "of no kind: all there is");
}

#[tokio::test]
async fn an_empty_id_is_no_id() {
    let scene = Scene::new().await;
    scene.turn_on(scene.north, |name| name == "vms").await;
    let items = format!("/tenants/{}/offering_items", scene.north);
    let quota = json!({"value": 5, "overage": null, "version": 0});
    let item = json!({"application_id": BACKUP, "name": "vms", "status": 1, "infra_id": "", "quota": quota});
    scene.put(&items).json(json!({"offering_items": [item]})).await.ok();
    scene
        .put(&format!("/tenants/{}/pricing", scene.north))
        .json(json!({
            "version": scene.get(&format!("/tenants/{}/pricing", scene.north)).await.ok()["version"],
            "currency": "EUR",
        }))
        .await
        .ok();
    let price = json!({"application_id": BACKUP, "name": "vms", "infra_id": "", "price": "1.50"});
    scene.put(&format!("{items}/pricing")).json(json!({"items": [price]})).await.ok();
    let (user, _) = scene.user("jdoe").await;
    let policy = json!({"id": "", "issuer_id": "", "trustee_id": "", "tenant_id": scene.harbour,
        "role_id": "company_admin", "version": 0});
    scene.put(&format!("/users/{user}/access_policies")).json(json!({"items": [policy]})).await.ok();
    let blank = json!({"application_id": BACKUP, "name": "vms", "infra_id": " "});
    let refused = scene.put(&items).json(json!({"offering_items": [blank]})).await;
    assert_eq!(info(&refused, 400), "offering_items[0].infra_id: not a UUID");
}

#[tokio::test]
async fn a_part_of_a_quota_that_is_not_sent_stays() {
    let scene = Scene::new().await;
    scene.turn_on(scene.north, |name| name == "vms").await;
    let path = format!("/tenants/{}/offering_items", scene.north);
    let set = async |quota: Value| {
        let body = json!({"offering_items": [{"application_id": BACKUP, "name": "vms", "quota": quota}]});
        let quota = scene.put(&path).json(body).await.ok()["items"][0]["quota"].clone();
        (quota["value"].clone(), quota["overage"].clone(), quota["version"].clone())
    };
    let (value, overage, version) = set(json!({"value": 5, "overage": 1, "version": 0})).await;
    assert_eq!((value, overage), (json!(5), json!(1)));
    assert_eq!(set(json!({"version": version})).await, (json!(5), json!(1), version.clone()));
    let (value, overage, version) = set(json!({"overage": 7, "version": version})).await;
    assert_eq!((value, overage), (json!(5), json!(7)));
    let (value, overage, version) = set(json!({"value": 9, "version": version})).await;
    assert_eq!((value, overage), (json!(9), json!(7)));
    assert_eq!(set(json!({"value": null, "version": version})).await, (json!(null), json!(null), json!(0)));
}
