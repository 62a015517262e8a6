//! `tidemark deliveries`: which mail went to whom, what did not go out, and sending it again; beside a server or without one.

use std::io::{self, BufWriter, ErrorKind, Write};

use anyhow::Result;
use app::deliveries::alerts::{self, Alert};
use app::deliveries::{self, Asked, Operator, Shown};
use app::{Clock, Ids};
use domain::delivery::DeliveryStatus;
use domain::time::{Day, Period};
use http_api::api::deliveries::DeliveryBody;
use http_api::api::delivery_alerts::AlertBody;
use serde::Serialize;

use super::init::use_case_settings;
use crate::cli::{
    self, Common, DeliveriesAcknowledge, DeliveriesAlerts, DeliveriesCommand, DeliveriesList,
    DeliveriesResend, DeliveriesShow, Most,
};
use crate::say::with_causes;
use crate::settings::Settings;

/// Deliveries read at once.
const PAGE: i64 = 1_000;

/// Does what is asked for.
pub async fn run(options: &cli::Deliveries) -> Result<()> {
    let operator = operator(&options.common).await?;
    let done = match &options.command {
        DeliveriesCommand::List(options) => list(&operator, options).await,
        DeliveriesCommand::Show(options) => show(&operator, options).await,
        DeliveriesCommand::Resend(options) => resend(&operator, options).await,
        DeliveriesCommand::Alerts(options) => list_alerts(&operator, options).await,
        DeliveriesCommand::Acknowledge(options) => acknowledge(&operator, options).await,
    };
    operator.db.close().await;
    match done {
        // A reader that has gone, as in `| head`, is no fault of ours.
        Err(error) if broken_pipe(&error) => Ok(()),
        done => done,
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn operator(common: &Common) -> Result<Operator> {
    let settings = Settings::read(common, &[])?;
    let db = settings.database.join().await?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    Ok(Operator { db, clock, ids: Ids::default(), settings: use_case_settings(&settings, settings.listen) })
}

async fn list(operator: &Operator, options: &DeliveriesList) -> Result<()> {
    let month = |first: Day| Period { start: first, end: first.plus(31).first_of_month() };
    let asked = Asked {
        states: options.state.clone(),
        report: options.report,
        run: options.run,
        user: options.recipient,
        address: options.address.as_deref().and_then(domain::delivery::address),
        days: options.month.map(month),
        since: options.from,
        until: options.to,
    };
    let (mut out, mut left) = (Out::new(options.most.json, DELIVERIES), most(options.most));
    let mut behind = None;
    while left > 0 {
        let page =
            deliveries::page_for_operator(operator, options.tenant, &asked, behind, left.min(PAGE)).await;
        let page = page.map_err(with_causes)?;
        for shown in page.deliveries {
            out.delivery(shown)?;
            left -= 1;
        }
        behind = page.next;
        if behind.is_none() {
            break;
        }
    }
    Ok(out.end()?)
}

async fn show(operator: &Operator, options: &DeliveriesShow) -> Result<()> {
    let shown = deliveries::get_for_operator(operator, options.id).await.map_err(with_causes)?;
    let mut out = BufWriter::new(io::stdout());
    let body = serde_json::to_value(DeliveryBody::from(shown))?;
    if options.json {
        writeln!(out, "{body}")?;
    } else {
        for (name, value) in body.as_object().into_iter().flatten() {
            let value = value.as_str().map_or_else(|| value.to_string(), plain);
            writeln!(out, "{name:<16} {value}")?;
        }
    }
    Ok(out.flush()?)
}

async fn resend(operator: &Operator, options: &DeliveriesResend) -> Result<()> {
    let mut out = Out::new(options.json, DELIVERIES);
    if let Some(id) = options.id {
        out.delivery(deliveries::resend_for_operator(operator, id).await.map_err(with_causes)?)?;
        return Ok(out.end()?);
    }
    let mut states = vec![DeliveryStatus::Bounced, DeliveryStatus::GaveUp];
    states.extend(Some(DeliveryStatus::Skipped).filter(|_| options.skipped));
    let asked = Asked { states, report: options.report, run: options.run, ..Asked::default() };
    loop {
        let resent = deliveries::resend_failed_for_operator(operator, &asked).await.map_err(with_causes)?;
        for shown in resent.deliveries {
            out.delivery(shown)?;
        }
        if !resent.is_more {
            return Ok(out.end()?);
        }
    }
}

async fn list_alerts(operator: &Operator, options: &DeliveriesAlerts) -> Result<()> {
    let (mut out, mut left) = (Out::new(options.most.json, ALERTS), most(options.most));
    let mut behind = None;
    while left > 0 {
        let page = alerts::page_for_operator(operator, options.tenant, behind, left.min(PAGE)).await;
        let page = page.map_err(with_causes)?;
        for alert in page.alerts {
            out.alert(alert)?;
            left -= 1;
        }
        behind = page.next;
        if behind.is_none() {
            break;
        }
    }
    Ok(out.end()?)
}

async fn acknowledge(operator: &Operator, options: &DeliveriesAcknowledge) -> Result<()> {
    let reason = options.reason.as_deref();
    alerts::acknowledge_for_operator(operator, options.id, reason).await.map_err(with_causes)
}

fn most(most: Most) -> i64 {
    if most.all { i64::MAX } else { i64::from(most.limit) }
}

const DELIVERIES: [&str; 6] = ["id", "made", "state", "to", "report", "answer"];
const ALERTS: [&str; 6] = ["id", "due", "what", "recipient", "report", "why"];

/// Standard output, for people or for programs.
struct Out {
    to: BufWriter<io::Stdout>,
    json: bool,
    /// Not printed yet: a call that fails prints nothing.
    header: Option<[&'static str; 6]>,
}

impl Out {
    fn new(json: bool, header: [&'static str; 6]) -> Self {
        Self { to: BufWriter::new(io::stdout()), json, header: Some(header).filter(|_| !json) }
    }

    fn delivery(&mut self, shown: Shown) -> Result<()> {
        if self.json {
            return self.line(&DeliveryBody::from(shown));
        }
        let delivery = &shown.entry.delivery;
        let (id, made, status) =
            (delivery.id.to_string(), delivery.created_at.to_string(), delivery.state.parts().0);
        let state = match delivery.resend_no {
            0 => status.to_string(),
            number => format!("{status} ({number})"),
        };
        let user = delivery.user_id.to_string();
        let to = shown.address().unwrap_or(&user);
        let report = shown.entry.report_id.to_string();
        Ok(self.row([&id, &made, &state, to, &report, shown.answer().unwrap_or("")])?)
    }

    fn alert(&mut self, alert: Alert) -> Result<()> {
        if self.json {
            return self.line(&AlertBody::from(alert));
        }
        let user = alert.user.map(|user| user.to_string()).unwrap_or_default();
        let (id, due, report) = (alert.id.to_string(), alert.due_at.to_string(), alert.report.to_string());
        Ok(self.row([&id, &due, alert.kind.as_str(), &user, &report, alert.why.as_deref().unwrap_or("")])?)
    }

    fn line(&mut self, body: &impl Serialize) -> Result<()> {
        let line = serde_json::to_string(body)?;
        Ok(writeln!(self.to, "{line}")?)
    }

    fn row(&mut self, cells: [&str; 6]) -> io::Result<()> {
        if let Some(header) = self.header.take() {
            self.row(header)?;
        }
        let [id, at, what, who, report, why] = cells.map(plain);
        writeln!(self.to, "{id:<36}  {at:<20}  {what:<13}  {who:<36}  {report:<36}  {why}")
    }

    fn end(mut self) -> io::Result<()> {
        if let Some(header) = self.header.take() {
            self.row(header)?;
        }
        self.to.flush()
    }
}

/// What a terminal would take for a command is not shown.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
