//! The server, root's hand in it, and the tree of one column.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use testkit::{Answer, Call, Server, TestApp};
use tokio::sync::Mutex;

const PASSWORD: &str = "an old lighthouse 7";

/// One served app, and what root makes there.
pub(super) struct World {
    pub(super) test: TestApp,
    pub(super) server: Server,
    pub(super) top: Tenant,
    root_client: String,
    root_token: String,
    next: AtomicU32,
    /// One column at a time has its reports generated, so that each finds its own finished.
    generating: Mutex<()>,
    /// Two columns have the top tenant for their own, whose versions each reads and sends.
    pub(super) turn_at_top: Mutex<()>,
}

/// A tenant of the tree.
#[derive(Clone, Debug)]
pub(super) struct Tenant {
    pub(super) id: String,
    pub(super) kind: &'static str,
    /// The tenant whose pricing it has: of a unit its customer's.
    pub(super) payer: String,
}

/// How a column proves who it is.
#[derive(Clone)]
pub(super) enum Credentials {
    None,
    Token(String),
    Basic(String),
}

/// A caller and where it stands.
pub(super) struct Persona {
    pub(super) credentials: Credentials,
    /// The user or client itself, as the word that names it in a path.
    pub(super) myself: Option<(String, String)>,
    /// The credentials of a twin that carries an origin_id.
    pub(super) origin: Option<Credentials>,
    /// By relation.
    pub(super) tenants: HashMap<&'static str, Tenant>,
}

impl Credentials {
    pub(super) fn put_on(&self, call: Call) -> Call {
        match self {
            Self::None => call,
            Self::Token(token) => call.bearer(token),
            Self::Basic(login) => call.basic(login, PASSWORD),
        }
    }

    pub(super) fn token(&self) -> &str {
        if let Self::Token(token) = self { token } else { "" }
    }
}

/// What may be made below a tenant of this kind (accounts-api, 1.8).
pub(super) fn child_kind(kind: &str) -> &'static str {
    match kind {
        "root" => "partner",
        "partner" | "folder" => "customer",
        _ => "unit",
    }
}

/// The administrator's role that fits this kind (accounts-api, 1.7).
pub(super) fn admin_of(kind: &str) -> &'static str {
    match kind {
        "root" => "root_admin",
        "partner" | "folder" => "partner_admin",
        "customer" => "company_admin",
        _ => "unit_admin",
    }
}

impl World {
    pub(super) async fn new() -> Self {
        let test = TestApp::with_settings("2026-05-08T10:00:00Z", |settings| {
            settings.proxies.networks = vec!["127.0.0.1".parse().unwrap()];
        })
        .await;
        let server = test.serve().await;
        let root_token = server.token(&test.client_id, &test.client_secret).await;
        let id = test.top.to_string();
        let top = Tenant { payer: id.clone(), id, kind: "root" };
        let root_client = test.client_id.clone();
        let next = AtomicU32::new(1);
        let (generating, turn_at_top) = (Mutex::new(()), Mutex::new(()));
        Self { test, server, top, root_client, root_token, next, generating, turn_at_top }
    }

    /// A number that was not given before.
    pub(super) fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A call of root, with what it answered, which must be a success.
    pub(super) async fn root(&self, request: &str, body: Value) -> Value {
        self.try_as_root(request, body).await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// A call of root; what was wrong where it is refused.
    pub(super) async fn try_as_root(&self, request: &str, body: Value) -> Result<Value, String> {
        let (method, path) = request.split_once(' ').unwrap();
        let call = self.server.call(method.parse().unwrap(), path).bearer(&self.root_token);
        let answer = if body.is_null() { call.await } else { call.json(body.clone()).await };
        if answer.status < 300 {
            return Ok(answer.json());
        }
        Err(format!("{request} {body}: {} {}", answer.status, answer.text()))
    }

    /// What root is answered to a GET.
    pub(super) async fn seen_by_root(&self, path: &str) -> Value {
        self.server.get(path).bearer(&self.root_token).await.json()
    }

    /// A new tenant.
    pub(super) async fn tenant(&self, parent: &Tenant, kind: &'static str) -> Tenant {
        let body = json!({"name": format!("{kind} {}", self.number()), "parent_id": parent.id, "kind": kind});
        let made = self.root("POST /api/2/tenants", body).await;
        let id = text(&made, "id");
        let payer = if kind == "unit" { parent.payer.clone() } else { id.clone() };
        Tenant { id, kind, payer }
    }

    /// A new tenant of the kind that belongs there.
    pub(super) async fn child(&self, parent: &Tenant) -> Tenant {
        self.tenant(parent, child_kind(parent.kind)).await
    }

    /// Gives a tenant the item that usage is reported for.
    pub(super) async fn switch_on(&self, tenant: &Tenant) {
        let path = format!("PUT /api/2/tenants/{}/offering_items", tenant.id);
        let item = json!({"application_id": super::BACKUP, "name": "vms", "status": 1});
        self.root(&path, json!({"offering_items": [item]})).await;
    }

    /// Changes members of a tenant.
    pub(super) async fn change(&self, tenant: &Tenant, mut body: Value) {
        let path = format!("/api/2/tenants/{}", tenant.id);
        body["version"] = self.root(&format!("GET {path}"), Value::Null).await["version"].clone();
        self.root(&format!("PUT {path}"), body).await;
    }

    /// Disables and deletes a tenant.
    pub(super) async fn delete(&self, tenant: &Tenant) {
        self.change(tenant, json!({"enabled": false})).await;
        let path = format!("/api/2/tenants/{}", tenant.id);
        let version = &self.root(&format!("GET {path}"), Value::Null).await["version"];
        self.root(&format!("DELETE {path}?version={version}"), Value::Null).await;
    }

    /// A new user of a tenant: its id and login.
    pub(super) async fn user(&self, tenant: &Tenant) -> (String, String) {
        let login = format!("user-{}", self.number());
        let contact = json!({"email": format!("{login}@example.com")});
        let body = json!({"tenant_id": tenant.id, "login": login, "contact": contact});
        (text(&self.root("POST /api/2/users", body).await, "id"), login)
    }

    /// A user who can sign in and holds this role on its tenant: its id and login.
    async fn user_with(&self, tenant: &Tenant, role: &str) -> (String, String) {
        let login = format!("signs-in-{}", self.number());
        let (tenant, role) = (tenant.id.parse().unwrap(), role.parse().unwrap());
        let user = self.test.user(tenant, &login, PASSWORD, role).await;
        (user.to_string(), login)
    }

    /// A user's token, by password.
    async fn sign_in(&self, login: &str) -> String {
        let form = [("grant_type", "password"), ("username", login), ("password", PASSWORD)];
        text(&self.server.post("/api/2/idp/token").form(&form).await.ok(), "access_token")
    }

    /// A new client of an administrator of the tenant: its id and token.
    async fn client_of(&self, tenant: &Tenant, login: &str, origin: Option<&str>) -> (String, String) {
        let call = self.server.post("/api/2/clients").basic(login, PASSWORD).json(json!({
            "type": "api_client", "tenant_id": tenant.id, "origin_id": origin,
            "token_endpoint_auth_method": "client_secret_basic",
        }));
        let made = call.await.expect(201);
        let (id, secret) = (text(&made, "client_id"), text(&made, "client_secret"));
        let token = self.server.token(&id, &secret).await;
        (id, token)
    }

    /// A token, narrowed to a tenant.
    pub(super) async fn narrowed_from(&self, token: &str, tenant: &Tenant) -> String {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", token),
            ("scope", &format!("urn:acronis.com:tenant-id:{}", tenant.id)),
        ];
        text(&self.server.post("/api/2/idp/token").form(&form).await.ok(), "access_token")
    }

    /// The caller of a column, in a tree of its own below the one top tenant: no column sees what another does.
    pub(super) async fn persona(&self, column: &str) -> Persona {
        let top = self.top.clone();
        let north = self.tenant(&top, "partner").await;
        let harbour = self.tenant(&north, "customer").await;
        let quay = self.tenant(&harbour, "unit").await;
        let berth = self.tenant(&quay, "unit").await;
        let south = self.tenant(&top, "partner").await;
        let vineyard = self.tenant(&south, "customer").await;
        let cellar = self.tenant(&vineyard, "unit").await;
        for tenant in [&north, &harbour, &quay, &berth] {
            self.switch_on(tenant).await;
        }
        let (own, child, foreign, above) = match column {
            "root" | "person" => (top, north.clone(), None, None),
            "company" | "narrowed" => (harbour, quay, Some(vineyard), Some(north.clone())),
            "unit" => (quay, berth, Some(cellar), Some(harbour)),
            _ => (north.clone(), harbour, Some(south.clone()), Some(top)),
        };
        let partner_child =
            if own.kind == "partner" { self.tenant(&own, "partner").await } else { north.clone() };
        let mut tenants = HashMap::from([("own", own), ("child", child)]);
        tenants.insert("partner child", partner_child);
        tenants.insert("partner foreign", south);
        tenants.extend(foreign.map(|tenant| ("foreign", tenant)));
        tenants.extend(above.map(|tenant| ("above", tenant)));
        let mut persona = Persona { credentials: Credentials::None, myself: None, origin: None, tenants };
        self.equip(column, &mut persona).await;
        persona
    }

    /// A report on the tenant that has its file.
    pub(super) async fn finished_report(&self, tenant: &Tenant) -> String {
        let body = json!({
            "parameters": {"tenant_id": tenant.id, "level": "itself", "kind": "usage_current"},
            "schedule": {"type": "once"}, "result_action": "save",
        });
        let _generating = self.generating.lock().await;
        let report = text(&self.root("POST /api/2/reports", body).await, "id");
        app::jobs::drain(&self.test.app).await.unwrap();
        report
    }

    /// A mail on this tenant's own figures that has ended.
    pub(super) async fn delivery(&self, tenant: &Tenant) -> String {
        let body = json!({
            "parameters": {"tenant_id": tenant.id, "level": "itself", "kind": "usage_current"},
            "schedule": {"type": "once"}, "result_action": "send", "recipients": [self.user(tenant).await.0],
        });
        let _generating = self.generating.lock().await;
        let report = text(&self.root("POST /api/2/reports", body).await, "id");
        app::jobs::drain(&self.test.app).await.unwrap();
        let list = format!("GET /api/tidemark/1/reports/{report}/deliveries");
        text(&self.root(&list, Value::Null).await["items"][0], "id")
    }

    /// Lets a mail come back.
    pub(super) async fn bounce(&self, delivery: &str) {
        let mut tx = self.test.app.write_as(domain::access::Actor::System).await.unwrap();
        let sql = "UPDATE deliveries SET status = 'bounced' WHERE id = $1";
        tx.run(sql, store::args![delivery]).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn equip(&self, column: &str, persona: &mut Persona) {
        let own = persona.tenants["own"].clone();
        match column {
            "anonymous" => persona.myself = Some(("user_id".to_owned(), self.user(&own).await.0)),
            "root" | "partner" | "company" | "unit" => {
                let (_, login) = self.user_with(&own, admin_of(own.kind)).await;
                let (id, token) = self.client_of(&own, &login, None).await;
                let (_, twin) = self.client_of(&own, &login, Some("billing")).await;
                persona.credentials = Credentials::Token(token);
                persona.origin = Some(Credentials::Token(twin));
                persona.myself = Some(("client_id".to_owned(), id));
            }
            "narrowed" => {
                persona.credentials = Credentials::Token(self.narrowed_from(&self.root_token, &own).await);
                persona.myself = Some(("client_id".to_owned(), self.root_client.clone()));
            }
            "basic" => {
                let (id, login) = self.user_with(&own, "partner_admin").await;
                persona.credentials = Credentials::Basic(login);
                persona.myself = Some(("user_id".to_owned(), id));
            }
            _ => {
                let role = match column {
                    "person" => "root_admin",
                    "readonly" => "readonly_admin",
                    "other" => "backup_user",
                    _ => "notary_user",
                };
                let holder = self.holder(&own, role).await;
                (persona.credentials, persona.myself) = (holder.credentials, holder.myself);
            }
        }
    }

    /// A user with this role on its tenant, signed in.
    pub(super) async fn holder(&self, own: &Tenant, role: &str) -> Persona {
        let (id, login) = self.user_with(own, role).await;
        Persona {
            credentials: Credentials::Token(self.sign_in(&login).await),
            myself: Some(("user_id".to_owned(), id)),
            origin: None,
            tenants: HashMap::from([("own", own.clone())]),
        }
    }
}

/// A text member of an answer.
pub(super) fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}

/// The code of an answer or of its only item, or the member that an upload was refused for, `""` where there is none.
pub(super) fn code(answer: &Answer) -> String {
    let body = answer.json();
    let codes = [&body["error"]["code"], &body["items"][0]["error"]["code"], &body["refused"][0]["field"]];
    let found = codes.into_iter().find(|code| !code.is_null());
    found.map_or_else(String::new, |code| code.to_string().trim_matches('"').to_owned())
}
