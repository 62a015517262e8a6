//! What operators watch: how runs and deliveries end, which day is open, and how much waits.

use domain::delivery::{AlertKind, Delivery, DeliveryStatus};
use domain::ids::Seq;
use domain::report::{Run, RunStatus};
use metrics::{counter, describe_counter, describe_gauge, gauge};

use super::lag;
use crate::bounces::Outcome;
use crate::{App, Result, deliveries};

const DATABASE_UP: &str = "tidemark_database_up";
const JOB_FAULTS: &str = "tidemark_job_faults_total";
const RUNS: &str = "tidemark_runs_total";
const DELIVERIES: &str = "tidemark_deliveries_total";
const BOUNCES: &str = "tidemark_bounces_total";
const PASSES: &str = "tidemark_report_passes_total";
const OPEN_DAY: &str = "tidemark_open_day";
const RUNS_PENDING: &str = "tidemark_runs_pending";
const DELIVERIES_PENDING: &str = "tidemark_deliveries_pending";
const ALERTS: &str = "tidemark_delivery_alerts";
const MAILS_HELD: &str = "tidemark_mails_held";

/// The outcome of a try that failed and is followed by another one.
const RETRIED: &str = "retried";

/// Describes the metrics of the jobs, and shows every outcome as 0 until there is one: a rate over a counter that is
/// not there yet misses the first.
pub fn describe() {
    describe_gauge!(DATABASE_UP, "Whether the database could be read for the other gauges: 1, or 0");
    describe_counter!(JOB_FAULTS, "Rounds of a job that failed and are tried again, by the job's name");
    crate::contents::measures::describe();
    describe_counter!(RUNS, "Runs of reports that have ended, by outcome");
    describe_counter!(
        DELIVERIES,
        "Mails that have ended, by outcome, and tries that are followed by another (retried)"
    );
    describe_counter!(BOUNCES, "Messages read from the mailbox for bounces, by what became of them");
    for outcome in Outcome::ALL {
        counter!(BOUNCES, "outcome" => outcome.as_str()).increment(0);
    }
    describe_counter!(PASSES, "Passes over the history of all tenants that reports due together shared");
    counter!(PASSES).increment(0);
    lag::describe();
    describe_gauge!(OPEN_DAY, "The first day that is not closed, in days since 1970");
    describe_gauge!(RUNS_PENDING, "Runs that wait or are under way");
    describe_gauge!(DELIVERIES_PENDING, "Mails that wait or are under way");
    describe_gauge!(ALERTS, "Reports and mails that should have gone out and did not, by kind");
    for kind in AlertKind::ALL {
        gauge!(ALERTS, "kind" => kind.as_str()).set(0.0);
    }
    describe_gauge!(MAILS_HELD, "Mails that wait for a decision since a backup was restored");
    for outcome in [RunStatus::Ready, RunStatus::Failed, RunStatus::Skipped] {
        counter!(RUNS, "outcome" => outcome.as_str()).increment(0);
    }
    let ends =
        [DeliveryStatus::Sent, DeliveryStatus::Bounced, DeliveryStatus::GaveUp, DeliveryStatus::Skipped];
    for outcome in ends.map(DeliveryStatus::as_str).into_iter().chain([RETRIED]) {
        counter!(DELIVERIES, "outcome" => outcome).increment(0);
    }
}

/// Measures what is a state and not an event.
pub async fn measure(app: &App) -> Result<()> {
    let measured = measure_states(app).await;
    gauge!(DATABASE_UP).set(if measured.is_ok() { 1.0 } else { 0.0 });
    measured
}

async fn measure_states(app: &App) -> Result<()> {
    let mut conn = app.read().await?;
    if let Some(open) = store::history::days(&mut conn).await?.map(|days| days.open) {
        gauge!(OPEN_DAY).set(f64::from(open.0));
    }
    // Exact up to 2^53, and no database holds as many rows.
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
    let set = |name: &'static str, count: i64| gauge!(name).set(count as f64);
    set(RUNS_PENDING, store::runs::count_open(&mut conn).await?);
    set(DELIVERIES_PENDING, store::deliveries::count_open(&mut conn).await?);
    for (kind, count) in deliveries::alerts::counts(app, &mut conn).await? {
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows")]
        gauge!(ALERTS, "kind" => kind.as_str()).set(count as f64);
    }
    set(MAILS_HELD, store::restores::count_held(&mut conn).await?);
    lag::measure(app, &mut conn).await
}

/// Shows the faults of this job as 0 until there is one.
pub(super) fn job_begins(job: &'static str) {
    counter!(JOB_FAULTS, "job_name" => job).increment(0);
}

/// Counts and logs a round of a job that failed.
pub(super) fn job_failed(job: &'static str, why: &str) {
    tracing::error!(job, error = why, "the job failed and will be tried again");
    counter!(JOB_FAULTS, "job_name" => job).increment(1);
}

/// Counts and logs a pass that this many runs wait for.
pub(super) fn pass_made(waiting: i64, as_of: Seq) {
    tracing::info!(waiting, %as_of, "reports share a pass over the history");
    counter!(PASSES).increment(1);
}

/// Counts a message that was read from the mailbox for bounces.
pub(crate) fn bounce_read(outcome: Outcome) {
    counter!(BOUNCES, "outcome" => outcome.as_str()).increment(1);
}

/// Counts and logs a run that has ended.
pub(super) fn run_ended(run: &Run, outcome: RunStatus, why: Option<&str>) {
    let (id, report, period) = (run.id, run.report_id, run.period);
    if outcome == RunStatus::Ready {
        tracing::info!(run = %id, %report, %period, why, "the report is ready");
    } else {
        tracing::warn!(run = %id, %report, %period, %outcome, why, "the report was not made");
    }
    counter!(RUNS, "outcome" => outcome.as_str()).increment(1);
}

/// Counts and logs what was recorded of a delivery: where it stands now that it was tried, or not to be tried at all.
pub(crate) fn delivery_recorded(delivery: &Delivery) {
    let (status, why) = delivery.state.parts();
    let (id, run, user) = (delivery.id, delivery.run_id, delivery.user_id);
    match status {
        DeliveryStatus::Sent => {
            tracing::info!(delivery = %id, %run, %user, answer = why, "the mail was sent");
        }
        DeliveryStatus::Pending | DeliveryStatus::Sending => {}
        _ => tracing::warn!(delivery = %id, %run, %user, %status, why, "the mail was not sent"),
    }
    let outcome = if status == DeliveryStatus::Pending { RETRIED } else { status.as_str() };
    counter!(DELIVERIES, "outcome" => outcome).increment(1);
}
