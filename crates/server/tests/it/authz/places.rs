//! What a cell aims at: the tenant of its row, and the things in it, made when a request first names them.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::requests::{MAILED_REPORT, MONTHLY_REPORT};
use super::world::{Persona, Tenant, World, admin_of, child_kind, text};
use super::{BACKUP, PLATFORM, SHIPPING};

/// What lives in a tenant, each after what it needs.
const THINGS: [&str; 11] = [
    "user_id",
    "client_id",
    "user_code",
    "report_id",
    "mailed_report_id",
    "finished_report_id",
    "stored_report_id",
    "delivery_id",
    "alert_id",
    "infra_id",
    "location_id",
];

/// A tenant and what lives in it.
pub(super) struct Place {
    pub(super) tenant: Tenant,
    /// Where a new access policy is to reach.
    policy: Tenant,
    /// Ids by the word that names them in a path.
    pub(super) things: HashMap<String, String>,
    unknown: bool,
}

impl Place {
    fn of(tenant: Tenant) -> Self {
        Self { policy: tenant.clone(), tenant, things: HashMap::new(), unknown: false }
    }

    /// The place of a row; where a partner is asked for, what is made below the caller's tenant is one.
    pub(super) async fn new(world: &World, persona: &Persona, relation: &str, partner: bool) -> Self {
        let own = &persona.tenants["own"];
        match relation {
            "child" if partner => Self::of(persona.tenants["partner child"].clone()),
            "foreign" if partner => Self::of(persona.tenants["partner foreign"].clone()),
            "closed" | "inside" | "disabled" | "deleted" | "locked" => {
                let kind = if partner { "partner" } else { child_kind(own.kind) };
                let child = world.tenant(own, kind).await;
                Self::in_state(world, child, relation).await
            }
            "mighty" => {
                let mut place = Self::of(persona.tenants["child"].clone());
                let (user, above) = (place.thing(world, "user_id").await, &persona.tenants["above"]);
                let policy = json!({"tenant_id": above.id, "role_id": admin_of(above.kind)});
                let path = format!("PUT /api/2/users/{user}/access_policies");
                world.root(&path, json!({"items": [policy]})).await;
                place
            }
            "walled" => {
                let closed = world.child(own).await;
                world.change(&closed, json!({"ancestral_access": false})).await;
                Self { policy: closed, ..Self::of(own.clone()) }
            }
            "unknown" => {
                let id = unknown_id(world);
                let tenant = Tenant { payer: id.clone(), id, kind: "customer" };
                Self { unknown: true, ..Self::of(tenant) }
            }
            "self" => Self { things: persona.myself.iter().cloned().collect(), ..Self::of(own.clone()) },
            "outside" => {
                let mut foreign = Self::of(persona.tenants["foreign"].clone());
                let report = foreign.thing(world, "mailed_report_id").await;
                let mut things: HashMap<_, _> = persona.myself.iter().cloned().collect();
                things.insert("mailed_report_id".to_owned(), report);
                Self { things, ..Self::of(own.clone()) }
            }
            "beyond" => Self { policy: persona.tenants["above"].clone(), ..Self::of(own.clone()) },
            "higher" => Self { policy: Tenant { kind: "root", ..own.clone() }, ..Self::of(own.clone()) },
            "any" => Self::of(own.clone()),
            "origin" => Self::of(persona.tenants["child"].clone()),
            _ => Self::of(persona.tenants[relation].clone()),
        }
    }

    /// A child in the state that the row names, with what nobody could make there any more.
    async fn in_state(world: &World, child: Tenant, relation: &str) -> Self {
        let change = match relation {
            "locked" => json!({"update_lock": {"enabled": true}}),
            "closed" | "inside" => json!({"ancestral_access": false}),
            _ => json!({"enabled": false}),
        };
        world.switch_on(&child).await;
        let mut place = Self::of(child.clone());
        if relation == "inside" {
            place = Self::of(world.child(&child).await);
            world.switch_on(&place.tenant).await;
        }
        for thing in THINGS.into_iter().filter(|_| relation != "locked") {
            place.thing(world, thing).await;
        }
        match relation {
            "deleted" => world.delete(&child).await,
            _ => world.change(&child, change).await,
        }
        place
    }

    /// A text with its words filled in, and what the last one stood for.
    pub(super) async fn filled(
        &mut self,
        world: &World,
        persona: &Persona,
        template: &str,
    ) -> (String, String) {
        let (mut out, mut last) = (String::new(), String::new());
        let mut parts = template.split('$');
        out.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            last = match name {
                "token" => persona.credentials.token().to_owned(),
                _ => self.word(world, name).await,
            };
            out.push_str(&last);
            out.push_str(rest);
        }
        (out, last)
    }

    async fn word(&mut self, world: &World, name: &str) -> String {
        match name {
            "tenant_id" => self.tenant.id.clone(),
            "payer_id" => self.tenant.payer.clone(),
            "child_kind" => child_kind(self.tenant.kind).to_owned(),
            "policy_tenant_id" => self.policy.id.clone(),
            "role" => admin_of(self.policy.kind).to_owned(),
            "application_id" => BACKUP.to_owned(),
            "platform_id" => PLATFORM.to_owned(),
            "shipping_id" => SHIPPING.to_owned(),
            "n" => world.number().to_string(),
            _ => match name.strip_suffix("_version") {
                Some(noun) => self.version(world, noun).await,
                None => self.thing(world, name).await,
            },
        }
    }

    /// The version of an object as it is now; 1 where root sees none, and the call is to be refused anyway.
    async fn version(&mut self, world: &World, noun: &str) -> String {
        let tenant = self.tenant.id.clone();
        let path = match noun {
            "tenant" => format!("/api/2/tenants/{tenant}"),
            "pricing" => format!("/api/2/tenants/{tenant}/pricing"),
            "billing" => format!("/api/2/billing/tenants/{tenant}"),
            _ => {
                let nouns = if noun == "infra" { noun.to_owned() } else { format!("{noun}s") };
                format!("/api/2/{nouns}/{}", self.thing(world, &format!("{noun}_id")).await)
            }
        };
        let version = world.seen_by_root(&path).await["version"].clone();
        if version.is_null() { "1".to_owned() } else { version.to_string() }
    }

    /// The id of a thing that lives here.
    async fn thing(&mut self, world: &World, name: &str) -> String {
        if let Some(known) = self.things.get(name) {
            return known.clone();
        }
        let made = if self.unknown { unknown_id(world) } else { self.made(world, name).await };
        self.things.insert(name.to_owned(), made.clone());
        made
    }

    async fn made(&self, world: &World, name: &str) -> String {
        let (tenant, n) = (&self.tenant, world.number());
        let (path, body, member) = match name {
            "user_id" => return world.user(tenant).await.0,
            "client_id" => {
                let method = "client_secret_basic";
                let body = json!({
                    "type": "api_client", "tenant_id": tenant.id, "token_endpoint_auth_method": method,
                });
                ("clients", body, "client_id")
            }
            "app_id" => {
                let body = json!({
                    "type": "api_client", "tenant_id": tenant.id, "token_endpoint_auth_method": "none",
                    "redirect_uris": ["https://crm.example.com/back"],
                });
                ("clients", body, "client_id")
            }
            "user_code" => return Box::pin(self.device(world)).await,
            "location_id" => {
                ("locations", json!({"owner_tenant_id": tenant.id, "name": format!("Location {n}")}), "id")
            }
            "infra_id" => {
                let body = json!({
                    "owner_tenant_id": tenant.id, "name": format!("Storage {n}"),
                    "url": format!("abgw://s{n}.example.com:44445"), "capabilities": ["backup"],
                });
                ("infra", body, "id")
            }
            "report_id" => ("reports", filled_report(MONTHLY_REPORT, &tenant.id, ""), "id"),
            "finished_report_id" => return world.finished_report(tenant).await,
            "delivery_id" => return world.delivery(tenant).await,
            "alert_id" => {
                let delivery = world.delivery(tenant).await;
                world.bounce(&delivery).await;
                return delivery;
            }
            "mailed_report_id" => {
                let reader = world.user(tenant).await.0;
                ("reports", filled_report(MAILED_REPORT, &tenant.id, &reader), "id")
            }
            "stored_report_id" => {
                let stored = format!("GET /api/2/reports/{}/stored", self.things["finished_report_id"]);
                return text(&world.root(&stored, Value::Null).await["items"][0], "id");
            }
            _ => panic!("nobody knows how to make a {name}"),
        };
        text(&world.root(&format!("POST /api/2/{path}"), body).await, member)
    }

    /// What a device shows that runs a client of this tenant.
    async fn device(&self, world: &World) -> String {
        let client = self.made(world, "app_id").await;
        let form = [("client_id", client.as_str()), ("scope", "openid")];
        // Each device at an address of its own, as one that asks often is made to wait.
        let [.., high, low] = world.number().to_be_bytes();
        let call = world.server.post("/api/2/idp/device_authorization").form(&form);
        let call = call.header("X-Forwarded-For", &format!("10.0.{high}.{low}"));
        text(&call.await.ok(), "user_code")
    }
}

/// The body of a report on a tenant, with one recipient where the template has one.
fn filled_report(template: &str, tenant: &str, reader: &str) -> Value {
    serde_json::from_str(&template.replace("$tenant_id", tenant).replace("$reader", reader)).unwrap()
}

/// A well-formed id that nobody has.
fn unknown_id(world: &World) -> String {
    format!("00000000-0000-4000-8000-{:012}", world.number())
}
