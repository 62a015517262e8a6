//! The command line of the audit log.

use app::changes::{self, Object};
use clap::{Args, ValueEnum};
use domain::ids::TenantId;
use domain::time::Instant;
use uuid::Uuid;

use super::Common;

/// Options of `changes`.
#[derive(Debug, Args)]
pub struct Changes {
    /// Of which installation.
    #[command(flatten)]
    pub common: Common,
    /// Only of this tenant and those below it [default: of all]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<TenantId>,
    /// Only of one kind of object, such as tenant, item, user, policy, client or report
    #[arg(long, value_name = "KIND")]
    pub object: Option<Object>,
    /// Only of one object
    #[arg(long, value_name = "ID")]
    pub object_id: Option<String>,
    /// Only of one field, such as name or quota_value
    #[arg(long, value_name = "NAME")]
    pub field: Option<String>,
    /// Only by this user or client, or by Tidemark itself: system
    #[arg(long, value_name = "ID", value_parser = changes::actor)]
    pub actor: Option<Uuid>,
    /// From this moment or day on, UTC, such as 2026-05-08 or 2026-05-08T10:58:53Z
    #[arg(long, value_name = "WHEN", value_parser = changes::since)]
    pub from: Option<Instant>,
    /// Before this moment, or up to the end of this day
    #[arg(long, value_name = "WHEN", value_parser = changes::until)]
    pub to: Option<Instant>,
    /// The most changes
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// All of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// How they are printed
    #[arg(long, default_value = "table")]
    pub format: ChangesFormat,
}

/// How changes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangesFormat {
    /// For people
    Table,
    /// One JSON object a line, as in the API
    Ndjson,
    /// With a header
    Csv,
}
