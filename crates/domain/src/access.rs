//! Roles, what they permit, and who acts.

use crate::ids::{ClientId, PolicyId, TenantId, TenantNo, UserId};
use crate::tenant::{TenantKind, words};
use crate::time::Instant;

words! {
    /// The `role_id` values of accounts-api 1.7.
    Role {
        /// Administrator of the top tenant.
        RootAdmin = "root_admin",
        /// Administrator of a partner or folder.
        PartnerAdmin = "partner_admin",
        /// Administrator of a customer.
        CompanyAdmin = "company_admin",
        /// Administrator of a unit.
        UnitAdmin = "unit_admin",
        /// Sees, never changes.
        ReadonlyAdmin = "readonly_admin",
        /// Of another service; no rights here.
        ProtectionAdmin = "protection_admin",
        /// Of another service; no rights here.
        ProtectionRoAdmin = "protection_ro_admin",
        /// Of another service; no rights here.
        RestoreOperator = "restore_operator",
        /// Of another service; no rights here.
        BackupUser = "backup_user",
        /// Of another service; no rights here.
        SyncShareAdmin = "sync_share_admin",
        /// Of another service; no rights here.
        SyncShareUser = "sync_share_user",
        /// Of another service; no rights here.
        SyncShareGuest = "sync_share_guest",
        /// Of another service; no rights here.
        PdsOperator = "pds_operator",
        /// Of another service; no rights here.
        PdsSupport = "pds_support",
        /// Of another service; no rights here.
        NotaryAdmin = "notary_admin",
        /// Of another service; no rights here.
        NotaryUser = "notary_user",
        /// Of another service; no rights here.
        HciAdmin = "hci_admin",
        /// Of another service; no rights here.
        OmnivoiceAdmin = "omnivoice_admin",
        /// Of another service; no rights here.
        OmnivoiceUser = "omnivoice_user",
        /// Of another service; no rights here.
        GreathornAdmin = "greathorn_admin",
        /// Of another service; no rights here.
        GreathornUser = "greathorn_user",
        /// Of another service; no rights here.
        GreathornAnalyst = "greathorn_analyst",
        /// Of another service; no rights here.
        GreathornClientManager = "greathorn_client_manager",
        /// Of another service; no rights here.
        BackupAdmin = "backup_admin",
        /// Of another service; no rights here.
        MonitoringAdmin = "monitoring_admin",
        /// Of another service; no rights here.
        AccountsAdmin = "accounts_admin",
        /// Of another service; no rights here.
        AccountsRoAdmin = "accounts_ro_admin",
        /// Of another service; no rights here.
        CyberAdmin = "cyber_admin",
        /// Of another service; no rights here.
        SecurityAnalyst = "security_analyst",
    }
}

/// What a role lets its holder do on its tenant and below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Read tenants, users, items, usages, pricing.
    TenantViewer,
    /// Write them.
    TenantAdmin,
    /// Write access policies and passwords.
    UserAdmin,
    /// Demand second factors of a tenant's users, or no longer.
    MfaAdmin,
    /// Write brands, locations and storages.
    InfraAdmin,
    /// Read locations and storages.
    InfraViewer,
    /// Make, change and delete reports.
    ReportWriter,
    /// Read reports and their files.
    ReportReader,
    /// Write the price list that only the root's administrators write.
    RootAdmin,
    /// Connect a device to the own account.
    DeviceApprover,
}

impl Role {
    /// Whether the role can be given on a tenant of this kind (accounts-api, 1.7).
    pub const fn fits(self, kind: TenantKind) -> bool {
        match self {
            Self::RootAdmin => matches!(kind, TenantKind::Root),
            Self::PartnerAdmin => matches!(kind, TenantKind::Partner | TenantKind::Folder),
            Self::CompanyAdmin => matches!(kind, TenantKind::Customer),
            Self::UnitAdmin => matches!(kind, TenantKind::Unit),
            Self::ReadonlyAdmin => {
                matches!(kind, TenantKind::Partner | TenantKind::Customer | TenantKind::Unit)
            }
            _ => true,
        }
    }

    /// Whether the role administers: everything but the read-only one and those of other services.
    pub const fn is_admin(self) -> bool {
        matches!(self, Self::RootAdmin | Self::PartnerAdmin | Self::CompanyAdmin | Self::UnitAdmin)
    }

    /// Whether the role permits this on its tenant and below.
    pub const fn permits(self, permission: Permission) -> bool {
        match permission {
            Permission::TenantViewer | Permission::InfraViewer | Permission::ReportReader => {
                self.is_admin() || matches!(self, Self::ReadonlyAdmin)
            }
            Permission::TenantAdmin | Permission::UserAdmin | Permission::ReportWriter => self.is_admin(),
            Permission::MfaAdmin => matches!(self, Self::RootAdmin | Self::PartnerAdmin | Self::CompanyAdmin),
            Permission::InfraAdmin => matches!(self, Self::RootAdmin | Self::PartnerAdmin),
            Permission::RootAdmin => matches!(self, Self::RootAdmin),
            Permission::DeviceApprover => {
                matches!(self, Self::BackupUser | Self::ProtectionAdmin | Self::SyncShareUser)
            }
        }
    }
}

/// Who stands behind a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Actor {
    /// An API client.
    Client(ClientId),
    /// A user.
    User(UserId),
    /// Tidemark itself: day close, runs, first setup.
    System,
}

impl Actor {
    /// `client`, `user` or `system`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Client(_) => "client",
            Self::User(_) => "user",
            Self::System => "system",
        }
    }

    /// The id, all zeros for the system.
    pub const fn id(self) -> uuid::Uuid {
        match self {
            Self::Client(id) => id.0,
            Self::User(id) => id.0,
            Self::System => uuid::Uuid::nil(),
        }
    }
}

/// A role held on a tenant: it reaches that tenant and all below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Where.
    pub tenant: TenantNo,
    /// Its id.
    pub tenant_id: TenantId,
    /// What.
    pub role: Role,
}

words! {
    /// What holds an access policy.
    TrusteeType {
        /// A user.
        User = "user",
        /// A group of users; kept, never made here.
        UserGroup = "user_group",
        /// An API client.
        Client = "client",
    }
}

/// A role given to a user on a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPolicy {
    /// Its id.
    pub id: PolicyId,
    /// From 0 on.
    pub version: i64,
    /// Who holds it.
    pub trustee_id: UserId,
    /// What holds it.
    pub trustee_type: TrusteeType,
    /// Who gave it.
    pub issuer_id: uuid::Uuid,
    /// Where it reaches from.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// What it gives.
    pub role: Role,
    /// When it was given.
    pub created_at: Instant,
    /// When it changed last.
    pub updated_at: Instant,
    /// `resource_server_id`, `resource_namespace`, `resource_path`: stored unchecked.
    pub resource: [Option<String>; 3],
}

words! {
    /// How a client proves itself at the token endpoint.
    ClientAuthMethod {
        /// HTTP Basic.
        Basic = "client_secret_basic",
        /// Members of the form.
        Post = "client_secret_post",
        /// It does not.
        None = "none",
    }
}

words! {
    /// The published types of API clients.
    ClientType {
        /// An integration.
        ApiClient = "api_client",
        /// One that is managed for its owner.
        ManagedClient = "managed_client",
    }
}

words! {
    /// Whether a client gets tokens.
    ClientStatus {
        /// It does.
        Enabled = "enabled",
        /// It does not, and those in use are refused.
        Disabled = "disabled",
    }
}

/// An API client as it is now, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// Where it reaches from.
    pub tenant: TenantNo,
    /// That tenant's id.
    pub tenant_id: TenantId,
    /// What it is.
    pub client_type: ClientType,
    /// How it registered to prove itself; either carrier is accepted.
    pub auth_method: ClientAuthMethod,
    /// Free object of its owner, as JSON text.
    pub data: String,
    /// Where authorisation codes may be sent.
    pub redirect_uris: Vec<String>,
    /// Where it came from.
    pub origin_id: Option<String>,
    /// Whether it gets tokens.
    pub status: ClientStatus,
    /// The creator's roles at creation.
    pub roles: Vec<Role>,
    /// When it was made.
    pub created_at: Instant,
    /// Who made it.
    pub created_by: uuid::Uuid,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
    /// The last token it got.
    pub last_access_at: Option<Instant>,
    /// And from which address.
    pub last_access_from_ip: Option<String>,
}
