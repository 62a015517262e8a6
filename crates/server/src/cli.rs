//! The command line.

mod changes;
mod deliveries;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use domain::ids::TenantId;
use domain::report::Place;
use domain::time::{Day, Instant};

pub use changes::{Changes, ChangesFormat};
pub use deliveries::{
    Deliveries, DeliveriesAcknowledge, DeliveriesAlerts, DeliveriesCommand, DeliveriesList, DeliveriesResend,
    DeliveriesShow, Most,
};

use crate::commands::{health, pages};

/// Usage metering and reporting for service providers.
///
/// Tidemark takes readings of what every tenant of a partner channel uses, keeps their history, and makes usage reports: on
/// schedule or at once, as CSV, HTML or JSON, mailed to the people who asked or stored for download. Its HTTP API is
/// wire-compatible with the Account Management API v2.
#[derive(Debug, Parser)]
#[command(name = "tidemark", version, max_term_width = 100, after_help = "Start with: tidemark demo")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a data directory: database, key file, top tenant, its administrator and an API client
    ///
    /// The credentials are printed once and stored only as hashes. Nothing that exists is overwritten.
    Init(Init),
    /// Serve the HTTP API and do the work: close days, make reports, send mails
    ///
    /// Prints `ready http://ADDR:PORT/api/2` on standard output when it can answer; logs go to standard error. On
    /// SIGTERM or Ctrl-C it finishes what it is at and stops.
    Serve(Serve),
    /// Check the configuration and say what would be used, without serving
    CheckConfig(CheckConfig),
    /// Take readings from a file: JSON, NDJSON or CSV, plain, .gz or .zst
    ///
    /// Works on the data directory while nothing serves on it, in the name of Tidemark itself. Prints every refused
    /// reading (the first 1,000) and how many were accepted, absorbed and refused. Ends with code 1 where any was
    /// refused; the others are stored all the same. A broken file stores nothing.
    Import(Import),
    /// Move the installation of a data directory from SQLite to an empty PostgreSQL database
    ///
    /// Works while nothing serves on the data directory. Prints the number of rows and a SHA-256 of every table, which are
    /// the same on both sides in the end; where anything fails, nothing is moved. The SQLite file stays as it is.
    MigrateStore(MigrateStore),
    /// Write a backup of the whole database, beside the nodes that serve it or without one
    ///
    /// The file holds the state of one moment, compressed and with checksums, and can be restored into SQLite as well as
    /// PostgreSQL. It gets its name when it is whole and on the disk. The key file is NOT in it: keep that, too, and apart.
    Backup(Backup),
    /// Make an installation of a backup, in an empty data directory or an empty PostgreSQL database
    ///
    /// In one transaction, which is committed when every checksum was right: one cut short leaves nothing that could be
    /// served. Everybody has to sign in anew, and mails that may have left after the backup was made are held until
    /// `tidemark held-mails` is told what to do with them.
    Restore(Restore),
    /// List the mails that are held since a restore, and decide about them
    ///
    /// They were due before the restore, so that they may have left: the relay's log knows. Works beside running nodes.
    HeldMails(HeldMails),
    /// Move the stored files of reports into the object store or back into the database
    ///
    /// Works beside running servers. New files go where storage.type says: change that first, and restart the servers. Each
    /// file is checked as it is read. Broken off, it goes on where it was when it is run again.
    MoveArtefacts(MoveArtefacts),
    /// Prove that the usage history is what its ledger says, and stored files what was written
    ///
    /// Replays the ledger and compares it with every segment and every meter, reads every stored file and compares its
    /// digest; prints each difference and ends with code 1 where any is left. Works beside a running server as well as
    /// without one, and changes nothing without --rebuild and --remove-orphans.
    Verify(Verify),
    /// Write a month of the usage history as a Parquet file, for DuckDB, Spark and the like
    ///
    /// A row for each meter and day, also while a server uses the data directory. Needs a tidemark that was built with
    /// `--features parquet`.
    Export(Export),
    /// Say who changed what, newest first: the audit log
    ///
    /// Works beside a running server as well as without one, and changes nothing. Nothing is hidden from whoever can read
    /// the data directory. Readings have a log of their own: see docs/guide/history.md.
    Changes(Changes),
    /// Say which mail went to whom, what did not go out and why, and send it again
    ///
    /// Works beside a running server as well as without one; a server finds what is to be sent again within a minute.
    Deliveries(Deliveries),
    /// Say which processes serve the installation, and how they are
    ///
    /// Nodes of the last week, also those that are gone. Works beside a running server as well as without one.
    Nodes(Nodes),
    /// Show the main job on a small channel: readings, a report made, changed, mailed and stored
    Demo(Demo),
    /// Ask the server that this configuration makes whether it is ready
    ///
    /// Ends with code 1 where it is not: it cannot reach its database, it is going to stop, or nobody answers.
    Health(health::Options),
    /// Print the OpenAPI document
    #[command(hide = true)]
    Openapi,
    /// Write pages of the manual and completions for shells into a folder, for packages
    #[command(hide = true)]
    Pages(pages::Options),
}

/// Options of every command that works on a data directory.
#[derive(Debug, Default, Args)]
pub struct Common {
    /// Configuration file (TOML); every key and its default stands in config/default.toml
    #[arg(global = true, long, env = "TIDEMARK_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder that holds database, key file and mails [env: TIDEMARK_DATA_DIR]
    #[arg(global = true, long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// PostgreSQL instead of SQLite in the data directory, such as <postgres://tidemark@db.example.com/tidemark>
    /// [env: TIDEMARK_DATABASE_URL]
    #[arg(global = true, long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Key that seals secrets in the database [default: secret.key in the data directory]
    #[arg(global = true, long, value_name = "FILE")]
    pub secret_key_file: Option<PathBuf>,
    /// Rehearse: let the clock run on from an instant, such as 2026-06-01T23:59:00Z
    #[arg(global = true, long, value_name = "INSTANT")]
    pub clock_start: Option<String>,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Where.
    #[command(flatten)]
    pub common: Common,
    /// Name of the top tenant
    #[arg(long, default_value = "Tidemark")]
    pub name: String,
    /// Address of the administrator, for reports that are mailed to it
    #[arg(long, default_value = "admin@localhost")]
    pub email: String,
    /// Print one line of JSON: tenant_id, client_id, client_secret, user_id, login, password
    #[arg(long)]
    pub json: bool,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where.
    #[command(flatten)]
    pub common: Common,
    /// Address and port; port 0 picks a free one [env: TIDEMARK_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Scheme, host and port that clients use, such as <https://tide.example.com> [env: TIDEMARK_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Speak TLS: the certificate and its chain, PEM; read again when it changes [env: TIDEMARK_TLS__CERTIFICATE_FILE]
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<String>,
    /// The certificate's private key, PEM [env: TIDEMARK_TLS__KEY_FILE]
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<String>,
}

/// Options of `import`.
#[derive(Debug, Args)]
pub struct Import {
    /// Where to.
    #[command(flatten)]
    pub common: Common,
    /// The file, such as may.csv or may.ndjson.zst
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The form of the file [default: by its extension]
    #[arg(long)]
    pub format: Option<ImportFormat>,
    /// Why its readings come late: needed for days before readings.window_days
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// The form of a file of readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportFormat {
    /// An array, or an object with readings and reason
    Json,
    /// One object a line
    Ndjson,
    /// With a header that names the members
    Csv,
}

/// Options of `migrate-store`.
#[derive(Debug, Args)]
pub struct MigrateStore {
    /// From where and, as --database-url, to where.
    #[command(flatten)]
    pub common: Common,
    /// What it is in
    #[arg(long, value_name = "STORE", default_value = "sqlite", value_parser = ["sqlite"])]
    pub from: String,
    /// What it moves to
    #[arg(long, value_name = "STORE", default_value = "postgres", value_parser = ["postgres"])]
    pub to: String,
}

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Of what.
    #[command(flatten)]
    pub common: Common,
    /// Replace the file where it is there already
    #[arg(long)]
    pub force: bool,
    /// Write nothing: read this backup through, and say whether it is whole
    #[arg(long, conflicts_with = "force")]
    pub check: bool,
    /// The file, such as 2026-10-31.tidemark; `-` is standard output, or with --check standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `restore`.
#[derive(Debug, Args)]
pub struct Restore {
    /// Where to.
    #[command(flatten)]
    pub common: Common,
    /// The backup; `-` is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Options of `held-mails`.
#[derive(Debug, Args)]
pub struct HeldMails {
    /// Of which installation.
    #[command(flatten)]
    pub common: Common,
    /// Send them: they have not left
    #[arg(long)]
    pub send: bool,
    /// Do not send them: they have left
    #[arg(long, conflicts_with = "send")]
    pub skip: bool,
    /// Only those due from this moment or day on, UTC, such as 2026-05-08 or 2026-05-08T10:58:53Z
    #[arg(long, value_name = "WHEN", value_parser = app::changes::since)]
    pub from: Option<Instant>,
    /// Only those due before this moment, or up to the end of this day
    #[arg(long, value_name = "WHEN", value_parser = app::changes::until)]
    pub to: Option<Instant>,
}

/// Options of `check-config`.
#[derive(Debug, Args)]
pub struct CheckConfig {
    /// Of what.
    #[command(flatten)]
    pub common: Common,
    /// Also put a small object into the object store, read and delete it
    #[arg(long)]
    pub try_storage: bool,
}

/// Options of `move-artefacts`.
#[derive(Debug, Args)]
pub struct MoveArtefacts {
    /// Of which installation.
    #[command(flatten)]
    pub common: Common,
    /// Where to
    #[arg(long, value_name = "STORE", value_parser = place)]
    pub to: Place,
}

/// A place that files are kept in.
fn place(text: &str) -> Result<Place, &'static str> {
    text.parse().map_err(|_| "neither database nor s3")
}

/// Options of `verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// Which one.
    #[command(flatten)]
    pub common: Common,
    /// Write what differs anew from the ledger; where the ledger itself is damaged nothing is changed
    #[arg(long)]
    pub rebuild: bool,
    /// Do not read the stored files: they may be large, and an object store may charge for it
    #[arg(long)]
    pub without_files: bool,
    /// Remove what is stored though nothing refers to it, and nothing else would remove it
    #[arg(long, conflicts_with = "without_files")]
    pub remove_orphans: bool,
}

/// Options of `export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Where from.
    #[command(flatten)]
    pub common: Common,
    /// The month, such as 2026-10; of the one that is running, the days that are over
    #[arg(long, value_name = "YYYY-MM", value_parser = month)]
    pub month: Day,
    /// Only what stood at and below this tenant, on each day by the tree of that day [default: the whole channel]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<TenantId>,
    /// Replace the file where it is there already
    #[arg(long)]
    pub force: bool,
    /// The file to write, such as 2026-10.parquet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The first day of a month.
fn month(text: &str) -> Result<Day, &'static str> {
    format!("{text}-01").parse().map_err(|_| "not a month of the form YYYY-MM")
}

/// Options of `nodes`.
#[derive(Debug, Args)]
pub struct Nodes {
    /// Of which installation.
    #[command(flatten)]
    pub common: Common,
    /// Print an object of JSON a line, as the API has them
    #[arg(long)]
    pub json: bool,
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder for the demo's data; it must not exist yet or be empty [default: a new folder tidemark-demo-N]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print one line of JSON: base_url, client_id, client_secret, tenant_id, user_id, report_id, data_dir, files
    #[arg(long)]
    pub json: bool,
    /// Keep serving on 127.0.0.1 afterwards, its clock running on
    #[arg(long)]
    pub serve: bool,
    /// Port to keep serving on; 0 picks a free one [default: 8080]
    #[arg(long, requires = "serve")]
    pub port: Option<u16>,
}
