//! `GET /search`.

use domain::tenant::TenantKind::{Customer, Partner, Unit};
use domain::text::percent_encoded;
use serde_json::json;

use super::*;

async fn found(scene: &Scene, token: &str, tenant: TenantId, text: &str) -> Vec<String> {
    let text = percent_encoded(text);
    let answer = scene.ask(token, &format!("search?tenant={tenant}&text={text}&limit=300")).await.ok();
    let name = |item: &Value| item["name"].as_str().or(item["login"].as_str()).unwrap().to_owned();
    answer["items"].as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn results_are_as_in_the_published_example() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "North Partner").await;
    let harbour = scene.test.tenant(north, Customer, "Harbour Ltd").await;
    let contact = json!({"email": "jdoe@harbour.example", "firstname": "J", "lastname": "Doe"});
    let user = scene.user_with(json!({"tenant_id": harbour, "login": "jdoe", "contact": contact})).await;
    let answer = scene.get(&format!("search?tenant={north}&text=harb")).await;
    let expected = json!({"items": [
        {"obj_type": "tenant", "kind": "customer", "id": harbour, "parent_id": north, "path": ["North Partner"],
            "name": "Harbour Ltd", "first_name": null, "last_name": null, "deleted_at": null},
        {"obj_type": "user", "id": user["id"], "parent_id": harbour, "path": ["North Partner", "Harbour Ltd"],
            "login": "jdoe", "first_name": "J", "last_name": "Doe", "deleted_at": null}]});
    assert_eq!(answer, expected);
    let itself = scene.get(&format!("search?tenant={harbour}&text=harbour&limit=1")).await;
    assert_eq!((&itself["items"][0]["id"], &itself["items"][0]["path"]), (&json!(harbour), &json!([])));
    assert_eq!(itself["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn words_are_beginnings_of_words_of_one_value_in_any_script() {
    let scene = Scene::new().await;
    let contact = json!({"firstname": "Zoë", "lastname": "Brandt", "email": "z.brandt@werft.example"});
    let body = json!({"name": "Große Werft (Nord)", "parent_id": scene.test.top, "kind": "customer",
        "customer_id": "H-17/DE", "contact": contact});
    scene.server.post("/api/2/tenants").bearer(&scene.token).json(body).await.expect(201);
    for name in [
        "北方株式会社 東京",
        "Московский порт",
        "शिपिंग कंपनी",
        "خليج السفن",
        "ΝΑΥΣ ΟΔΥΣΣΕΥΣ",
        "İstanbul Limanı",
        "100% _safe_ 'quote'",
        "Cafe\u{301} ＴＯＫＹＯ",
        "Việt \u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}",
    ] {
        scene.test.tenant(scene.test.top, Customer, name).await;
    }
    let top = scene.test.top;
    for (text, expected) in [
        ("gros", "Große Werft (Nord)"),
        ("GROSSE", "Große Werft (Nord)"),
        ("nord große", "Große Werft (Nord)"),
        ("h-17", "Große Werft (Nord)"),
        ("ZOË", "Große Werft (Nord)"),
        ("zoë brandt", "Große Werft (Nord)"),
        ("z.brandt@werft.ex", "Große Werft (Nord)"),
        ("北方株", "北方株式会社 東京"),
        ("東京 北", "北方株式会社 東京"),
        ("моск", "Московский порт"),
        ("ПОРТ", "Московский порт"),
        ("शिपिं", "शिपिंग कंपनी"),
        ("السف", "خليج السفن"),
        ("οδυσσευς", "ΝΑΥΣ ΟΔΥΣΣΕΥΣ"),
        ("istanbul", "İstanbul Limanı"),
        ("100%", "100% _safe_ 'quote'"),
        ("safe' quote", "100% _safe_ 'quote'"),
        ("CAFÉ", "Cafe\u{301} ＴＯＫＹＯ"),
        ("cafe\u{301} tokyo", "Cafe\u{301} ＴＯＫＹＯ"),
        ("vie\u{323}\u{302}t", "Việt \u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ("한국 việt", "Việt \u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
    ] {
        assert_eq!(found(&scene, &scene.token, top, text).await, [expected], "{text}");
    }
    for nothing in ["erft", "grosse brandt", "%%%", "___", "' OR '1'='1", "große zz", "\u{0}\u{1}\u{2}"] {
        assert_eq!(found(&scene, &scene.token, top, nothing).await, Vec::<String>::new(), "{nothing}");
    }
    for short in ["", "ab", "  a  ", "%20%20%20%20", &"x".repeat(257)] {
        let answer =
            scene.ask(&scene.token, &format!("search?tenant={top}&text={}", short.replace(' ', "%20"))).await;
        assert!(refused(&answer).starts_with("text:"), "{short}");
    }
    assert!(refused(&scene.ask(&scene.token, "search?text=abc").await).starts_with("tenant:"));
}

#[tokio::test]
async fn search_stays_within_the_caller_s_rights() {
    let scene = Scene::new().await;
    let north = scene.test.tenant(scene.test.top, Partner, "ship north").await;
    let south = scene.test.tenant(scene.test.top, Partner, "ship south").await;
    let harbour = scene.test.tenant(north, Customer, "ship harbour").await;
    scene.test.tenant(harbour, Unit, "ship quay").await;
    scene.user(harbour, "ship.user").await;
    let token = scene.token_of(north, Role::PartnerAdmin).await;
    let all = ["ship north", "ship harbour", "ship.user", "ship quay"];
    assert_eq!(found(&scene, &token, north, "ship").await, all, "the given tenant first, then by level");
    assert_eq!(found(&scene, &scene.token, south, "ship").await, ["ship south"]);
    for foreign in [south, scene.test.top] {
        scene.ask(&token, &format!("search?tenant={foreign}&text=ship")).await.expect(403);
    }
    scene.change(harbour, json!({"ancestral_access": false})).await;
    assert_eq!(
        found(&scene, &token, north, "ship").await,
        ["ship north", "ship harbour"],
        "closed ones are skipped"
    );
    scene.ask(&token, &format!("search?tenant={harbour}&text=ship")).await.expect(403);
    let own = scene.token_of(harbour, Role::CompanyAdmin).await;
    assert_eq!(found(&scene, &own, harbour, "ship").await, ["ship harbour", "ship.user", "ship quay"]);
    assert_eq!(found(&scene, &scene.token, scene.test.top, "ship").await.len(), 3);
}

#[tokio::test]
async fn the_words_follow_every_change_of_the_values() {
    let scene = Scene::new().await;
    let top = scene.test.top;
    let tenant = scene.test.tenant(top, Customer, "Harbour").await;
    let user = scene.user(tenant, "jdoe").await;
    let search = async |text: &str| found(&scene, &scene.token, top, text).await;
    let change = json!({"name": "Marina", "customer_id": "M-99", "contact": {"lastname": "Seaman", "email": "sea@x.example"}});
    scene.change(tenant, change).await;
    for word in ["marina", "m-99", "seaman", "sea@x"] {
        assert_eq!(search(word).await, ["Marina"], "{word}");
    }
    assert_eq!(search("harbour").await, Vec::<String>::new());
    scene.change(tenant, json!({"customer_id": null, "contact": {"lastname": null}})).await;
    for word in ["m-99", "seaman"] {
        assert_eq!(search(word).await, Vec::<String>::new(), "{word}");
    }
    let path = format!("/api/2/users/{}", text(&user, "id"));
    let change = json!({"version": 1, "login": "sailor", "enabled": false, "contact": {"firstname": "Ahab"}});
    scene.server.put(&path).bearer(&scene.token).json(change).await.ok();
    assert_eq!((search("sailor").await.len(), search("ahab").await.len()), (1, 1));
    assert_eq!(search("jdoe").await, ["sailor"], "still in the address");
    assert_eq!(scene.server.delete(&format!("{path}?version=2")).bearer(&scene.token).await.status, 204);
    assert_eq!(search("sailor").await, Vec::<String>::new());
    let too = scene.get(&format!("search?tenant={top}&text=sailor&allow_deleted=true")).await;
    assert_eq!(too["items"].as_array().unwrap().len(), 1);
    assert!(too["items"][0]["deleted_at"].is_string());
    scene.delete(tenant).await;
    assert_eq!(search("marina").await, Vec::<String>::new());
    scene.ask(&scene.token, &format!("search?tenant={tenant}&text=marina")).await.expect(404);
}

#[tokio::test]
async fn a_database_from_before_the_words_is_filled_when_it_is_opened() {
    let test = TestApp::at(NOW).await;
    let north = test.tenant(test.top, Partner, "North Partner").await;
    let count = async |db: &store::Db| {
        let sql =
            "SELECT (SELECT COUNT(*) FROM tenant_words) * 1000 + (SELECT COUNT(*) FROM user_words) AS n";
        db.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    };
    let before = count(&test.app.db).await;
    let mut tx = test.app.write_as(domain::access::Actor::System).await.unwrap();
    for table in ["DELETE FROM tenant_words", "DELETE FROM user_words"] {
        tx.run(table, Vec::new()).await.unwrap();
    }
    tx.commit().await.unwrap();
    let db = test.database.open().await;
    assert_eq!(count(&db).await, before);
    let caller = test.caller(test.top, Role::RootAdmin).await;
    let search =
        app::search::Search { tenant: test.top, text: "part".to_owned(), limit: 10, deleted_too: false };
    let found = app::search::search(&test.app, &caller, &search).await.unwrap();
    assert!(matches!(&found[0].0.hit, app::search::Hit::Tenant { id, .. } if *id == north));
}
