//! `GET /tenants`.

use domain::tenant::TenantKind::{Customer, Folder, Partner, Unit};
use serde_json::json;

use super::*;

#[tokio::test]
async fn each_level_of_detail_has_the_members_that_are_promised() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "North").await;
    let customer = scene.test.tenant(north, Customer, "Harbour").await;
    scene.change(customer, json!({"ancestral_access": false})).await;
    let stamps = [
        "id",
        "parent_id",
        "version",
        "created_at",
        "updated_at",
        "deleted_at",
        "contacts",
        "offering_items",
    ];
    let of = |lod: &str| format!("tenants?uuids={customer}{lod}");
    let page = scene.get(&of("&lod=stamps")).await;
    assert_eq!(page["timestamp"], "2026-05-08T10:58:53", "without zone");
    assert_eq!(page["paging"], json!({"cursors": {}}));
    assert_eq!(members(&page["items"][0]), BTreeSet::from(stamps));
    let basic = &scene.get(&of("&lod=basic")).await["items"][0];
    let more = stamps.into_iter().chain(["name", "kind", "enabled"]).collect();
    assert_eq!(members(basic), more);
    let mut single = scene.get(&format!("tenants/{customer}")).await;
    single["barrier"] = json!(2);
    single["offering_items"] = json!([]);
    for lod in ["", "&lod=full", "&lod=full_without_contacts"] {
        assert_eq!(scene.get(&of(lod)).await["items"], json!([single]), "{lod}");
    }
    let open = &scene.get(&format!("tenants?uuids={north}")).await["items"][0];
    assert_eq!((&open["barrier"], &open["has_children"]), (&json!(0), &json!(true)));
}

#[tokio::test]
async fn contacts_and_items_are_embedded_where_asked_for() {
    let scene = Scene::new().await;
    let billing = json!({"email": "bills@harbour.example"});
    let body = json!({"name": "Harbour", "parent_id": scene.test.top, "kind": "customer",
        "contact": {"email": "ops@harbour.example"}, "company_billing_contact": billing});
    let made = scene.server.post("/api/2/tenants").bearer(&scene.token).json(body).await.expect(201);
    let id: TenantId = text(&made, "id").parse().unwrap();
    crate::offering_items::turn(&scene.test, id, &["vms", "storage"], true).await.unwrap();
    let with =
        async |query: &str| scene.get(&format!("tenants?uuids={id}&{query}")).await["items"][0].clone();
    let full = with("with_contacts=true&with_offering_items=1").await;
    let contacts = full["contacts"].as_array().unwrap();
    let types: Vec<_> = contacts.iter().map(|contact| &contact["types"][0]).collect();
    assert_eq!(types, ["legal", "company_billing"]);
    let mut expected = made["contact"].clone();
    for (member, value) in [("tenant_id", json!(id)), ("user_id", Value::Null), ("deleted_at", Value::Null)] {
        expected[member] = value;
    }
    expected["email_domain_type"] = Value::Null;
    assert_eq!(contacts[0], expected);
    let names = |tenant: &Value| -> Vec<String> {
        tenant["offering_items"].as_array().unwrap().iter().map(|item| text(item, "name")).collect()
    };
    let mut all = names(&full);
    all.sort();
    assert_eq!(all, ["storage", "vms"]);
    assert_eq!(names(&with("expand_offering_items=true&lod=stamps").await).len(), 2);
    assert_eq!(names(&with("with_infra_offering_items=true&lod=basic").await), ["storage"]);
    assert_eq!(names(&with("with_offering_items=0").await), Vec::<String>::new());
    let listed = scene.get(&format!("tenants/{id}/offering_items?status=1")).await;
    let vms = listed["items"].as_array().unwrap().iter().find(|item| item["name"] == "vms").unwrap();
    assert!(full["offering_items"].as_array().unwrap().contains(vms), "as the tenant's own list has it");
    assert_eq!(with("lod=full_without_contacts&with_contacts=1").await["contacts"], json!([]));
}

/// top > north > folder > harbour (closed) > quay, and south beside; a user with a personal tenant in each customer.
struct Tree {
    north: TenantId,
    folder: TenantId,
    harbour: TenantId,
    quay: TenantId,
    south: TenantId,
    personal: String,
}

async fn tree(scene: &Scene) -> Tree {
    let test = &scene.test;
    let north = test.tenant(test.top, Partner, "north").await;
    let folder = test.tenant(north, Folder, "folder").await;
    let harbour = test.tenant(folder, Customer, "harbour").await;
    let quay = test.tenant(harbour, Unit, "quay").await;
    let south = test.tenant(test.top, Partner, "south").await;
    let user = scene.user(harbour, "jdoe").await;
    scene.change(harbour, json!({"ancestral_access": false})).await;
    Tree { north, folder, harbour, quay, south, personal: text(&user, "personal_tenant_id") }
}

#[tokio::test]
async fn a_subtree_comes_by_level_and_id_and_ends_at_closed_tenants() {
    let scene = Scene::new().await;
    let (top, tree) = (scene.test.top, tree(&scene).await);
    let mut partners = [tree.north.to_string(), tree.south.to_string()];
    partners.sort();
    let [first, second] = partners;
    let by_level = [top.to_string(), first, second, tree.folder.to_string(), tree.harbour.to_string()];
    for limit in [1, 2, 100] {
        let path = format!("tenants?subtree_root_id={top}&lod=stamps&limit={limit}");
        assert_eq!(scene.ids(&scene.token, &path).await, by_level, "{limit} a page");
    }
    let own = scene.token_of(tree.harbour, Role::CompanyAdmin).await;
    let inside = scene.names(&own, &format!("tenants?subtree_root_id={}", tree.harbour)).await;
    assert_eq!(inside, ["harbour", "quay"], "its own people look inside, and personal tenants are left out");
    for query in [format!("subtree_root_id={}", tree.harbour), format!("parent_id={}", tree.quay)] {
        let answer = scene.ask(&scene.token, &format!("tenants?{query}")).await;
        assert_eq!(answer.expect(403)["error"]["code"], 1002, "{query}");
    }
    scene.test.open(tree.harbour).await;
    scene.change(tree.folder, json!({"parent_id": tree.south})).await;
    let under =
        async |root: TenantId| scene.names(&scene.token, &format!("tenants?subtree_root_id={root}")).await;
    assert_eq!(under(tree.north).await, ["north"]);
    assert_eq!(under(tree.south).await, ["folder", "harbour", "quay", "south"]);
    let mut conn = scene.test.app.read().await.unwrap();
    assert_eq!(faults(&mut conn).await, [0; 4]);
}

#[tokio::test]
async fn children_are_those_of_the_plain_list() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let own = scene.token_of(tree.harbour, Role::CompanyAdmin).await;
    assert_eq!(scene.names(&own, &format!("tenants?parent_id={}", tree.harbour)).await, ["quay"]);
    let top = scene.test.top;
    assert_eq!(scene.names(&scene.token, &format!("tenants?parent_id={top}")).await, ["north", "south"]);
    scene.delete(tree.south).await;
    assert_eq!(scene.names(&scene.token, &format!("tenants?parent_id={top}")).await, ["north"]);
    let too = format!("tenants?parent_id={top}&allow_deleted=1&limit=1");
    assert_eq!(scene.names(&scene.token, &too).await, ["north", "south"]);
    let (gone, there) = (
        format!("tenants?parent_id={}", tree.south),
        format!("tenants?parent_id={}&allow_deleted=1", tree.south),
    );
    assert_eq!(scene.ask(&scene.token, &gone).await.expect(404)["error"]["code"], 1005);
    assert_eq!(scene.names(&scene.token, &there).await, Vec::<String>::new());
}

#[tokio::test]
async fn ids_give_what_the_caller_sees_and_leave_out_the_rest() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let own = scene.token_of(tree.north, Role::PartnerAdmin).await;
    let of = |ids: &[&str]| format!("tenants?uuids={}", ids.join(","));
    let (north, harbour, quay) = (tree.north.to_string(), tree.harbour.to_string(), tree.quay.to_string());
    let (south, top) = (tree.south.to_string(), scene.test.top.to_string());
    let unknown = "ede9f834-70b3-476c-83d9-736f9f8c7dae";
    let all = of(&[&north, &harbour, &quay, &south, &top, unknown, &north]);
    assert_eq!(
        scene.names(&own, &all).await,
        ["harbour", "north"],
        "foreign, unknown and hidden ones are left out"
    );
    assert_eq!(scene.names(&own, &of(&[&north.to_uppercase()])).await, ["north"]);
    assert_eq!(scene.ids(&own, &of(&[&tree.personal])).await, Vec::<String>::new(), "behind the wall");
    let inner = scene.token_of(tree.harbour, Role::CompanyAdmin).await;
    assert_eq!(
        scene.ids(&inner, &of(&[&tree.personal])).await,
        std::slice::from_ref(&tree.personal),
        "reachable by id"
    );
    let mut sorted = [north.clone(), harbour.clone()];
    sorted.sort();
    assert_eq!(scene.ids(&own, &format!("{}&limit=1", of(&[&harbour, &north]))).await, sorted, "by id");
    let path = format!("{}&include_relative_path=true&limit=1", of(&[&harbour]));
    assert_eq!(
        scene.names(&own, &path).await,
        ["folder", "harbour", "north"],
        "from the caller's tenant down"
    );
    assert_eq!(scene.names(&inner, &path).await, ["harbour"]);
    let hidden = format!("{}&include_relative_path=true", of(&[&quay, &south]));
    assert_eq!(scene.names(&own, &hidden).await, Vec::<String>::new());
    scene.change(tree.harbour, json!({"enabled": false})).await;
    assert_eq!(scene.names(&own, &of(&[&harbour])).await, ["harbour"], "a disabled one is still there");
    scene.delete(tree.harbour).await;
    assert_eq!(scene.names(&own, &of(&[&harbour])).await, Vec::<String>::new());
    assert_eq!(scene.names(&own, &format!("{}&allow_deleted=true", of(&[&harbour]))).await, ["harbour"]);
}

#[tokio::test]
async fn a_narrowed_token_lists_its_tenant_and_below() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    let (grant, scope) =
        ("urn:ietf:params:oauth:grant-type:jwt-bearer", format!("urn:acronis.com:tenant-id:{}", tree.north));
    let form = [("grant_type", grant), ("assertion", &scene.token), ("scope", &scope)];
    let narrowed = text(&scene.server.post("/api/2/idp/token").form(&form).await.ok(), "access_token");
    let ids = [scene.test.top, tree.north, tree.south, tree.folder].map(|id| id.to_string()).join(",");
    assert_eq!(scene.names(&narrowed, &format!("tenants?uuids={ids}")).await, ["folder", "north"]);
    for root in [scene.test.top, tree.south] {
        for query in ["subtree_root_id", "parent_id"] {
            scene.ask(&narrowed, &format!("tenants?{query}={root}")).await.expect(403);
        }
    }
    let page = scene.get(&format!("tenants?subtree_root_id={}&limit=1", tree.north)).await;
    let wide = format!("tenants?after={}", cursor(&page).unwrap());
    assert!(
        refused(&scene.ask(&narrowed, &wide).await).starts_with("after:"),
        "the cursor of the wide token"
    );
}

#[tokio::test]
async fn what_changed_since_comes_with_the_deleted_where_asked_for() {
    let scene = Scene::new().await;
    let tree = tree(&scene).await;
    // In a second of its own: what changed within that of a timestamp comes again.
    scene.test.clock.set(testkit::at("2026-05-08T10:58:54Z"));
    let since = text(&scene.get(&format!("tenants?subtree_root_id={}", scene.test.top)).await, "timestamp");
    scene.test.clock.set(testkit::at("2026-05-08T11:30:00Z"));
    scene.change(tree.folder, json!({"name": "renamed"})).await;
    scene.delete(tree.south).await;
    let of =
        |root: TenantId, more: &str| format!("tenants?subtree_root_id={root}&updated_since={since}{more}");
    assert_eq!(scene.names(&scene.token, &of(scene.test.top, "")).await, ["renamed"]);
    let too = of(scene.test.top, "&allow_deleted=true&limit=1");
    assert_eq!(scene.names(&scene.token, &too).await, ["renamed", "south"]);
    assert_eq!(scene.names(&scene.token, &of(tree.north, "&allow_deleted=true")).await, ["renamed"]);
    let own = scene.token_of(tree.harbour, Role::CompanyAdmin).await;
    assert_eq!(scene.names(&own, &of(tree.harbour, "")).await, Vec::<String>::new());
    for (form, expected) in
        [("2026-05-08T11:30:00Z", 0), ("2026-05-08T11:29:59.5Z", 1), ("2026-05-08T13:29:59+02:00", 1)]
    {
        let path = format!("tenants?uuids={},{}&updated_since={form}", tree.folder, tree.north);
        assert_eq!(scene.ids(&scene.token, &path).await.len(), expected, "{form}");
    }
}
