//! Reports: made, changed, read, deleted (reports-api, 2 to 6).

mod at_once;
mod broken_off;
mod closed;
mod counts;
mod routes;

use app::reports::{self, Change, NewReport, subscriptions};
use app::{Error, Rule};
use domain::access::{Actor, Role};
use domain::ids::{ReportId, UserId};
use domain::report::{ArtefactStatus, Format, Kind, Level, Parameters, ResultAction};
use domain::schedule::ScheduleType;
use domain::tenant::TenantKind;
use store::args;

use crate::desk::{Desk, day, monthly, once, sent};

/// The words of a broken business rule.
fn broken<T: std::fmt::Debug>(result: app::Result<T>) -> String {
    match result {
        Err(Error::Rule { rule: Rule::Business, info }) => info.into_owned(),
        other => panic!("expected a broken rule, got {other:?}"),
    }
}

#[tokio::test]
async fn a_report_due_now_has_its_files_in_progress_in_the_very_first_answer() {
    let desk = Desk::at("2020-03-04T10:58:53Z").await;
    let formats = vec![Format::Csv, Format::JsonV2];
    let new = NewReport { parameters: Parameters { formats, ..once().parameters }, ..once() };
    let made = desk.create(&new).await.unwrap();
    assert_eq!(made.period.to_string(), "2020-03-01 - 2020-03-03");
    assert_eq!((made.generation_on, made.report.version), (day("2020-03-04"), 1));
    assert_eq!(desk.get(made.report.id).await.period, made.period);
    let stored = reports::stored(&desk.test.app, &desk.caller, made.report.id).await.unwrap();
    assert_eq!(stored.iter().map(|file| file.format).collect::<Vec<_>>(), [Format::Csv, Format::JsonV2]);
    assert!(stored.iter().all(|file| file.status == ArtefactStatus::InProgress && file.size_bytes.is_none()));
    assert_eq!(stored[0].created_at.with_offset(), "2020-03-04T10:58:53+00:00");
    let unfinished = reports::stored_file(&desk.test.app, &desk.caller, made.report.id, stored[0].id).await;
    assert!(matches!(unfinished.err(), Some(Error::NotFound { .. })));
}

#[tokio::test]
async fn only_what_is_due_now_runs_now() {
    let desk = Desk::at("2020-03-04T10:58:53Z").await;
    let later = NewReport { generation_on: Some(day("2020-03-12")), ..once() };
    let disabled = NewReport { enabled: false, ..once() };
    let past = NewReport { generation_on: Some(day("2020-02-01")), ..once() };
    for (new, period, generation_on, runs) in [
        (later, "2020-03-01 - 2020-03-11", "2020-03-12", 0),
        (disabled, "2020-03-01 - 2020-03-03", "2020-03-04", 0),
        (past, "2020-03-01 - 2020-03-03", "2020-02-01", 1),
        (monthly(), "2020-03-01 - 2020-03-31", "2020-04-01", 0),
    ] {
        let made = desk.create(&new).await.unwrap();
        assert_eq!(made.period.to_string(), period);
        assert_eq!(made.generation_on, day(generation_on));
        assert_eq!(desk.runs(made.report.id).await.len(), runs);
    }
}

#[tokio::test]
async fn a_broken_rule_names_period_or_recipients() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let stranger = desk.user(desk.test.top, "root@tide.example").await;
    let nobody = UserId(desk.test.app.ids.other().unwrap());
    let known = desk.user(desk.customer, "jdoe@harbour.example").await;
    let over = |start, end| NewReport { period: Some((day(start), day(end))), ..once() };
    for (new, said) in [
        (over("2020-03-03", "2020-03-02"), "parameters.period: ends before it starts".to_owned()),
        (over("2020-03-03", "2020-03-05"), "parameters.period: lies in the future".to_owned()),
        (NewReport { recipients: vec![known], ..once() }, "recipients: a saved report has none".to_owned()),
        (sent(once(), &[]), "recipients: a report to be sent needs at least one".to_owned()),
        (sent(once(), &[known, stranger]), format!("recipients: {stranger} is no user that you see")),
        (sent(once(), &[nobody]), format!("recipients: {nobody} is no user that you see")),
    ] {
        assert_eq!(broken(desk.create(&new).await), said);
    }
    assert!(desk.create(&over("2020-03-04", "2020-03-04")).await.is_ok(), "today and a single day are fine");
    let ignored = NewReport { schedule: ScheduleType::Monthly, ..over("2020-03-09", "2020-03-01") };
    assert!(desk.create(&ignored).await.is_ok(), "a monthly report takes its period from its runs");
    let twice = desk.create(&sent(once(), &[known, known])).await.unwrap();
    assert_eq!(twice.report.recipients, [known]);
}

#[tokio::test]
async fn a_history_that_is_not_closed_is_a_refusal_before_six_and_a_fault_after() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    desk.clock("2020-03-05T05:59:29.5Z");
    let refused = desk.create(&once()).await;
    assert!(matches!(refused, Err(Error::NotReady { retry_after_seconds: Some(31) })), "{refused:?}");
    desk.clock("2020-03-05T06:00:00Z");
    let refused = desk.create(&once()).await;
    assert!(matches!(refused, Err(Error::NotReady { retry_after_seconds: None })), "{refused:?}");
    let closed = NewReport { period: Some((day("2020-02-01"), day("2020-03-03"))), ..once() };
    assert!(desk.create(&closed).await.is_ok(), "its days are closed");
    assert!(desk.create(&monthly()).await.is_ok(), "monthly reports wait");
    desk.drain().await;
    assert!(desk.create(&once()).await.is_ok());
}

#[tokio::test]
async fn reports_of_others_are_forbidden_and_unknown_ones_not_found() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let south = desk.test.tenant(desk.test.top, TenantKind::Partner, "South").await;
    let stranger = desk.test.caller(south, Role::PartnerAdmin).await;
    let app = &desk.test.app;
    let id = desk.create(&once()).await.unwrap().report.id;
    assert!(matches!(reports::get(app, &stranger, id).await, Err(Error::Forbidden)));
    assert!(matches!(reports::stored(app, &stranger, id).await, Err(Error::Forbidden)));
    assert!(matches!(reports::delete(app, &stranger, id, 1).await, Err(Error::Forbidden)));
    assert!(matches!(reports::check_writable(app, &stranger, id).await, Err(Error::Forbidden)));
    assert!(matches!(reports::of_tenant(app, &stranger, desk.customer).await, Err(Error::Forbidden)));
    assert!(matches!(reports::create(app, &stranger, desk.customer, &once()).await, Err(Error::Forbidden)));
    let unknown = ReportId(app.ids.other().unwrap());
    assert!(matches!(
        reports::get(app, &desk.caller, unknown).await,
        Err(Error::NotFound { what: "report" })
    ));
    let reader = desk.test.caller(desk.partner, Role::ReadonlyAdmin).await;
    assert!(reports::get(app, &reader, id).await.is_ok());
    assert!(matches!(reports::delete(app, &reader, id, 1).await, Err(Error::Forbidden)));
    assert_eq!(reports::of_tenant(app, &reader, desk.customer).await.unwrap(), [id]);
    assert!(reports::of_tenant(app, &reader, desk.partner).await.unwrap().is_empty());
}

#[tokio::test]
async fn whoever_may_not_look_inside_a_tenant_sees_its_own_rows_alone() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (app, inside) = (&desk.test.app, desk.test.caller(desk.customer, Role::CompanyAdmin).await);
    desk.sql("UPDATE tenants SET ancestral_access = 0 WHERE id = $1", args![desk.customer]).await;
    assert!(matches!(desk.create(&once()).await, Err(Error::Forbidden)));
    let own = reports::create(app, &inside, desk.customer, &once()).await.unwrap().report.id;
    let files = reports::stored(app, &inside, own).await.unwrap();
    desk.drain().await;
    let hidden = reports::stored_file(app, &desk.caller, own, files[0].id).await;
    assert!(matches!(hidden.err(), Some(Error::Forbidden)));
    let level = Level::Itself;
    let itself =
        NewReport { parameters: Parameters { level, ..once().parameters }, enabled: false, ..once() };
    let id = desk.create(&itself).await.unwrap().report.id;
    let wider = Change { level: Some(Level::Accounts), ..Change::default() };
    assert!(matches!(reports::change(app, &desk.caller, id, &wider).await, Err(Error::Forbidden)));
}

#[tokio::test]
async fn a_change_tolerates_what_is_equal_and_refuses_what_cannot_change() {
    let desk = Desk::at("2017-05-07T10:00:00Z").await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let new = NewReport {
        period: Some((day("2017-05-01"), day("2017-05-07"))),
        generation_on: Some(day("2017-05-08")),
        ..sent(once(), &[jdoe])
    };
    let made = desk.create(&new).await.unwrap();
    let id = made.report.id;
    let put = async |change: Change| reports::change(&desk.test.app, &desk.caller, id, &change).await;
    let equal = Change {
        id: Some(id),
        version: Some(1),
        tenant_id: Some(desk.customer),
        formats: Some(vec![Format::Html, Format::Csv, Format::Html]),
        period: Some((day("2017-05-01"), day("2017-05-07"))),
        schedule: Some(ScheduleType::Once),
        result_action: Some(ResultAction::Send),
        generation_on: Some(day("2017-05-08")),
        ..Change::default()
    };
    let changed = put(Change { kind: Some(Kind::UsageSummary), ..equal.clone() }).await.unwrap();
    assert_eq!((changed.report.version, changed.report.parameters.kind), (2, Kind::UsageSummary));
    assert_eq!(put(Change::default()).await.unwrap().report.version, 3, "nothing changed, yet a PUT");
    let none = Change::default();
    for (change, field) in [
        (Change { tenant_id: Some(desk.partner), ..none.clone() }, "parameters.tenant_id"),
        (Change { formats: Some(vec![Format::Csv]), ..none.clone() }, "parameters.formats"),
        (
            Change { period: Some((day("2017-05-01"), day("2017-05-06"))), ..none.clone() },
            "parameters.period",
        ),
        (Change { schedule: Some(ScheduleType::Monthly), ..none.clone() }, "schedule.type"),
        (Change { result_action: Some(ResultAction::Save), ..none.clone() }, "result_action"),
        (Change { generation_on: Some(day("2017-05-09")), ..none.clone() }, "generation_date"),
        (Change { id: Some(ReportId(desk.customer.0)), version: Some(1), ..none.clone() }, "id"),
    ] {
        assert_eq!(put(change).await.unwrap_err().to_string(), format!("{field}: cannot be changed"));
    }
    let stale = put(Change { version: Some(1), ..none.clone() }).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 1, current: 3 })));
    let nobody = put(Change { recipients: Some(Vec::new()), ..none.clone() }).await;
    assert_eq!(broken(nobody), "recipients: a report to be sent needs at least one");
    desk.pass("2017-05-08T00:00:00Z").await;
    assert_eq!(broken(put(none.clone()).await), "the generation of this report has started");
    let stale = put(Change { version: Some(1), ..none }).await;
    assert!(matches!(stale, Err(Error::Stale { .. })), "the version is looked at first");
}

#[tokio::test]
async fn enabling_and_disabling_follow_the_table() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let put = async |id, enabled| {
        let change = Change { enabled: Some(enabled), ..Change::default() };
        reports::change(&desk.test.app, &desk.caller, id, &change).await.unwrap()
    };
    let waiting = NewReport { generation_on: Some(day("2020-03-06")), ..once() };
    let id = desk.create(&waiting).await.unwrap().report.id;
    put(id, false).await;
    desk.pass("2020-03-08T10:00:00Z").await;
    assert!(desk.runs(id).await.is_empty(), "disabled before it ran");
    put(id, true).await;
    assert_eq!(desk.runs(id).await.len(), 1, "enabled after its date: at once");

    let id = desk.create(&monthly()).await.unwrap().report.id;
    assert_eq!(put(id, false).await.generation_on, day("2020-04-01"), "shown all the same");
    desk.pass("2020-06-15T10:00:00Z").await;
    assert_eq!(put(id, true).await.generation_on, day("2020-07-01"));
    desk.pass("2020-06-30T10:00:00Z").await;
    assert!(desk.runs(id).await.is_empty(), "missed months are not made up");
}

#[tokio::test]
async fn a_monthly_run_missed_before_a_change_happens_as_the_report_was() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&monthly()).await.unwrap().report.id;
    desk.clock("2020-04-02T10:00:00Z");
    let change = Change { enabled: Some(false), kind: Some(Kind::UsageDaily), ..Change::default() };
    reports::change(&desk.test.app, &desk.caller, id, &change).await.unwrap();
    let runs = desk.runs(id).await;
    assert_eq!(runs.iter().map(|run| run.run.parameters.kind).collect::<Vec<_>>(), [Kind::UsageCurrent]);
}

#[tokio::test]
async fn deleting_needs_the_version_and_leaves_nothing() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let (app, run) = (&desk.test.app, desk.runs(id).await.remove(0).run.id);
    let stale = reports::delete(app, &desk.caller, id, 2).await;
    assert!(matches!(stale, Err(Error::Stale { sent: 2, current: 1 })));
    reports::delete(app, &desk.caller, id, 1).await.unwrap();
    assert!(matches!(reports::get(app, &desk.caller, id).await, Err(Error::NotFound { what: "report" })));
    assert!(matches!(reports::stored(app, &desk.caller, id).await, Err(Error::NotFound { .. })));
    let mut conn = app.read().await.unwrap();
    assert!(store::runs::by_id(&mut conn, run).await.unwrap().is_none());
    for table in [
        "SELECT COUNT(*) AS n FROM artefacts",
        "SELECT COUNT(*) AS n FROM contents WHERE look_at IS NULL",
        "SELECT COUNT(*) AS n FROM editions",
    ] {
        assert_eq!(conn.count(table, args![]).await.unwrap(), 0, "{table}");
    }
}

#[tokio::test]
async fn a_report_for_many_tenants_is_made_for_all_or_none() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let second = desk.test.tenant(desk.partner, TenantKind::Customer, "Second").await;
    let app = &desk.test.app;
    let made = reports::create_each(app, &desk.caller, &[desk.customer, second], &once()).await.unwrap();
    assert_eq!(made.iter().map(|shown| shown.report.subject_id).collect::<Vec<_>>(), [desk.customer, second]);
    let refused = reports::create_each(app, &desk.caller, &[second, desk.test.top], &once()).await;
    assert!(matches!(refused, Err(Error::Forbidden)));
    assert_eq!(reports::of_tenant(app, &desk.caller, second).await.unwrap().len(), 1);
}

#[tokio::test]
async fn subscriptions_are_the_recipients_seen_from_a_user() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let (app, caller) = (&desk.test.app, &desk.caller);
    let first = desk.user(desk.customer, "first@harbour.example").await;
    let second = desk.user(desk.customer, "second@harbour.example").await;
    let id = desk.create(&sent(monthly(), &[first])).await.unwrap().report.id;
    assert_eq!(subscriptions::add(app, caller, second, id).await.unwrap().report.recipients, [first, second]);
    assert_eq!(subscriptions::add(app, caller, second, id).await.unwrap().report.version, 2, "already in");
    assert_eq!(subscriptions::list(app, caller, second).await.unwrap(), [id]);
    let mut own = desk.caller.clone();
    (own.actor, own.grants) = (Actor::User(first), Vec::new());
    assert_eq!(subscriptions::list(app, &own, first).await.unwrap(), [id]);
    assert!(matches!(subscriptions::list(app, &own, second).await, Err(Error::Forbidden)));
    subscriptions::remove(app, &own, first, id).await.unwrap();
    assert!(matches!(subscriptions::remove(app, &own, first, id).await, Err(Error::NotFound { .. })));
    let joined = subscriptions::add(app, &own, first, id).await.unwrap();
    assert_eq!(
        joined.report.recipients,
        [second, first],
        "a report on what lies below the user's own tenant"
    );
    own.tenant = desk.test.no(desk.test.tenant(desk.partner, TenantKind::Customer, "Vineyard").await).await;
    assert!(matches!(subscriptions::add(app, &own, first, id).await, Err(Error::Forbidden)));
    subscriptions::remove(app, &own, first, id).await.unwrap();
    let last = subscriptions::remove(app, caller, second, id).await;
    assert_eq!(broken(last), "recipients: the last one cannot be removed");
    let saved = desk.create(&once()).await.unwrap().report.id;
    let refused = subscriptions::add(app, caller, second, saved).await;
    assert_eq!(broken(refused), "report_id: a saved report has no recipients");
}
