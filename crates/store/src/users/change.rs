//! New, changed and deleted users: every one of them in the change log.

use domain::ids::{DEFAULT_IDP, TenantNo, UserId};
use domain::tenant::Language;
use domain::time::Instant;
use domain::user::{BusinessType, Notification, User};

use crate::arg::list;
use crate::audit::{Change, Object};
use crate::contacts::{self, NewContact, Owner};
use crate::{Result, Write, args, lists, search};

/// What a new user starts with.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Its id.
    pub id: UserId,
    /// The tenant it belongs to.
    pub tenant: TenantNo,
    /// Its login.
    pub login: String,
    /// The hash of its password; `None` until it sets one.
    pub password_hash: Option<String>,
    /// Its contact.
    pub contact: NewContact,
    /// Whether it has set a password.
    pub activated: bool,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Language of its mails.
    pub language: Language,
    /// The identity provider.
    pub idp_id: uuid::Uuid,
    /// An id elsewhere.
    pub external_id: Option<String>,
    /// The unit that holds its usage.
    pub personal_tenant: Option<TenantNo>,
    /// Business roles.
    pub business_types: Vec<BusinessType>,
    /// The mails it wants.
    pub notifications: Vec<Notification>,
    /// Where it came from.
    pub origin_id: Option<String>,
    /// Its id there.
    pub origin_external_id: Option<String>,
    /// When it stops being able to sign in.
    pub disable_after: Option<Instant>,
}

/// Inserts a user with its contact. A login that a live user has is [`crate::Error::Unique`] on `users.login`.
pub async fn insert(tx: &mut Write, new: &NewUser) -> Result<()> {
    let id = new.id.to_string();
    contacts::insert(tx, Owner::user(&id, new.tenant), &new.contact).await?;
    let (now, stamp) = (tx.now(), tx.stamp().await?);
    tx.run(
        "INSERT INTO users (id, version, tenant_no, login, password_hash, contact_id, activated, enabled, created_at,
         updated_at, language, idp_id, external_id, personal_tenant_no, business_types, notifications, origin_id,
         origin_external_id, disable_after)
         VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8, $18, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        args![
            new.id,
            new.tenant,
            new.login.as_str(),
            new.password_hash.clone(),
            new.contact.id,
            new.activated,
            new.enabled,
            now,
            new.language.code(),
            new.idp_id,
            new.external_id.clone(),
            new.personal_tenant,
            list(&new.business_types),
            list(&new.notifications),
            new.origin_id.clone(),
            new.origin_external_id.clone(),
            new.disable_after,
            stamp
        ],
    )
    .await?;
    lists::insert_user(tx, new.id, new.tenant).await?;
    search::put_user(tx, new.id, &new.login, &new.contact.texts).await?;
    let (object, tenant) = (Object::User, new.tenant);
    let first = first_version(new).into_iter().filter(|(_, value)| value.is_some());
    let change = |(field, new)| Change { object, id: &id, tenant, field, old: None, new };
    tx.log_all_first(first.map(change).collect()).await
}

/// What a new user is, as far as it is not what every new user is.
fn first_version(new: &NewUser) -> [(&'static str, Option<String>); 11] {
    [
        ("login", Some(new.login.clone())),
        ("activated", new.activated.then(|| true.to_string())),
        ("enabled", Some(new.enabled.to_string())),
        ("language", Some(new.language.to_string())),
        ("notifications", Some(list(&new.notifications))),
        ("idp_id", (new.idp_id != DEFAULT_IDP).then(|| new.idp_id.to_string())),
        ("external_id", new.external_id.clone()),
        ("business_types", Some(list(&new.business_types)).filter(|types| !types.is_empty())),
        ("origin", origin(new)),
        ("disable_after", new.disable_after.map(Instant::with_z)),
        ("deleted", Some(false.to_string())),
    ]
}

/// Where a user came from, with its id there: `crm/4711`.
fn origin(new: &NewUser) -> Option<String> {
    let parts = [&new.origin_id, &new.origin_external_id].map(|part| part.as_deref().unwrap_or_default());
    (parts != [""; 2]).then(|| parts.join("/"))
}

/// Saves what differs between the user as it is and as it shall be. `new` carries the version that it is to have. A login
/// that another live user has is [`crate::Error::Unique`] on `users.login`.
pub async fn update(tx: &mut Write, old: &User, new: &User) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE users SET version = $2, updated_at = $3, login = $4, enabled = $5, language = $6, idp_id = $7,
         external_id = $8, business_types = $9, notifications = $10, disable_after = $11 WHERE id = $1",
        args![
            old.id,
            new.version,
            now,
            new.login.as_str(),
            new.enabled,
            new.language.code(),
            new.idp_id,
            new.external_id.clone(),
            list(&new.business_types),
            list(&new.notifications),
            new.disable_after
        ],
    )
    .await?;
    if old.contact != new.contact {
        let id = old.id.to_string();
        contacts::update(tx, Owner::user(&id, old.tenant), &old.contact, &new.contact).await?;
    }
    if old.contact != new.contact || old.login != new.login {
        search::put_user(tx, old.id, &new.login, &new.contact.texts).await?;
    }
    let (object, id, tenant) = (Object::User, old.id.to_string(), old.tenant);
    let pairs = logged(old).into_iter().zip(logged(new));
    let changes = pairs.map(|((field, old), (_, new))| Change { object, id: &id, tenant, field, old, new });
    tx.log_all(changes.collect()).await
}

/// All that a PUT may change, but for the contact, under the names of the wire.
fn logged(user: &User) -> [(&'static str, Option<String>); 8] {
    [
        ("login", Some(user.login.clone())),
        ("enabled", Some(user.enabled.to_string())),
        ("language", Some(user.language.to_string())),
        ("notifications", Some(list(&user.notifications))),
        ("idp_id", Some(user.idp_id.to_string())),
        ("external_id", user.external_id.clone()),
        ("business_types", Some(list(&user.business_types))),
        ("disable_after", user.disable_after.map(Instant::with_z)),
    ]
}

/// Deletes a user softly; its login is free again.
pub async fn delete(tx: &mut Write, user: &User) -> Result<()> {
    let now = tx.stamp().await?;
    tx.run(
        "UPDATE users SET deleted_at = $2, updated_at = $2, version = version + 1 WHERE id = $1",
        args![user.id, now],
    )
    .await?;
    let (object, id, tenant) = (Object::User, user.id.to_string(), user.tenant);
    let (old, new) = (Some(false.to_string()), Some(true.to_string()));
    tx.log(Change { object, id: &id, tenant, field: "deleted", old, new }).await
}
