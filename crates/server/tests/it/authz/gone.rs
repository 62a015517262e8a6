//! Callers whose token has not run out and is good for nothing any more.

use std::collections::HashMap;

use domain::access::Role;
use serde_json::{Value, json};

use super::world::{Credentials, Persona, Tenant, World};

impl World {
    /// The caller of a line of the table, after what became of it; aimed where the caller of its column is.
    pub(super) async fn gone(&self, name: &str, column: &Persona) -> Persona {
        let home = self.tenant(&self.top, "partner").await;
        let own = if name.ends_with("_above") { self.child(&home).await } else { home.clone() };
        let mut persona = match name {
            "disabled_user" | "deleted_user" | "user_past_its_end" => {
                self.holder(&own, "partner_admin").await
            }
            _ => self.client_at(&own).await,
        };
        if name.starts_with("narrowed") {
            let token = self.narrowed_from(persona.credentials.token(), &own).await;
            self.end(name, &home, &persona).await;
            persona.credentials = Credentials::Token(token);
        } else {
            self.end(name, &home, &persona).await;
        }
        persona.tenants.clone_from(&column.tenants);
        persona.myself.clone_from(&column.myself);
        persona
    }

    async fn client_at(&self, own: &Tenant) -> Persona {
        let (id, secret) = self.test.client(own.id.parse().unwrap(), Role::PartnerAdmin).await;
        Persona {
            credentials: Credentials::Token(self.server.token(&id, &secret).await),
            myself: Some(("client_id".to_owned(), id)),
            origin: None,
            tenants: HashMap::from([("own", own.clone())]),
        }
    }

    /// What happens to the caller after it got its token.
    async fn end(&self, name: &str, home: &Tenant, persona: &Persona) {
        let (_, id) = persona.myself.clone().unwrap();
        let (client, user) = (format!("/api/2/clients/{id}"), format!("/api/2/users/{id}"));
        match name {
            "disabled_client" | "narrowed_and_disabled" => {
                self.root(&format!("PUT {client}"), json!({"status": "disabled"})).await;
            }
            "deleted_client" => {
                self.root(&format!("DELETE {client}"), Value::Null).await;
            }
            "disabled_user" => self.change_user(&user, json!({"enabled": false})).await,
            "user_past_its_end" => {
                let end = self.test.app.clock.now().plus_seconds(2);
                self.change_user(&user, json!({"disable_after": end.with_z()})).await;
                self.test.clock.set(end);
            }
            "deleted_user" => {
                self.change_user(&user, json!({"enabled": false})).await;
                let version = self.seen_by_root(&user).await["version"].clone();
                self.root(&format!("DELETE {user}?version={version}"), Value::Null).await;
            }
            "disabled_tenant" | "disabled_above" => self.change(home, json!({"enabled": false})).await,
            "deleted_tenant" | "deleted_above" => self.delete(home).await,
            "revoked_token" | "narrowed_and_revoked" => {
                let form = [("token", persona.credentials.token())];
                assert_eq!(self.server.post("/api/2/idp/revoke_token").form(&form).await.status, 200);
            }
            _ => panic!("nobody knows what became of a {name}"),
        }
    }

    async fn change_user(&self, path: &str, mut body: Value) {
        body["version"] = self.seen_by_root(path).await["version"].clone();
        self.root(&format!("PUT {path}"), body).await;
    }
}
