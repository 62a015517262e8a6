//! The first user of an installation.

use domain::access::{AccessPolicy, Role, TrusteeType};
use domain::ids::{ContactId, DEFAULT_IDP, PolicyId, UserId};
use domain::tenant::Tenant;
use domain::user::set_contact_text;
use store::Write;
use store::contacts::NewContact;

use super::create::DEFAULT_NOTIFICATIONS;
use crate::ids::Noun;
use crate::{App, Result};

/// The login of the first administrator.
pub const FIRST_LOGIN: &str = "admin";

/// Makes the administrator of the top tenant: [`FIRST_LOGIN`], activated, root_admin. The caller hashes a password that it
/// shows once.
pub async fn create_first(
    app: &App,
    tx: &mut Write,
    top: &Tenant,
    email: &str,
    password_hash: &str,
) -> Result<UserId> {
    let mut contact = NewContact::empty(ContactId(app.ids.other()?), Vec::new());
    set_contact_text(&mut contact.texts, "email", email);
    let id = UserId(app.ids.fresh(Noun::User)?);
    let user = store::users::NewUser {
        id,
        tenant: top.no,
        login: FIRST_LOGIN.to_owned(),
        password_hash: Some(password_hash.to_owned()),
        contact,
        activated: true,
        enabled: true,
        language: top.language,
        idp_id: DEFAULT_IDP,
        external_id: None,
        personal_tenant: None,
        business_types: Vec::new(),
        notifications: DEFAULT_NOTIFICATIONS.to_vec(),
        origin_id: None,
        origin_external_id: None,
        disable_after: None,
    };
    store::users::insert(tx, &user).await?;
    let now = tx.now();
    let policy = AccessPolicy {
        id: PolicyId(app.ids.other()?),
        version: 0,
        trustee_id: id,
        trustee_type: TrusteeType::User,
        issuer_id: tx.actor().id(),
        tenant: top.no,
        tenant_id: top.id,
        role: Role::RootAdmin,
        created_at: now,
        updated_at: now,
        resource: [None, None, None],
    };
    store::policies::replace(tx, id, top.no, &[], &[policy]).await?;
    Ok(id)
}
