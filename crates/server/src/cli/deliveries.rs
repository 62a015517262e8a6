//! The options of `tidemark deliveries`.

use app::changes;
use clap::{Args, Subcommand};
use domain::delivery::DeliveryStatus;
use domain::ids::{AlertId, DeliveryId, ReportId, RunId, TenantId, UserId};
use domain::time::{Day, Instant};

use super::{Common, month};

/// Options of `deliveries`.
#[derive(Debug, Args)]
pub struct Deliveries {
    /// Of which installation.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: DeliveriesCommand,
}

/// What to do with the deliveries.
#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// Print deliveries, newest first
    List(DeliveriesList),
    /// Print one delivery
    Show(DeliveriesShow),
    /// Send a mail again, or all that failed of a report or run: the stored files, never made anew
    Resend(DeliveriesResend),
    /// Print what should have gone out and did not, what was due first before
    Alerts(DeliveriesAlerts),
    /// Say that a failure is known, so that it is outstanding no more
    Acknowledge(DeliveriesAcknowledge),
}

/// Options of `deliveries list`.
#[derive(Debug, Args)]
pub struct DeliveriesList {
    /// Only of reports on this tenant and those below it [default: of all]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<TenantId>,
    /// Only of one report
    #[arg(long, value_name = "ID")]
    pub report: Option<ReportId>,
    /// Only of one run
    #[arg(long, value_name = "ID")]
    pub run: Option<RunId>,
    /// Only to one user
    #[arg(long, value_name = "ID")]
    pub recipient: Option<UserId>,
    /// Only to one address
    #[arg(long, value_name = "ADDRESS")]
    pub address: Option<String>,
    /// Only in these states, such as bounced,gave_up
    #[arg(long, value_name = "STATES", value_delimiter = ',')]
    pub state: Vec<DeliveryStatus>,
    /// Only of reports on days of this month
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub month: Option<Day>,
    /// Made at this moment or day or later, UTC
    #[arg(long, value_name = "WHEN", value_parser = changes::since)]
    pub from: Option<Instant>,
    /// Made before this moment, or up to the end of this day
    #[arg(long, value_name = "WHEN", value_parser = changes::until)]
    pub to: Option<Instant>,
    /// How many.
    #[command(flatten)]
    pub most: Most,
}

/// How many are printed, and how.
#[derive(Debug, Clone, Copy, Args)]
pub struct Most {
    /// The most that are printed
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
    /// Print all of them
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// Print one JSON object a line, as in the API
    #[arg(long)]
    pub json: bool,
}

/// Options of `deliveries show`.
#[derive(Debug, Args)]
pub struct DeliveriesShow {
    /// Print the JSON object of the API
    #[arg(long)]
    pub json: bool,
    /// Which one
    #[arg(value_name = "ID")]
    pub id: DeliveryId,
}

/// Options of `deliveries resend`.
#[derive(Debug, Args)]
pub struct DeliveriesResend {
    /// All that bounced or were given up, of --report or --run
    #[arg(long, conflicts_with = "id", requires = "failed_of")]
    pub failed: bool,
    /// With --failed: those that were skipped, too
    #[arg(long, requires = "failed")]
    pub skipped: bool,
    /// The report
    #[arg(long, value_name = "ID", group = "failed_of", requires = "failed")]
    pub report: Option<ReportId>,
    /// The run
    #[arg(long, value_name = "ID", group = "failed_of", requires = "failed")]
    pub run: Option<RunId>,
    /// Print the JSON object of the API of each new delivery, one a line
    #[arg(long)]
    pub json: bool,
    /// The delivery to send again
    #[arg(value_name = "ID", required_unless_present = "failed")]
    pub id: Option<DeliveryId>,
}

/// Options of `deliveries alerts`.
#[derive(Debug, Args)]
pub struct DeliveriesAlerts {
    /// Only of reports on this tenant and those below it [default: of all]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<TenantId>,
    /// How many.
    #[command(flatten)]
    pub most: Most,
}

/// Options of `deliveries acknowledge`.
#[derive(Debug, Args)]
pub struct DeliveriesAcknowledge {
    /// Why it is all right, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Which one, as `alerts` prints it
    #[arg(value_name = "ID")]
    pub id: AlertId,
}
