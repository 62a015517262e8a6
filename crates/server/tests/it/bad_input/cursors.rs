//! The cursors of every list: cut, changed, of another list or caller, and of somebody who has lost the right since.

use std::collections::BTreeSet;

use domain::access::Role;
use domain::tenant::TenantKind::Partner;
use serde_json::{Value, json};
use testkit::{Answer, Client};

use super::world::{World, document};
use crate::lists::text;

/// The lists that have cursors, and a first page of each that leaves something for a second.
const LISTS: [(&str, &str); 5] = [
    ("/api/2/tenants", "subtree_root_id=$north&limit=1"),
    ("/api/2/users", "subtree_root_tenant_id=$north&limit=1"),
    ("/api/2/tenants/offering_items", "subtree_root_tenant_id=$north&limit=1"),
    ("/api/tidemark/1/tenants/$north/changes", "limit=1"),
    ("/api/tidemark/1/tenants/$north/history/changes", "to=2026-05-08&limit=1"),
];

/// The lists of deliveries, whose cursors `deliveries::lists` and `deliveries::sight` look at.
const ELSEWHERE: [&str; 3] = [
    "/api/tidemark/1/reports/{report_id}/deliveries",
    "/api/tidemark/1/tenants/$north/deliveries",
    "/api/tidemark/1/tenants/$north/delivery-alerts",
];

/// A world with changes of readings, too.
async fn world() -> World {
    let world = World::new().await;
    for value in [3, 4, 5] {
        let item = json!({"tenant_id": "$customer", "offering_item": "vms", "usage_value": value});
        let body = world.body(&json!({"items": [item]}));
        world.call("PUT", "/api/2/tenants/usages").json(body).await.ok();
    }
    world
}

/// The cursor of the second page.
async fn second(world: &World, token: &str, list: &str, query: &str) -> String {
    let path = world.filled(&format!("{list}?{query}"));
    let page = world.scene.server.get(&path).bearer(token).await.ok();
    let after = [&page["after"], &page["paging"]["cursors"]["after"]].into_iter().find_map(Value::as_str);
    after.unwrap_or_else(|| panic!("{path} has one page: {page}")).to_owned()
}

async fn page(world: &World, token: &str, list: &str, after: &str) -> Answer {
    let path = world.filled(&format!("{list}?after={after}"));
    world.scene.server.get(&path).bearer(token).await
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    let body = answer.expect(400);
    let info = body["error"]["details"]["info"].as_str().unwrap();
    assert!(info.starts_with("after: is no cursor"), "{what}: {info}");
}

async fn north_token(world: &World) -> String {
    world.scene.token_of(world.filled("$north").parse().unwrap(), Role::PartnerAdmin).await
}

#[test]
fn every_list_with_a_cursor_is_looked_at() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let with_cursor = paths.iter().filter(|(_, item)| {
        let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|parameter| parameter["name"] == "after")
    });
    let there: BTreeSet<String> =
        with_cursor.map(|(path, _)| path.replace("{tenant_id}", "$north")).collect();
    let looked_at = LISTS.iter().map(|(list, _)| *list).chain(ELSEWHERE);
    assert_eq!(there, looked_at.map(str::to_owned).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cursor_that_was_cut_or_changed_anywhere_is_refused() {
    let world = world().await;
    let token = north_token(&world).await;
    for (list, query) in LISTS {
        let after = second(&world, &token, list, query).await;
        assert!(after.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{after}");
        page(&world, &token, list, &after).await.ok();
        let mut forged: Vec<String> =
            (1..after.len()).step_by(3).map(|end| after[..end].to_owned()).collect();
        // One bit of each character; what is then no character of a cursor is percent-encoded.
        for (at, bit) in (0..after.len()).zip([0, 1, 2, 3, 4, 5, 6].into_iter().cycle()) {
            let mut bytes = after.clone().into_bytes();
            bytes[at] ^= 1 << bit;
            let encoded = bytes.iter().map(|byte| format!("%{byte:02X}"));
            forged.push(encoded.collect());
        }
        forged.extend([format!("{after}A"), format!("{after}="), format!("%20{after}"), after.repeat(2)]);
        let path = world.filled(list);
        let (client, token) = (Client::new(world.scene.server.address()), token.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let ask =
                |after: String| (client.get(&format!("{path}?after={after}")).bearer(&token).send(), after);
            forged.into_iter().map(ask).collect::<Vec<_>>()
        });
        for (answer, forged) in asked.await.unwrap() {
            assert_refused(&answer, &format!("{list}: {forged} for {after}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_serves_one_list_and_callers_that_reach_as_far() {
    let world = world().await;
    let north = north_token(&world).await;
    let colleague = north_token(&world).await;
    let southern = world.scene.token_of(world.filled("$south").parse().unwrap(), Role::PartnerAdmin).await;
    let narrowed = narrowed(&world, "$north").await;
    for (list, query) in LISTS {
        let after = second(&world, &north, list, query).await;
        for (other, _) in LISTS.iter().filter(|(other, _)| *other != list) {
            assert_refused(&page(&world, &north, other, &after).await, &format!("that of {list} at {other}"));
        }
        page(&world, &colleague, list, &after).await.ok();
        // Root may ask for all of it, but it has to begin anew.
        assert_refused(&page(&world, &world.scene.token, list, &after).await, "root's");
        let roots = second(&world, &world.scene.token, list, query).await;
        assert_refused(&page(&world, &narrowed, list, &roots).await, "a narrowed token's");
        page(&world, &world.scene.token, list, &roots).await.ok();
        let answer = page(&world, &southern, list, &after).await;
        match answer.status {
            403 => assert!(list.contains("$north"), "{list}"),
            _ => assert_refused(&answer, "another tenant's"),
        }
        let sister = list.replace("$north", "$customer");
        if sister != list {
            assert_refused(&page(&world, &north, &sister, &after).await, "another subject's");
        }
    }
}

/// Root's token, narrowed.
async fn narrowed(world: &World, tenant: &str) -> String {
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
        ("assertion", world.scene.token.as_str()),
        ("scope", &world.filled(&format!("urn:acronis.com:tenant-id:{tenant}"))),
    ];
    text(&world.scene.server.post("/api/2/idp/token").form(&form).await.ok(), "access_token")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_gives_no_right_that_was_lost_since() {
    let world = world().await;
    let north = world.filled("$north").parse().unwrap();
    let user = world.scene.test.user(north, "ann@north.example", "Correct horse 1", Role::PartnerAdmin).await;
    let form =
        [("grant_type", "password"), ("username", "ann@north.example"), ("password", "Correct horse 1")];
    let token = text(&world.scene.server.post("/api/2/idp/token").form(&form).await.ok(), "access_token");
    let mut cursors = Vec::new();
    for (list, query) in LISTS {
        cursors.push(second(&world, &token, list, query).await);
    }
    let policies = |items: Value| {
        let path = format!("/api/2/users/{user}/access_policies");
        world.call("PUT", &path).json(json!({ "items": items }))
    };
    policies(json!([])).await.ok();
    for ((list, _), after) in LISTS.iter().zip(&cursors) {
        let refused = page(&world, &token, list, after).await;
        assert_eq!(refused.expect(403)["error"]["code"], 1002, "{list}");
    }
    // Of a role on another tenant alone the lists of North are out of reach, whatever a cursor says.
    let elsewhere = world.scene.test.tenant(world.scene.test.top, Partner, "East").await;
    policies(json!([{"tenant_id": elsewhere, "role_id": "partner_admin"}])).await.ok();
    for ((list, _), after) in LISTS.iter().zip(&cursors) {
        let refused = page(&world, &token, list, after).await;
        assert!([400, 403].contains(&refused.status), "{list}: {}", refused.text());
    }
    policies(json!([{"tenant_id": north, "role_id": "partner_admin"}])).await.ok();
    for ((list, _), after) in LISTS.iter().zip(&cursors) {
        page(&world, &token, list, after).await.ok();
    }
}
