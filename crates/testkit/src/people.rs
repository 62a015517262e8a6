//! Clients and users that can really sign in.

use app::clients::{Made, NewClient};
use domain::access::{Actor, ClientAuthMethod, ClientType, Role};
use domain::ids::{ContactId, DEFAULT_IDP, TenantId, UserId};
use store::args;

use crate::TestApp;

#[expect(clippy::expect_used, reason = "a test without its fixture cannot go on")]
impl TestApp {
    /// An API client with this role on a tenant, whatever its creator's was; its id and secret.
    pub async fn client(&self, tenant: TenantId, role: Role) -> (String, String) {
        let creator = self.caller(tenant, Role::RootAdmin).await;
        let new = NewClient {
            client_type: ClientType::ApiClient,
            tenant_id: tenant,
            auth_method: ClientAuthMethod::Basic,
            data: serde_json::Map::new(),
            redirect_uris: Vec::new(),
            origin_id: None,
        };
        let Made { client, secret, .. } =
            app::clients::create(&self.app, &creator, new).await.expect("a client");
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let sql = "UPDATE clients SET roles = $2 WHERE id = $1";
        tx.run(sql, args![client.id, role.as_str()]).await.expect("a role");
        tx.commit().await.expect("a commit");
        (client.id.to_string(), secret)
    }

    /// A user of a tenant with this role there, made below the use cases.
    pub async fn user(&self, tenant: TenantId, login: &str, password: &str, role: Role) -> UserId {
        let hash = app::auth::passwords::hash(&self.app, password).await.expect("a hash");
        let no = self.no(tenant).await;
        let id = UserId(self.app.ids.other().expect("an id"));
        let contact = ContactId(self.app.ids.other().expect("an id"));
        let policy = self.app.ids.other().expect("an id");
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let now = tx.now();
        tx.run(
            "INSERT INTO contacts (id, created_at, updated_at, types) VALUES ($1, $2, $2, '')",
            args![contact, now],
        )
        .await
        .expect("a contact");
        tx.run(
            "INSERT INTO users (id, version, tenant_no, login, password_hash, contact_id, activated, enabled, created_at,
             updated_at, language, idp_id, business_types, notifications)
             VALUES ($1, 1, $2, $3, $4, $5, 1, 1, $6, $6, 'en', $7, '', '')",
            args![id, no, login, hash, contact, now, DEFAULT_IDP],
        )
        .await
        .expect("a user");
        tx.run(
            "INSERT INTO access_policies (id, version, user_id, trustee_type, issuer_id, tenant_no, role_id, created_at,
             updated_at) VALUES ($1, 0, $2, 'user', $2, $3, $4, $5, $5)",
            args![policy, id, no, role.as_str(), now],
        )
        .await
        .expect("a policy");
        tx.commit().await.expect("a commit");
        id
    }
}
