//! What is said of input that is refused: in the words of JSON, with the path of the member, and not too much of it.

use serde_json::{Value, json};

use super::{BACKUP, PLATFORM, Scene, info};

async fn refusal(scene: &Scene, path: &str, body: Value) -> String {
    let said = info(&scene.put(path).json(body.clone()).await, 400);
    let rust = ["i64", "u64", "struct", "sequence", "map", "Option", "`", "variant"];
    assert!(!rust.iter().any(|word| said.contains(word)), "{body}: {said}");
    said
}

#[tokio::test]
async fn errors_speak_of_json_and_name_the_member() {
    let scene = Scene::new().await;
    let items = format!("/tenants/{}/offering_items", scene.north);
    let item = |member: &str, value: Value| {
        let mut item = json!({"application_id": BACKUP, "name": "vms"});
        item[member] = value;
        json!({"offering_items": [json!({"application_id": BACKUP, "name": "servers"}), item]})
    };
    let quota = |value: Value| item("quota", json!({"value": value, "version": 0}));
    let at = "offering_items[1]";
    for (body, said) in [
        (
            quota(json!(1.5)),
            format!("{at}.quota.value: must be an integer, not a number with a fraction or an exponent"),
        ),
        (quota(json!("9")), format!("{at}.quota.value: must be an integer, not a string")),
        (quota(json!(true)), format!("{at}.quota.value: must be an integer, not true or false")),
        (quota(json!([])), format!("{at}.quota.value: must be an integer, not an array")),
        (quota(json!({})), format!("{at}.quota.value: must be an integer, not an object")),
        (quota(json!(u64::MAX)), format!("{at}.quota.value: must be an integer within bounds")),
        (
            quota(json!(-1)),
            format!("{at}.quota.value: must be an integer from 0 to 9007199254740991, or null"),
        ),
        (item("quota", json!({"value": 1})), format!("{at}.quota.version: required")),
        (item("quota", json!(3)), format!("{at}.quota: must be an object")),
        (item("name", json!(null)), format!("{at}.name: must be a string, not null")),
        (item("name", json!(7)), format!("{at}.name: must be a string, not an integer")),
        (json!({"offering_items": null}), "offering_items: must be an array, not null".to_owned()),
        (json!({"offering_items": {}}), "offering_items: must be an array, not an object".to_owned()),
        (json!({"offering_items": ["x"]}), "offering_items[0]: must be an object".to_owned()),
    ] {
        assert_eq!(refusal(&scene, &items, body).await, said);
    }
}

#[tokio::test]
async fn errors_of_other_bodies_name_the_member_too() {
    let scene = Scene::new().await;
    let (user, version) = scene.user("jdoe").await;
    let user = format!("/users/{user}");
    for (member, value) in [
        ("enabled", json!(7)),
        ("notifications", json!("x")),
        ("contact", json!([1])),
        ("language", json!({})),
        ("notifications", json!(["nonsense"])),
        ("disable_after", json!(5)),
    ] {
        let said = refusal(&scene, &user, json!({"version": version, member: value})).await;
        assert!(
            said.starts_with(&format!("{member}: ")) || said.starts_with(&format!("{member}[0]: ")),
            "{said}"
        );
    }
    let policies = format!("{user}/access_policies");
    let policy = |role: &str| json!({"tenant_id": scene.harbour, "role_id": role});
    let mut foreign = policy("company_admin");
    foreign["trustee_id"] = json!("53b471e1-50dd-4557-ae6d-f687946821d4");
    for (second, said) in [
        (foreign, "items[1].trustee_id: not this user"),
        (policy("partner_admin"), "items[1].role_id: partner_admin does not fit a customer"),
        (
            policy("readonly_admin"),
            "items[1].role_id: readonly_admin beside company_admin of the same service",
        ),
    ] {
        let body = json!({"items": [policy("company_admin"), second]});
        assert_eq!(refusal(&scene, &policies, body).await, said);
    }
}

#[tokio::test]
async fn a_price_list_is_refused_at_the_position_at_fault() {
    let scene = Scene::new().await;
    let path = format!("/applications/{PLATFORM}/settings/tenants/{}/pricing_info", scene.north);
    let good = json!({"sku": "ABC", "price": 0.09});
    for (value, said) in [
        (json!("x"), "value.pricing: must be an array"),
        (json!({"pricing": {}}), "value.pricing: must be an array"),
        (json!({"pricing": [good, {"price": 1}]}), "value.pricing[1].sku: must be a string"),
        (json!({"pricing": [good, 7]}), "value.pricing[1].sku: must be a string"),
        (json!({"pricing": [{"sku": "A", "name": 7}]}), "value.pricing[0].name: must be a string"),
        (
            json!({"pricing": [good, {"sku": "A\u{7}"}]}),
            "value.pricing[1].sku: must not hold control characters",
        ),
    ] {
        assert_eq!(refusal(&scene, &path, json!({"value": value})).await, said);
    }
    for value in [json!({"pricing": []}), json!({"pricing": [good, {"sku": "B", "name": null}]})] {
        scene.put(&path).json(json!({"value": value})).await.ok();
    }
}

#[tokio::test]
async fn an_item_that_cannot_be_had_is_named_with_its_place_and_cut() {
    let scene = Scene::new().await;
    let items = format!("/tenants/{}/offering_items", scene.harbour);
    let storage = "53b471e1-50dd-4557-ae6d-f687946821d4";
    let put = async |name: &str, infra: Value| {
        let item = json!({"application_id": BACKUP, "name": name, "infra_id": infra, "status": 1});
        let answer = scene.put(&items).json(json!({"offering_items": [item]})).await;
        assert_eq!(answer.expect(400)["error"]["code"], 1021);
        info(&answer, 400)
    };
    let none = json!(null);
    assert_eq!(put("nope", none.clone()).await, "offering_items[0].name: \"nope\" cannot be had here");
    assert_eq!(put("vms", none.clone()).await, "offering_items[0].name: \"vms\" cannot be had here");
    assert_eq!(put("", none.clone()).await, "offering_items[0].name: \"\" cannot be had here");
    let said = put("storage", json!(storage)).await;
    assert_eq!(
        said,
        format!("offering_items[0].name: \"storage\" cannot be had here with storage {storage}")
    );
    assert!(put(&"ü".repeat(70_000), none).await.len() < 250);

    let north = format!("/tenants/{}", scene.north);
    let version = scene.get(&format!("{north}/pricing")).await.ok()["version"].clone();
    let currency = json!({"version": version, "currency": "EUR"});
    scene.put(&format!("{north}/pricing")).json(currency).await.ok();
    let price = |name: &str, price: &str| json!({"application_id": BACKUP, "name": name, "price": price});
    let set = async |price: Value| {
        let first = json!({"application_id": BACKUP, "name": "servers", "price": "1"});
        scene.put(&format!("{north}/offering_items/pricing")).json(json!({"items": [first, price]})).await
    };
    let said = info(&set(price("nope", "1")).await, 400);
    assert_eq!(said, "items[1].name: \"nope\" cannot be had here");
    for bad in ["1.", ".5", ".", "", "1,5", "-1", "1e3", " 1", "1.2.3"] {
        let said = info(&set(price("vms", bad)).await, 400);
        assert_eq!(said, "items[1].price: not a decimal number such as 0.05", "{bad}");
    }
    for good in ["0", "1", "0.50", "12345.678"] {
        assert_eq!(set(price("vms", good)).await.ok()["items"].as_array().unwrap().len(), 2, "{good}");
    }
    let day = json!({"offering_item": {"application_id": BACKUP, "name": "nope"},
        "current_period": {"start": "2026-05-01", "end": "2026-05-31"}});
    let periods = scene.put(&format!("/billing{north}/periods")).json(json!({"items": [day]})).await;
    assert_eq!(info(&periods, 400), "items[0].offering_item.name: \"nope\" cannot be had here");
}

#[tokio::test]
async fn a_refusal_repeats_little_of_what_was_sent() {
    let scene = Scene::new().await;
    let long = "ö".repeat(70_000);
    let path = format!("/tenants/{}", scene.harbour);
    for body in [
        json!({long.clone(): 1}),
        json!({"version": long}),
        json!({"version": 1, "kind": long}),
        json!({"version": 1, "language": long}),
        json!({"version": 1, "update_lock": long}),
    ] {
        let refused = scene.put(&path).json(body).await;
        assert!(refused.body.len() < 2_000, "{}", refused.body.len());
        info(&refused, 400);
    }
    for query in ["/tenants?uuids=", "/tenants?limit=", "/users?allow_deleted="] {
        let refused = scene.get(&format!("{query}{}", "x".repeat(30_000))).await;
        assert!(refused.body.len() < 1_000, "{query}: {}", refused.body.len());
        info(&refused, 400);
    }
}
