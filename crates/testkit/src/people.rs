//! Clients and users that can really sign in, made below the use cases.

use app::clients::Made;
use domain::access::{AccessPolicy, Actor, Role, TrusteeType};
use domain::ids::{ContactId, DEFAULT_IDP, PolicyId, TenantId, UserId};
use domain::tenant::Language;
use store::contacts::NewContact;
use store::users::NewUser;

use crate::TestApp;

#[expect(clippy::expect_used, reason = "a test without its fixture cannot go on")]
impl TestApp {
    /// An API client with this role on a tenant; its id and secret.
    pub async fn client(&self, tenant: TenantId, role: Role) -> (String, String) {
        let no = self.no(tenant).await;
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let made = app::clients::create_first(&self.app, &mut tx, no, tenant, role).await;
        let Made { client, secret, .. } = made.expect("a client");
        tx.commit().await.expect("a commit");
        (client.id.to_string(), secret)
    }

    /// A user of a tenant with this role there.
    pub async fn user(&self, tenant: TenantId, login: &str, password: &str, role: Role) -> UserId {
        let hash = app::auth::passwords::hash(&self.app, password).await.expect("a hash");
        let no = self.no(tenant).await;
        let id = UserId(self.app.ids.other().expect("an id"));
        let contact = NewContact::empty(ContactId(self.app.ids.other().expect("an id")), Vec::new());
        let policy = PolicyId(self.app.ids.other().expect("an id"));
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let user = NewUser {
            id,
            tenant: no,
            login: login.to_owned(),
            password_hash: Some(hash),
            contact,
            activated: true,
            enabled: true,
            language: Language::ENGLISH,
            idp_id: DEFAULT_IDP,
            external_id: None,
            personal_tenant: None,
            business_types: Vec::new(),
            notifications: Vec::new(),
            origin_id: None,
            origin_external_id: None,
            disable_after: None,
        };
        store::users::insert(&mut tx, &user).await.expect("a user");
        let now = tx.now();
        let policy = AccessPolicy {
            id: policy,
            version: 0,
            trustee_id: id,
            trustee_type: TrusteeType::User,
            issuer_id: id.0,
            tenant: no,
            tenant_id: tenant,
            role,
            created_at: now,
            updated_at: now,
            resource: [None, None, None],
        };
        store::policies::replace(&mut tx, id, no, &[], &[policy]).await.expect("a policy");
        tx.commit().await.expect("a commit");
        id
    }
}
