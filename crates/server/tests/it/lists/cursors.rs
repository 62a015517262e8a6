//! Cursors: what they carry, and that nobody else can use or make one.

use domain::tenant::TenantKind::{Customer, Partner};
use serde_json::json;

use super::*;

/// A partner with four customers and its token.
async fn partner(scene: &Scene, name: &str) -> (TenantId, String) {
    let partner = scene.test.tenant(scene.test.top, Partner, name).await;
    for n in 0..4 {
        scene.test.tenant(partner, Customer, &format!("{name} {n}")).await;
    }
    (partner, scene.token_of(partner, Role::PartnerAdmin).await)
}

#[tokio::test]
async fn a_cursor_carries_the_filters_the_limit_and_the_moment() {
    let scene = Scene::new().await;
    let (north, token) = partner(&scene, "north").await;
    let first = scene.ask(&token, &format!("tenants?subtree_root_id={north}&lod=stamps&limit=2")).await.ok();
    let after = cursor(&first).unwrap();
    assert!(after.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{after}");
    assert!(!after.contains(&north.to_string()));
    scene.test.clock.set(testkit::at("2026-05-08T11:58:53Z"));
    let second = scene.ask(&token, &format!("tenants?after={after}")).await.ok();
    assert_eq!(second["timestamp"], first["timestamp"], "the moment of the first page");
    assert_eq!((taken(&second).len(), members(&second["items"][0]).len()), (2, 8), "limit and lod stay");
    // The cursor wins over what stands beside it, nonsense too; only the limit is read.
    for beside in [
        format!("subtree_root_id={north}&lod=stamps&limit=2"),
        "lod=everything&updated_since=never&uuids=x".to_owned(),
        format!("parent_id={}&allow_deleted=perhaps", scene.test.top),
    ] {
        let same = scene.ask(&token, &format!("tenants?after={after}&{beside}")).await.ok();
        assert_eq!(
            (&same["items"], &same["timestamp"]),
            (&second["items"], &second["timestamp"]),
            "{beside}"
        );
    }
    let wide = scene.ask(&token, &format!("tenants?after={after}&limit=3")).await.ok();
    assert_eq!(taken(&wide).len(), 3);
    assert!(cursor(&wide).is_none(), "the last page");
    assert!(
        refused(&scene.ask(&token, &format!("tenants?after={after}&limit=0")).await).starts_with("limit:")
    );
    let begin = scene.ask(&token, &format!("tenants?after=&parent_id={north}&limit=4")).await.ok();
    assert_eq!(
        (taken(&begin).len(), cursor(&begin)),
        (4, None),
        "an empty one counts as absent; full and last"
    );
}

#[tokio::test]
async fn a_forged_cursor_is_refused_wherever_it_was_changed() {
    let scene = Scene::new().await;
    let (north, token) = partner(&scene, "north").await;
    let page = scene.ask(&token, &format!("tenants?subtree_root_id={north}&limit=2")).await.ok();
    let after = cursor(&page).unwrap();
    let mut forged: Vec<String> = (0..after.len())
        .step_by(7)
        .map(|at| {
            let other = if after.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &after[..at], &after[at + 1..])
        })
        .collect();
    forged.extend([
        format!("{after}AAAA"),
        after[..after.len() - 4].to_owned(),
        after[4..].to_owned(),
        after.to_uppercase(),
    ]);
    for forged in forged {
        assert!(
            refused(&scene.ask(&token, &format!("tenants?after={forged}")).await).starts_with("after:"),
            "{forged}"
        );
    }
}

#[tokio::test]
async fn a_cursor_serves_its_list_and_callers_of_its_tenant_alone() {
    let scene = Scene::new().await;
    let (north, token) = partner(&scene, "north").await;
    let (_, southern) = partner(&scene, "south").await;
    for name in ["one", "two", "three"] {
        scene.user(north, name).await;
    }
    crate::offering_items::turn(&scene.test, north, &["vms", "storage", "p_vms"], true).await.unwrap();
    let lists = [
        ("tenants", format!("tenants?subtree_root_id={north}&limit=1")),
        ("users", format!("users?subtree_root_tenant_id={north}&limit=1")),
        ("tenants/offering_items", format!("tenants/offering_items?subtree_root_tenant_id={north}&limit=1")),
    ];
    let colleague = scene.token_of(north, Role::PartnerAdmin).await;
    for (list, first) in &lists {
        let after = cursor(&scene.ask(&token, first).await.ok()).unwrap();
        for (other, _) in &lists {
            let answer = scene.ask(&token, &format!("{other}?after={after}")).await;
            if other == list {
                answer.ok();
            } else {
                assert!(refused(&answer).starts_with("after:"), "a cursor of {list} at {other}");
            }
        }
        scene.ask(&colleague, &format!("{list}?after={after}")).await.ok();
        for foreign in [&southern, &scene.token] {
            let answer = scene.ask(foreign, &format!("{list}?after={after}")).await;
            assert!(refused(&answer).starts_with("after:"), "another tenant's cursor at {list}");
        }
    }
}

#[tokio::test]
async fn rights_are_checked_anew_on_every_page() {
    let scene = Scene::new().await;
    let (north, token) = partner(&scene, "north").await;
    let inner = scene.test.tenant(north, Partner, "inner").await;
    for n in 0..3 {
        let customer = scene.test.tenant(inner, Customer, &format!("inner {n}")).await;
        scene.user(customer, &format!("user{n}")).await;
    }
    let first = [
        ("tenants", format!("tenants?subtree_root_id={inner}&limit=1")),
        ("tenants", format!("tenants?parent_id={inner}&limit=1")),
        ("users", format!("users?subtree_root_tenant_id={inner}&limit=1")),
    ];
    let mut next = Vec::new();
    for (list, first) in first {
        let after = cursor(&scene.ask(&token, &first).await.ok()).unwrap();
        next.push(format!("{list}?after={after}"));
    }
    let whole =
        cursor(&scene.ask(&token, &format!("tenants?subtree_root_id={north}&limit=2")).await.ok()).unwrap();
    scene.change(inner, json!({"ancestral_access": false})).await;
    for next in &next {
        assert_eq!(scene.ask(&token, next).await.expect(403)["error"]["code"], 1002, "{next}");
    }
    let rest = scene.names(&token, &format!("tenants?after={whole}")).await;
    assert!(!rest.iter().any(|name| name.starts_with("inner ")), "{rest:?}");
    scene.test.open(inner).await;
    scene.ask(&token, &next[0]).await.ok();
    // Moved away to another partner.
    let south = scene.test.tenant(scene.test.top, Partner, "south").await;
    scene.change(inner, json!({"parent_id": south})).await;
    for next in &next {
        scene.ask(&token, next).await.expect(403);
    }
}
