//! Contacts: sub-objects of tenants and users.

use domain::ids::ContactId;
use domain::text::check_text;
use domain::user::{CONTACT_TEXTS, Contact, ContactType, is_email};
use store::contacts::NewContact;

use crate::{App, Error, Result};

/// The members of a contact that a body carries; the others stay as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContactChange {
    /// Members of [`CONTACT_TEXTS`] with their new value; `None` clears.
    pub texts: Vec<(&'static str, Option<String>)>,
    /// What the contact is for.
    pub types: Option<Vec<ContactType>>,
}

impl ContactChange {
    /// The value sent for a member.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.texts.iter().find(|(name, _)| *name == member).and_then(|(_, value)| value.as_deref())
    }

    /// Whether it is well-formed; `at` is the member of the body that it came in.
    pub fn check(&self, at: &str) -> Result<()> {
        for (member, value) in &self.texts {
            let Some(value) = value else { continue };
            check_text(value).map_err(|why| Error::invalid(format!("{at}.{member}"), why.to_string()))?;
            if *member == "email" && !is_email(value) {
                return Err(Error::invalid(format!("{at}.email"), "not an e-mail address"));
            }
        }
        if self.types.iter().flatten().any(|kind| *kind == ContactType::CompanyBilling) {
            return Err(Error::invalid(format!("{at}.types"), "company_billing cannot be set"));
        }
        Ok(())
    }

    /// The contact after the change. `always` is what it is for in any case.
    #[must_use]
    pub fn apply(&self, contact: &Contact, always: &[ContactType]) -> Contact {
        let mut changed = contact.clone();
        for (text, member) in changed.texts.iter_mut().zip(CONTACT_TEXTS) {
            if let Some((_, value)) = self.texts.iter().find(|(name, _)| name == member) {
                text.clone_from(value);
            }
        }
        if let Some(types) = &self.types {
            changed.types = ContactType::ALL
                .iter()
                .copied()
                .filter(|kind| types.contains(kind) || always.contains(kind))
                .collect();
        }
        changed
    }

    /// A new contact with these members.
    pub fn new_contact(&self, app: &App, always: &[ContactType]) -> Result<NewContact> {
        let id = ContactId(app.ids.other()?);
        let value = |member: &&str| self.text(member).map(str::to_owned);
        let types = self.types.iter().flatten().chain(always);
        let types = ContactType::ALL.iter().copied().filter(|kind| types.clone().any(|known| known == kind));
        Ok(NewContact { id, types: types.collect(), texts: CONTACT_TEXTS.iter().map(value).collect() })
    }
}
