//! Users and contacts.

use crate::ids::{ContactId, TenantId, TenantNo, UserId};
use crate::mfa::MfaStatus;
use crate::tenant::{Language, words};
use crate::time::Instant;

words! {
    /// The mails a user wants (accounts-api, 1.9).
    Notification {
        /// Planned work.
        Maintenance = "maintenance",
        /// A quota is near or over.
        Quota = "quota",
        /// Scheduled usage reports.
        Reports = "reports",
        /// A backup failed.
        BackupError = "backup_error",
        /// A backup warns.
        BackupWarning = "backup_warning",
        /// A backup informs.
        BackupInfo = "backup_info",
        /// The day's backups.
        BackupDailyReport = "backup_daily_report",
        /// A backup is in danger.
        BackupCritical = "backup_critical",
        /// Device control warns.
        DeviceControlWarning = "device_control_warning",
        /// A certificate has failed.
        CertificateManagementError = "certificate_management_error",
        /// A certificate warns.
        CertificateManagementWarning = "certificate_management_warning",
        /// A certificate informs.
        CertificateManagementInfo = "certificate_management_info",
    }
}

words! {
    /// What a link that a user was mailed is for.
    LinkPurpose {
        /// Takes a new address over (accounts-api, 1.9).
        EmailChange = "email_change",
        /// Chooses the first password (accounts-api, 2.5).
        Activation = "activation",
    }
}

words! {
    /// What a user does in the buying business.
    BusinessType {
        /// Buys.
        Buyer = "buyer",
    }
}

words! {
    /// What a contact is for.
    ContactType {
        /// The contact of the contract.
        Legal = "legal",
        /// The first to ask.
        Primary = "primary",
        /// For invoices.
        Billing = "billing",
        /// For faults.
        Technical = "technical",
        /// For decisions.
        Management = "management",
        /// Of the company's invoices; cannot be set.
        CompanyBilling = "company_billing",
    }
}

/// The members of a contact that a caller may write, all texts; `None` is a null.
pub const CONTACT_TEXTS: &[&str] = &[
    "email",
    "firstname",
    "lastname",
    "address1",
    "address2",
    "country",
    "state",
    "city",
    "zipcode",
    "phone",
    "title",
    "website",
    "industry",
    "organization_size",
    "aan",
    "fax",
    "language",
];

/// Sets one of a contact's texts, which stand in the order of [`CONTACT_TEXTS`].
pub fn set_contact_text(texts: &mut [Option<String>], member: &str, value: &str) {
    let at = CONTACT_TEXTS.iter().position(|known| *known == member);
    if let Some(text) = at.and_then(|at| texts.get_mut(at)) {
        *text = Some(value.to_owned());
    }
}

/// A contact of a tenant or a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: ContactId,
    /// When it was made.
    pub created_at: Instant,
    /// When it changed last.
    pub updated_at: Instant,
    /// What it is for.
    pub types: Vec<ContactType>,
    /// Its texts, in the order of [`CONTACT_TEXTS`]; a missing one is null on a tenant and `""` on a user.
    pub texts: Vec<Option<String>>,
    /// Whether the address was confirmed.
    pub email_confirmed: Option<bool>,
}

impl Contact {
    /// One of the texts of [`CONTACT_TEXTS`].
    pub fn text(&self, member: &str) -> Option<&str> {
        let at = CONTACT_TEXTS.iter().position(|known| *known == member)?;
        self.texts.get(at)?.as_deref()
    }
}

/// A user as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id on the wire.
    pub id: UserId,
    /// 1 at creation, +1 per change.
    pub version: i64,
    /// The tenant it belongs to.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// Unique among live users.
    pub login: String,
    /// Name, e-mail and the rest.
    pub contact: Contact,
    /// Whether it has set a password.
    pub activated: bool,
    /// Whether it may sign in.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Instant,
    /// When it changed last.
    pub updated_at: Instant,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
    /// Language of its mails.
    pub language: Language,
    /// The identity provider, opaque to Tidemark.
    pub idp_id: uuid::Uuid,
    /// An id elsewhere.
    pub external_id: Option<String>,
    /// The unit that holds its usage, for users in a customer or unit.
    pub personal_tenant_id: Option<TenantId>,
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
    /// Where its second factor stands.
    pub mfa_status: MfaStatus,
}

/// Whether the text is empty or of the published form `\S+@\S+`.
pub fn is_email(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let parts = text.split_once('@');
    parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && !text.chars().any(char::is_whitespace)
}
