//! Eight who change the same thing at the same moment, for every PUT there is: with a version one wins and the others are
//! told, without one the last counts; and what stands then is what one of them asked for, whole.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::Answer;

use super::world::{World, document};
use crate::races::at_once;

const CALLERS: usize = 8;

/// A PUT and how two of them are told apart.
struct Put {
    /// As the document names it.
    operation: &'static str,
    path: &'static str,
    /// What the caller of this number asks for. Where it has a `version`, the current one is filled in.
    body: fn(usize) -> Value,
    /// Where the outcome can be read.
    read: &'static str,
    /// Members of the body, and where the same values stand in what is read.
    same: &'static [(&'static str, &'static str)],
    /// Where the version stands in what is read, and the status of those who come too late; `None`: the last counts.
    guard: Option<(&'static str, u16)>,
}

/// The guard of most things.
const BY_VERSION: Option<(&str, u16)> = Some(("/version", 409));

/// One of two words.
fn either(n: usize, words: [&str; 2]) -> Value {
    json!(words[n % 2])
}

const PUTS: &[Put] = &[
    Put {
        operation: "/api/2/tenants/{tenant_id}",
        path: "/api/2/tenants/$customer",
        body: |n| {
            json!({"version": 0, "name": format!("N {n}"), "customer_id": format!("C {n}"), "internal_tag": format!("T {n}"),
            "contact": {"firstname": format!("F {n}"), "city": format!("Y {n}")}})
        },
        read: "/api/2/tenants/$customer",
        same: &[
            ("/name", "/name"),
            ("/customer_id", "/customer_id"),
            ("/internal_tag", "/internal_tag"),
            ("/contact/firstname", "/contact/firstname"),
            ("/contact/city", "/contact/city"),
        ],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/default_idp",
        path: "/api/2/tenants/$customer/default_idp",
        body: |n| json!({"version": 0, "idp_id": format!("22222222-2222-2222-2222-22222222222{n}"), "apply_to_children": n % 2 == 0}),
        read: "/api/2/tenants/$customer",
        same: &[("/idp_id", "/default_idp_id")],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/users/{user_id}",
        path: "/api/2/users/$user",
        body: |n| {
            json!({"version": 0, "login": format!("login{n}"), "external_id": format!("E {n}"),
            "contact": {"lastname": format!("L {n}"), "phone": format!("{n}")}})
        },
        read: "/api/2/users/$user",
        same: &[
            ("/login", "/login"),
            ("/external_id", "/external_id"),
            ("/contact/lastname", "/contact/lastname"),
            ("/contact/phone", "/contact/phone"),
        ],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/locations/{location_id}",
        path: "/api/2/locations/$location",
        body: |n| json!({"version": 0, "name": format!("N {n}")}),
        read: "/api/2/locations/$location",
        same: &[("/name", "/name")],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/infra/{infra_id}",
        path: "/api/2/infra/$infra",
        body: |n| {
            json!({"version": 0, "name": format!("N {n}"), "url": format!("abgw://s{n}.example.com:44445"),
            "content_url": format!("https://c{n}.example.com")})
        },
        read: "/api/2/infra/$infra",
        same: &[("/name", "/name"), ("/url", "/url"), ("/content_url", "/content_url")],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/pricing",
        path: "/api/2/tenants/$customer/pricing",
        body: |n| json!({"version": 0, "mode": either(n, ["production", "trial"]), "currency": either(n, ["EUR", "USD"])}),
        read: "/api/2/tenants/$customer/pricing",
        same: &[("/mode", "/mode"), ("/currency", "/currency")],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/offering_items/pricing",
        path: "/api/2/tenants/$customer/offering_items/pricing",
        body: |n| {
            json!({"items": [{"application_id": "$backup", "name": "vms", "price": format!("0.{n}1")},
            {"application_id": "$backup", "name": "local_storage", "price": format!("1.{n}1")}]})
        },
        read: "/api/2/tenants/$customer/offering_items/pricing",
        same: &[("/items/0/price", "/items/0/price"), ("/items/1/price", "/items/1/price")],
        guard: None,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/offering_items",
        path: "/api/2/tenants/$customer/offering_items",
        body: |n| {
            json!({"offering_items": [{"application_id": "$backup", "name": "vms",
            "quota": {"value": n + 10, "overage": n + 20, "version": 0}}]})
        },
        read: "/api/2/tenants/$customer/offering_items?usage_names=vms",
        same: &[
            ("/offering_items/0/quota/value", "/items/0/quota/value"),
            ("/offering_items/0/quota/overage", "/items/0/quota/overage"),
        ],
        guard: Some(("/items/0/quota/version", 426)),
    },
    Put {
        operation: "/api/2/billing/tenants/{tenant_id}",
        path: "/api/2/billing/tenants/$customer",
        body: |n| {
            json!({"version": 0, "mode": either(n, ["external", "internal"]),
            "usage_calculation_mode": either(n, ["average", "last_day"])})
        },
        read: "/api/2/billing/tenants/$customer",
        same: &[("/mode", "/mode"), ("/usage_calculation_mode", "/usage_calculation_mode")],
        guard: BY_VERSION,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/brand",
        path: "/api/2/tenants/$north/brand?version=$version",
        body: |n| {
            json!({"company_name": format!("N {n}"), "service_name": format!("S {n}"), "color": format!("#00000{n}"),
            "support_url": format!("https://s{n}.example")})
        },
        read: "/api/2/tenants/$north/brand",
        same: &[
            ("/company_name", "/company_name"),
            ("/service_name", "/service_name"),
            ("/color", "/color"),
            ("/support_url", "/support_url"),
        ],
        guard: Some(("tenant", 409)),
    },
    Put {
        operation: "/api/2/reports/{report_id}",
        path: "/api/2/reports/$report",
        body: |n| {
            json!({"recipients": [either(n, ["$user", "$other_user"])], "parameters": {"level": either(n, ["itself", "accounts"]), "kind": either(n, ["usage_daily", "usage_summary"]),
                "show_skus": n % 2 == 0}})
        },
        read: "/api/2/reports/$report",
        same: &[
            ("/recipients", "/recipients"),
            ("/parameters/level", "/parameters/level"),
            ("/parameters/kind", "/parameters/kind"),
            ("/parameters/show_skus", "/parameters/show_skus"),
        ],
        guard: None,
    },
    Put {
        operation: "/api/2/clients/{client_id}",
        path: "/api/2/clients/$client",
        body: |n| {
            json!({"data": {"client_name": format!("N {n}")}, "origin_id": format!("O {n}"),
            "redirect_uris": [format!("https://c{n}.example/back")]})
        },
        read: "/api/2/clients/$client",
        same: &[("/data", "/data"), ("/origin_id", "/origin_id"), ("/redirect_uris", "/redirect_uris")],
        guard: None,
    },
    Put {
        operation: "/api/2/users/{user_id}/access_policies",
        path: "/api/2/users/$user/access_policies",
        body: |n| {
            json!({"items": [{"tenant_id": either(n, ["$customer", "$going"]),
            "role_id": either(n, ["company_admin", "readonly_admin"])}]})
        },
        read: "/api/2/users/$user/access_policies",
        same: &[
            ("/items/0/tenant_id", "/items/0/tenant_id"),
            ("/items/0/role_id", "/items/0/role_id"),
            ("/items/1", "/items/1"),
        ],
        guard: None,
    },
    Put {
        operation: "/api/2/applications/{application_id}/settings/tenants/{tenant_id}/{name}",
        path: "/api/2/applications/$platform/settings/tenants/$north/tier_level_value",
        body: |n| json!({"value": n % 5, "lock": n % 5 < 2, "exclusive": n % 5 > 2}),
        read: "/api/2/applications/$platform/settings/tenants/$north/tier_level_value",
        same: &[("/value", "/own/value"), ("/lock", "/own/lock"), ("/exclusive", "/own/exclusive")],
        guard: None,
    },
    Put {
        operation: "/api/2/billing/tenants/{tenant_id}/periods",
        path: "/api/2/billing/tenants/$customer/periods",
        body: |n| {
            let period =
                json!({"start": format!("2026-05-0{}", n % 2 + 2), "end": format!("2026-06-0{}", n % 2 + 1)});
            json!({"items": [{"offering_item": {"application_id": "$backup", "name": "vms"}, "current_period": period},
                {"offering_item": {"application_id": "$backup", "name": "local_storage"}, "current_period": period}]})
        },
        read: "/api/2/billing/tenants/$customer/periods",
        same: &[
            ("/items/0/current_period", "/items/0/current_period"),
            ("/items/1/current_period", "/items/1/current_period"),
        ],
        guard: None,
    },
    Put {
        operation: "/api/2/tenants/usages",
        path: "/api/2/tenants/usages",
        body: |n| {
            json!({"items": [{"tenant_id": "$customer", "offering_item": "local_storage", "usage_value": n + 100},
            {"tenant_id": "$customer", "offering_item": "vms", "usage_value": n + 200}]})
        },
        read: "/api/2/tenants/$customer/usages",
        same: &[("/items/0/usage_value", "/items/0/value"), ("/items/1/usage_value", "/items/1/value")],
        guard: None,
    },
    Put {
        operation: "/api/2/tenants/{tenant_id}/mfa/status",
        path: "/api/2/tenants/$customer/mfa/status",
        body: |n| json!({"enabled": n % 2 == 0}),
        read: "/api/2/tenants/$customer/mfa/status",
        same: &[],
        guard: None,
    },
    Put {
        operation: "/api/2/users/{user_id}/mfa/status",
        path: "/api/2/users/$other_user/mfa/status",
        body: |n| json!({"enabled": n % 2 == 0}),
        read: "/api/2/users/$other_user",
        same: &[],
        guard: None,
    },
    Put {
        operation: "/api/tidemark/1/tenants/{tenant_id}/billing_period",
        path: "/api/tidemark/1/tenants/$going/billing_period",
        body: |n| json!({"day": n + 2}),
        read: "/api/2/tenants/$going",
        same: &[],
        guard: None,
    },
];

/// Raced where they are tested: a switch of editions, and a code that is good once.
const ELSEWHERE: [&str; 2] = ["/api/2/tenants/{tenant_id}/edition", "/api/tidemark/1/users/me/totp"];

#[test]
fn every_put_is_looked_at() {
    let document = document();
    let paths = document["paths"].as_object().unwrap().iter();
    let there: BTreeSet<&str> =
        paths.filter(|(_, item)| item["put"].is_object()).map(|(path, _)| path.as_str()).collect();
    let looked_at: BTreeSet<&str> = PUTS.iter().map(|put| put.operation).chain(ELSEWHERE).collect();
    assert_eq!(there, looked_at);
}

impl Put {
    /// The current version; `None` where there is no guard.
    async fn version(&self, world: &World) -> Option<Value> {
        let (pointer, _) = self.guard?;
        if pointer == "tenant" {
            return Some(world.read("/api/2/tenants/$north").await.ok()["version"].clone());
        }
        world.read(self.read).await.ok().pointer(pointer).cloned()
    }

    /// The call of each number.
    async fn calls(&self, world: &World) -> Vec<(String, Value)> {
        let version = self.version(world).await;
        let call = |n| {
            let mut body = world.body(&(self.body)(n));
            let mut path = self.path.to_owned();
            if let Some(version) = &version {
                path = path.replace("$version", &version.to_string());
                for pointer in ["/version", "/offering_items/0/quota/version"] {
                    if let Some(sent) = body.pointer_mut(pointer) {
                        *sent = version.clone();
                    }
                }
            }
            (world.filled(&path), body)
        };
        (0..CALLERS).map(call).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_puts_at_once_one_is_what_stands_then() {
    let world = World::new().await;
    let brand = world.call("POST", "/api/2/tenants/$north/brand?version=1").json(json!({})).await;
    assert_eq!(brand.status, 201);
    for put in PUTS {
        let calls = put.calls(&world).await;
        let bodies: Vec<Value> = calls.iter().map(|(_, body)| body.clone()).collect();
        let answers = world.at_once("PUT", calls).await;
        let won: Vec<usize> = (0..CALLERS).filter(|n| answers[*n].status == 200).collect();
        match put.guard {
            Some((_, late)) => {
                assert_eq!(won.len(), 1, "{}: {answers:?}", put.operation);
                for answer in answers.iter().filter(|answer| answer.status != 200) {
                    assert_eq!(answer.expect(late)["error"]["code"], 1001, "{}", put.operation);
                }
            }
            None => assert_eq!(won.len(), CALLERS, "{}: {answers:?}", put.operation),
        }
        let seen = world.read(put.read).await.ok();
        let stands = |n: &&usize| {
            put.same.iter().all(|(sent, shown)| bodies[**n].pointer(sent) == seen.pointer(shown))
        };
        assert!(won.iter().any(|n| stands(&n)), "{}: a mix of {bodies:#?} in {seen:#}", put.operation);
    }
}

impl World {
    async fn at_once(&self, method: &'static str, calls: Vec<(String, Value)>) -> Vec<Answer> {
        at_once(method, self.scene.server.address(), &self.scene.token, calls).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_deletes_at_once_one_is_answered_and_the_others_find_nothing() {
    let world = World::new().await;
    let disabled = json!({"version": 1, "enabled": false});
    world.call("PUT", "/api/2/users/$other_user").json(disabled).await.ok();
    for path in [
        "/api/2/reports/$report?version=1",
        "/api/2/users/$other_user?version=2",
        "/api/2/clients/$client",
        "/api/2/locations/$empty_location?version=1",
        "/api/2/infra/$infra?version=1",
        "/api/2/tenants/$going?version=1",
    ] {
        let answers = world.at_once("DELETE", vec![(world.filled(path), Value::Null); CALLERS]).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 404, 404, 404, 404, 404, 404, 404], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_who_take_a_login_at_once_one_has_it() {
    let world = World::new().await;
    let user = |n: usize| {
        world.body(&json!({"tenant_id": "$customer", "login": "wanted", "contact": {"email": format!("e{n}@x.example")}}))
    };
    let calls = (0..CALLERS).map(|n| ("/api/2/users".to_owned(), user(n))).collect();
    let answers = world.at_once("POST", calls).await;
    let won: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(answer.expect(409)["error"]["code"], 1033);
    }
    let id = won[0].json()["id"].clone();
    let stands = world.read(&format!("/api/2/users/{}", id.as_str().unwrap())).await.ok();
    assert_eq!(stands["contact"]["email"], won[0].json()["contact"]["email"]);
    // Nothing is left of those who came too late, their personal tenants neither.
    let there = world.read("/api/2/tenants/$customer/users").await.ok();
    assert_eq!(there["items"].as_array().unwrap().len(), 3);
    let mut conn = world.scene.test.app.read().await.unwrap();
    let personal = "SELECT COUNT(*) AS n FROM tenants WHERE owner_id IS NOT NULL";
    assert_eq!(conn.count(personal, Vec::new()).await.unwrap(), 3);
}
