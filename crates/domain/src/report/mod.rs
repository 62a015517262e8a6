//! Usage reports: what is asked for, what it is made from, and the rows that come out.
//!
//! [`ReportInput`] holds what a report says, as it was known when the run began; a [`Pass`] folds the blocks of an archive
//! into sums, and a [`Document`] turns those into rows, one after the other, so that memory does not grow with
//! the file. Figures follow reports-api, sections 9 and 10.

mod counters;
mod document;
mod figures;
mod fold;
mod guests;
mod held;
mod input;
mod items;
mod members;
mod meters;
mod pass;
mod question;
mod row;
mod rows;
mod shown;
mod slots;
mod stays;
mod sums;
#[cfg(test)]
mod tests;
mod tree;

pub use document::Document;
pub use figures::{Figure, Figures};
pub use held::{Held, held_below};
pub use input::{InfraTimeline, ItemTimeline, ReportInput, TenantTimeline};
pub use pass::Pass;
pub use question::Question;
pub use row::{Heading, Label, Row, RowInfra, RowPricing, RowTenant, Rows};

use crate::ids::{ReportId, RunId, TenantId, UserId};
use crate::schedule::ScheduleType;
use crate::tenant::words;
use crate::time::{Day, Instant, Period};

words! {
    /// Which of the subject's descendants have rows (reports-api, 9.1).
    Level {
        /// The subject alone.
        Itself = "itself",
        /// Direct partners, folders and customers.
        DirectPartners = "direct_partners",
        /// All partners, folders and customers.
        AllCustomers = "all_customers",
        /// Those, and units and personal tenants.
        Accounts = "accounts",
        /// All partners and folders.
        AllPartners = "all_partners",
    }
}

impl Level {
    /// Its number in `report_level` of the JSON files.
    pub const fn number(self) -> u8 {
        match self {
            Self::Itself => 0,
            Self::DirectPartners => 1,
            Self::AllCustomers => 2,
            Self::Accounts => 3,
            Self::AllPartners => 4,
        }
    }
}

words! {
    /// What is counted over which span (reports-api, 9.2).
    Kind {
        /// The level at the end and its change in the billing period of each row's tenant.
        UsageCurrent = "usage_current",
        /// The level at the end and its change since the begin.
        UsageSummary = "usage_summary",
        /// A row per day.
        UsageDaily = "usage_daily",
        /// A row per day; files for people show changes too.
        UsageBreakdown = "usage_breakdown",
    }
}

impl Kind {
    /// Its number in `kind` and `report_type` of the JSON files.
    pub const fn number(self) -> u8 {
        match self {
            Self::UsageCurrent => 8,
            Self::UsageSummary => 5,
            Self::UsageDaily => 4,
            Self::UsageBreakdown => 9,
        }
    }

    /// Whether there is a row for each day of the period.
    pub const fn is_per_day(self) -> bool {
        matches!(self, Self::UsageDaily | Self::UsageBreakdown)
    }
}

words! {
    /// The files a report can be had as (reports-api, 9.3).
    Format {
        /// Table for people.
        Csv = "csv",
        /// Page for people.
        Html = "html",
        /// Data with numeric v1 ids.
        JsonV1 = "json_v1",
        /// Data, 29 or 30 columns.
        CsvV2 = "csv_v2_0",
        /// Data.
        JsonV2 = "json_v2_0",
    }
}

impl Format {
    /// What follows `usage-report-<slug>-<start>-<end>` in a file name (reports-api, section 13).
    pub const fn file_suffix(self) -> &'static str {
        match self {
            Self::Csv => ".csv",
            Self::Html => ".html",
            Self::CsvV2 => "-v2.csv",
            Self::JsonV1 => "-v1.json",
            Self::JsonV2 => "-v2.json",
        }
    }

    /// The media type of the file, for mails.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvV2 => "text/csv; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
            Self::JsonV1 | Self::JsonV2 => "application/json; charset=utf-8",
        }
    }
}

words! {
    /// What becomes of the files.
    ResultAction {
        /// Kept for download.
        Save = "save",
        /// Mailed to the recipients.
        Send = "send",
    }
}

/// What a report shows, apart from whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// Which descendants have rows.
    pub level: Level,
    /// What is counted.
    pub kind: Kind,
    /// The files wanted, without repeats, in the order asked for.
    pub formats: Vec<Format>,
    /// Drop rows of nine zeros; `None` when never sent, which acts as false.
    pub hide_zero_usage: Option<bool>,
    /// Add the SKU column; `None` when never sent, which acts as false.
    pub show_skus: Option<bool>,
}

/// A report: the order to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// 1 at creation, +1 per PUT.
    pub version: i64,
    /// Whom it is about.
    pub subject_id: TenantId,
    /// What it shows.
    pub parameters: Parameters,
    /// The period of a `once` report; `None` for a monthly one, whose period follows from each run.
    pub period: Option<Period>,
    /// What becomes of the files.
    pub result_action: ResultAction,
    /// Who gets the mail.
    pub recipients: Vec<UserId>,
    /// Once or monthly.
    pub schedule: ScheduleType,
    /// Whether it runs when due.
    pub enabled: bool,
    /// The generation date of a `once` report, as sent or defaulted.
    pub generation_on: Option<Day>,
    /// When the next run is due; `None` where none is to come.
    pub next_due_at: Option<Instant>,
    /// The tenant of its last writer, in whose subtree subject and recipients must lie at every run.
    pub writer_tenant_id: TenantId,
    /// When it was made.
    pub created_at: Instant,
}

words! {
    /// Where a run stands; the words of the database.
    RunStatus {
        /// Waits for a node and for the history it needs.
        Queued = "queued",
        /// A node is at it.
        Building = "building",
        /// Every file was made or has failed.
        Ready = "ready",
        /// Gave up after repeated faults.
        Failed = "failed",
        /// Its report was deleted.
        Cancelled = "cancelled",
        /// Was not to be made.
        Skipped = "skipped",
    }
}

/// One execution of a report, with its own copies of what it shows and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The report it executes.
    pub report_id: ReportId,
    /// Whom it is about.
    pub subject_id: TenantId,
    /// When it was due: with report and subject, what makes a run unique.
    pub due_at: Instant,
    /// Once or monthly.
    pub schedule: ScheduleType,
    /// The days it reports.
    pub period: Period,
    /// What it shows.
    pub parameters: Parameters,
    /// What becomes of the files.
    pub result_action: ResultAction,
    /// Who gets the mail.
    pub recipients: Vec<UserId>,
    /// In whose subtree subject and recipients must lie.
    pub writer_tenant_id: TenantId,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// How often it was started.
    pub attempts: i64,
    /// When it was inserted: `created_at` of its stored items.
    pub created_at: Instant,
    /// Its first start, kept over restarts.
    pub generated_at: Option<Instant>,
}

words! {
    /// Where a file of a run stands (reports-api, 7.2).
    ArtefactStatus {
        /// Not there yet.
        InProgress = "in_progress",
        /// Can be downloaded.
        Saved = "saved",
        /// Never will be.
        Failed = "failed",
    }
}

words! {
    /// Where the bytes of a file are kept.
    Place {
        /// In the database.
        Database = "database",
        /// In an object store that speaks S3.
        S3 = "s3",
    }
}

/// What a file holds. Equal files share one (ADR 12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its id, which no other content ever has.
    pub id: crate::ids::ContentId,
    /// SHA-256 of the uncompressed bytes in hex.
    pub sha256: String,
    /// Where the bytes are.
    pub place: Place,
    /// Compressed bytes.
    pub size_bytes: i64,
    /// Uncompressed bytes.
    pub plain_bytes: i64,
}

/// One file of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefact {
    /// Its id: the stored report's id on the wire.
    pub id: crate::ids::ArtefactId,
    /// The run it belongs to.
    pub run_id: RunId,
    /// Its format.
    pub format: Format,
    /// Where it stands.
    pub status: ArtefactStatus,
    /// When its run was inserted.
    pub created_at: Instant,
    /// Compressed bytes, once saved.
    pub size_bytes: Option<i64>,
    /// SHA-256 of the uncompressed bytes in hex, once saved.
    pub sha256: Option<String>,
}
