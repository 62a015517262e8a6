//! Where a page of the delivery ledger ended, with all that was asked for.

use app::deliveries::{Asked, Position};
use app::{App, Caller, Error, changes, cursor};
use domain::delivery::DeliveryStatus;
use domain::ids::{ReportId, RunId, UserId};
use domain::time::{Day, Instant, Period};
use serde::{Deserialize, Serialize};

use crate::params::Params;

/// What was asked of the ledger, and where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    states: Vec<DeliveryStatus>,
    report: Option<ReportId>,
    run: Option<RunId>,
    user: Option<UserId>,
    address: Option<String>,
    /// The first day of the month.
    month: Option<i32>,
    since: Option<i64>,
    until: Option<i64>,
    behind: Option<(i64, String)>,
}

/// The parameters of a first page, but for `report_id`.
pub(super) const PARAMETERS: [&str; 9] =
    ["state", "run_id", "recipient_id", "address", "month", "from", "to", "limit", "after"];

impl Cursor {
    /// The first page of what these parameters ask for.
    pub(super) fn begin(params: &Params) -> Result<Self, Error> {
        let text = |name| params.get(name).filter(|text| !text.is_empty());
        let moment = |name: &'static str, read: fn(&str) -> Result<Instant, domain::time::BadTime>| {
            let read = |text: &str| read(text).map_err(|_| Error::invalid(name, "must be a moment or a day"));
            text(name).map(read).transpose().map(|at| at.map(|at| at.0))
        };
        let month = |text: &str| {
            let first: Result<Day, _> = format!("{text}-01").parse();
            first.map_err(|_| Error::invalid("month", "must be a month of the form YYYY-MM"))
        };
        Ok(Self {
            states: params.few("state")?.unwrap_or_default(),
            report: params.parsed("report_id")?,
            run: params.parsed("run_id")?,
            user: params.parsed("recipient_id")?,
            address: text("address").and_then(domain::delivery::address),
            month: text("month").map(month).transpose()?.map(|day| day.0),
            since: moment("from", changes::since)?,
            until: moment("to", changes::until)?,
            behind: None,
        })
    }

    /// The page behind this position.
    pub(super) fn behind(mut self, at: Position) -> Self {
        self.behind = Some((at.created_at.0, at.id));
        self
    }

    /// Its text, for the ledger of this name.
    pub(super) fn seal(&self, app: &App, caller: &Caller, list: &str) -> Result<String, Error> {
        cursor::seal(app, caller, list, self)
    }

    /// Reads the text of a cursor of the ledger of this name.
    pub(super) fn open(app: &App, caller: &Caller, list: &str, text: &str) -> Result<Self, Error> {
        cursor::open(app, caller, list, text)
    }

    /// What is asked for, and from where on.
    pub(super) fn place(&self) -> (Asked, Option<Position>) {
        let days = |first: i32| {
            let start = Day(first);
            Period { start, end: start.plus(31).first_of_month() }
        };
        let asked = Asked {
            states: self.states.clone(),
            report: self.report,
            run: self.run,
            user: self.user,
            address: self.address.clone(),
            days: self.month.map(days),
            since: self.since.map(Instant),
            until: self.until.map(Instant),
        };
        let behind = self.behind.clone().map(|(at, id)| Position { created_at: Instant(at), id });
        (asked, behind)
    }
}
