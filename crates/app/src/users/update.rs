//! Changes and deletion of users.

use domain::access::Permission;
use domain::ids::UserId;
use domain::tenant::Language;
use domain::text::check_text;
use domain::time::Instant;
use domain::user::{BusinessType, Notification, User, set_contact_text};

use super::create::is_over;
use super::{checked_login, distinct, email, find, login_taken};
use crate::access::Deleted;
use crate::contacts::ContactChange;
use crate::tenants::check_version;
use crate::{App, Caller, Error, Result, Rule};

/// The members of a user that a body carries; the others stay as they are.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// The version that the caller has seen.
    pub version: i64,
    /// Its login.
    pub login: Option<String>,
    /// An id elsewhere.
    pub external_id: Option<String>,
    /// The identity provider.
    pub idp_id: Option<uuid::Uuid>,
    /// Members of its contact.
    pub contact: Option<ContactChange>,
    /// Whether it may sign in.
    pub enabled: Option<bool>,
    /// Language of its mails.
    pub language: Option<Language>,
    /// Business roles.
    pub business_types: Option<Vec<BusinessType>>,
    /// The mails it wants.
    pub notifications: Option<Vec<Notification>>,
    /// When it stops being able to sign in; `Some(None)`: never.
    pub disable_after: Option<Option<Instant>>,
}

impl UserChange {
    fn check(&self) -> Result<()> {
        self.contact.as_ref().map_or(Ok(()), |contact| contact.check("contact"))?;
        let checked = self.external_id.as_deref().map_or(Ok(()), check_text);
        checked.map_err(|why| Error::invalid("external_id", why.to_string()))
    }

    fn apply(&self, old: &User) -> Result<User> {
        let mut new = old.clone();
        if let Some(login) = &self.login {
            new.login = checked_login(login)?;
        }
        new.external_id = self.external_id.clone().or(new.external_id);
        new.idp_id = self.idp_id.unwrap_or(new.idp_id);
        new.enabled = self.enabled.unwrap_or(new.enabled);
        new.language = self.language.unwrap_or(new.language);
        if let Some(types) = &self.business_types {
            new.business_types = distinct(BusinessType::ALL, types);
        }
        if let Some(notifications) = &self.notifications {
            new.notifications = distinct(Notification::ALL, notifications);
        }
        new.disable_after = self.disable_after.unwrap_or(new.disable_after);
        if let Some(contact) = &self.contact {
            new.contact = contact.apply(&old.contact, &[]);
        }
        Ok(new)
    }
}

/// Changes a user: 1001 with another version than the current one, 1033 where the login is none or taken.
///
/// An activated user keeps its old address until the new one is confirmed: a change of nothing else leaves it and its
/// version as they are.
pub async fn update(app: &App, caller: &Caller, id: UserId, change: UserChange) -> Result<User> {
    change.check()?;
    let mut tx = app.write(caller).await?;
    let old = find(app, &mut tx, caller, Permission::TenantAdmin, id, Deleted::Hidden).await?;
    check_version(change.version, old.version)?;
    let mut new = change.apply(&old)?;
    if new.enabled && is_over(new.disable_after, tx.now()) {
        if !old.enabled {
            return Err(Error::rule(
                Rule::Business,
                "disable_after: lies in the past, so enabled cannot be true",
            ));
        }
        new.enabled = false;
    }
    let asked_for = hold_back_email(&old, &mut new);
    if let Some(email) = &asked_for {
        email::ask(app, &mut tx, &old, email).await?;
    }
    if asked_for.is_some() && new == old {
        tx.commit().await?;
        app.work.notify_waiters();
        return Ok(old);
    }
    new.version += 1;
    store::users::update(&mut tx, &old, &new).await.map_err(|error| login_taken(error, &new.login))?;
    let user = store::users::by_id(&mut tx, id).await?.ok_or(Error::NotFound { what: "user" })?;
    tx.commit().await?;
    if asked_for.is_some() || user.disable_after.is_some() {
        app.work.notify_waiters();
    }
    Ok(user)
}

/// Puts the old address of an activated user back, and gives the new one. Without an old address there is nobody to ask.
fn hold_back_email(old: &User, new: &mut User) -> Option<String> {
    let before = old.contact.text("email").filter(|email| !email.is_empty())?;
    let asked_for = new.contact.text("email").unwrap_or_default().to_owned();
    if !old.activated || asked_for == before {
        return None;
    }
    set_contact_text(&mut new.contact.texts, "email", before);
    Some(asked_for)
}

/// Deletes a user softly, with its personal tenant: 1027 while it is enabled, 1001 with another version than the current
/// one.
pub async fn delete(app: &App, caller: &Caller, id: UserId, version: i64) -> Result<()> {
    let mut tx = app.write(caller).await?;
    let user = find(app, &mut tx, caller, Permission::TenantAdmin, id, Deleted::Hidden).await?;
    check_version(version, user.version)?;
    if user.enabled {
        return Err(Error::rule(Rule::Business, format!("user {id} is enabled: disable it first")));
    }
    store::tenants::delete_personal(&mut tx, id).await?;
    store::users::delete(&mut tx, &user).await?;
    Ok(tx.commit().await?)
}
