//! Moves while a list is read: it comes as it stood at its first page.

use domain::tenant::TenantKind::{Customer, Folder, Partner};
use serde_json::json;

use super::*;
use crate::offering_items::turn;

/// A partner with a folder in a folder, and a third one that is moved among the three; customers, users and items
/// everywhere.
struct Moving {
    scene: Scene,
    partner: TenantId,
    places: [TenantId; 3],
    moved: TenantId,
    at: usize,
}

impl Moving {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let partner = scene.test.tenant(scene.test.top, Partner, "partner").await;
        let outer = scene.test.tenant(partner, Folder, "outer").await;
        let inner = scene.test.tenant(outer, Folder, "inner").await;
        let moved = scene.test.tenant(partner, Folder, "moved").await;
        for (n, folder) in [partner, outer, inner, moved].into_iter().enumerate() {
            turn(&scene.test, folder, &["vms"], true).await.unwrap();
            for m in 0..3 {
                let customer = scene.test.tenant(folder, Customer, &format!("customer {n}{m}")).await;
                turn(&scene.test, customer, &["vms"], true).await.unwrap();
                for user in 0..2 {
                    let login = format!("user{n}{m}{user}");
                    let contact = json!({"email": format!("{login}@x.example")});
                    let body = json!({"tenant_id": customer, "login": login, "contact": contact, "origin_id": "crm"});
                    scene.user_with(body).await;
                }
            }
            let contact = json!({"email": format!("admin{n}@x.example")});
            let body = json!({"tenant_id": folder, "login": format!("admin{n}"), "contact": contact});
            scene.user_with(body).await;
        }
        Self { scene, partner, places: [partner, outer, inner], moved, at: 0 }
    }

    /// Moves the folder to the next place: a level down, another one down, and two up.
    async fn go_on(&mut self) {
        self.at = (self.at + 1) % self.places.len();
        self.scene.change(self.moved, json!({"parent_id": self.places[self.at]})).await;
    }
}

fn key(item: &Value) -> String {
    format!("{}{}", item["id"], item["tenant_id"])
}

#[tokio::test]
async fn a_list_comes_as_it_stood_at_its_first_page_whatever_is_moved_meanwhile() {
    let mut moving = Moving::new().await;
    let partner = moving.partner;
    for (list, query) in [
        ("tenants", format!("subtree_root_id={partner}")),
        ("tenants", format!("subtree_root_id={partner}&updated_since=2020-01-01T00:00:00")),
        ("tenants", format!("subtree_root_id={}", moving.scene.test.top)),
        ("users", format!("subtree_root_tenant_id={partner}")),
        ("users", format!("subtree_root_tenant_id={partner}&updated_since=2020-01-01T00:00:00")),
        ("users", format!("subtree_root_tenant_id={partner}&origin_id=crm")),
        ("users", format!("subtree_root_tenant_id={partner}&inside_organization=true")),
        ("tenants/offering_items", format!("subtree_root_tenant_id={partner}")),
        (
            "tenants/offering_items",
            format!("subtree_root_tenant_id={partner}&updated_since=2020-01-01T00:00:00"),
        ),
        ("tenants/offering_items", format!("subtree_root_tenant_id={partner}&usage_names=vms")),
    ] {
        let path = format!("{list}?{query}&lod=stamps");
        for limit in [1, 4] {
            let before: Vec<String> =
                moving.scene.all(&moving.scene.token, &path).await.iter().map(key).collect();
            let mut page = moving.scene.get(&format!("{path}&limit={limit}")).await;
            let mut seen: Vec<String> = taken(&page).iter().map(key).collect();
            while let Some(after) = cursor(&page) {
                moving.go_on().await;
                page = moving.scene.get(&format!("{list}?after={after}")).await;
                seen.extend(taken(&page).iter().map(key));
            }
            assert_eq!(seen, before, "{path}, {limit} a page");
        }
    }
}

#[tokio::test]
async fn what_is_moved_away_or_closed_while_a_list_is_read_does_not_come() {
    let mut moving = Moving::new().await;
    let south = moving.scene.test.tenant(moving.scene.test.top, Partner, "south").await;
    turn(&moving.scene.test, south, &["vms"], true).await.unwrap();
    let token = moving.scene.token_of(moving.partner, Role::PartnerAdmin).await;
    let inside = format!("tenants?subtree_root_id={}", moving.moved);
    let inside: BTreeSet<String> = moving.scene.ids(&moving.scene.token, &inside).await.into_iter().collect();
    let mut next = Vec::new();
    for (list, root, member) in [
        ("tenants", "subtree_root_id", "id"),
        ("users", "subtree_root_tenant_id", "tenant_id"),
        ("tenants/offering_items", "subtree_root_tenant_id", "tenant_id"),
    ] {
        let first = format!("{list}?{root}={}&limit=1", moving.partner);
        let first = moving.scene.ask(&token, &first).await.ok();
        next.push((format!("{list}?after={}", cursor(&first).unwrap()), member));
    }
    moving.go_on().await;
    let scene = &moving.scene;
    // Back again it comes at another level, but once, where it stood at first; closed, it comes itself with its items.
    for (change, expected) in [
        (json!({"parent_id": south}), [0, 0, 0]),
        (json!({"parent_id": moving.places[2]}), [4, 7, 4]),
        (json!({"ancestral_access": false}), [1, 0, 1]),
    ] {
        scene.change(moving.moved, change.clone()).await;
        for ((next, member), expected) in next.iter().zip(expected) {
            let rest = scene.all(&token, next).await;
            let came = rest.iter().filter(|item| inside.contains(&text(item, member))).count();
            assert_eq!(came, expected, "{next} after {change}");
        }
    }
}
