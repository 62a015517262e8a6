//! The words that members of bodies may have, as schemas of the OpenAPI document.
//!
//! Each stands in the document once, by the name it has here; a member names it with `#[schema(value_type = ..)]`.

use domain::tenant::LANGUAGES;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A file as it is.
#[derive(Debug)]
pub struct Bytes;

impl PartialSchema for Bytes {
    fn schema() -> RefOr<Schema> {
        let format = Some(SchemaFormat::KnownFormat(KnownFormat::Binary));
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(format)
            .description(Some("A file as it is."))
            .into()
    }
}

impl ToSchema for Bytes {}

/// Defines a schema for each enumeration of the domain.
macro_rules! words {
    ($($(#[doc = $doc:literal])* $name:ident = $words:expr;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let doc = concat!($($doc),*).trim_start();
                ObjectBuilder::new().schema_type(Type::String).description(Some(doc)).enum_values(Some($words)).into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

/// The words of an enumeration.
macro_rules! of {
    ($domain:path) => {
        <$domain>::ALL.iter().map(|value| value.as_str())
    };
}

words! {
    /// Which descendants of its subject a report has rows for.
    ReportLevel = of!(domain::report::Level);
    /// What a report counts.
    ReportKind = of!(domain::report::Kind);
    /// The form of a report's file.
    ReportFormat = of!(domain::report::Format);
    /// What becomes of a report's files.
    ResultAction = of!(domain::report::ResultAction);
    /// How often a report runs.
    ScheduleType = of!(domain::schedule::ScheduleType);
    /// Where a stored file stands.
    StoredStatus = of!(domain::report::ArtefactStatus);
    /// What a tenant is in the channel.
    TenantKind = of!(domain::tenant::TenantKind);
    /// What kind of customer a tenant is; without effect on figures.
    CustomerType = of!(domain::tenant::CustomerType);
    /// An operation on a tenant that runs elsewhere.
    ExternalOperation = of!(domain::tenant::ExternalOperation);
    /// The language of files and mails.
    Language = LANGUAGES.iter().copied();
    /// Where the second factor of a user or tenant stands.
    MfaStatus = of!(domain::mfa::MfaStatus);
    /// A mail that a user may get.
    Notification = of!(domain::user::Notification);
    /// What a user does for its tenant's business.
    BusinessType = of!(domain::user::BusinessType);
    /// What a contact is for.
    ContactType = of!(domain::user::ContactType);
    /// What its holder may do.
    Role = of!(domain::access::Role);
    /// Who holds a role.
    TrusteeType = of!(domain::access::TrusteeType);
    /// What a client is.
    ClientType = of!(domain::access::ClientType);
    /// How a client proves itself at the token endpoint.
    ClientAuthMethod = of!(domain::access::ClientAuthMethod);
    /// Whether a client gets tokens.
    ClientStatus = of!(domain::access::ClientStatus);
    /// What a one-time token is for: to sign in, or only to say who somebody is.
    OneTimePurpose = of!(domain::oauth::OneTimePurpose);
    /// A service of the catalogue.
    Service = of!(domain::catalogue::Service);
    /// The edition that an offering item belongs to.
    Edition = of!(domain::catalogue::Edition);
    /// What to know before a switch to another edition.
    EditionWarning = of!(domain::catalogue::EditionWarning);
    /// How an offering item is measured.
    ItemType = of!(domain::catalogue::ItemType);
    /// The unit of an offering item's usage.
    MeasurementUnit = of!(domain::catalogue::Unit);
    /// Where a customer stands between trial and production.
    PricingMode = of!(domain::pricing::PricingMode);
    /// ISO 4217.
    Currency = of!(domain::pricing::Currency);
    /// Who bills.
    BillingMode = of!(domain::billing::BillingMode);
    /// Which figure of a billing period counts.
    UsageCalculationMode = of!(domain::billing::UsageCalculationMode);
    /// What a storage can be used for.
    Capability = of!(domain::infra::Capability);
    /// What the audit log tells the changes of.
    ChangeObject = of!(app::changes::Object);
    /// Where a mail stands.
    DeliveryState = of!(domain::delivery::DeliveryStatus);
    /// What should have gone out and did not.
    DeliveryAlertKind = of!(domain::delivery::AlertKind);
    /// How a node is.
    NodeStatus = of!(domain::node::NodeStatus);
    /// Whose technology a storage stands on.
    BackendType = of!(domain::infra::BackendType);
}
