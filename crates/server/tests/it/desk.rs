//! Somebody who orders reports: a partner with a customer, its administrator, and users who get mails.

use app::reports::{self, NewReport, Shown};
use app::{Caller, jobs};
use domain::access::{Actor, Role};
use domain::delivery::Delivery;
use domain::ids::{ReportId, TenantId, UserId};
use domain::report::{Format, Kind, Level, Parameters, ResultAction};
use domain::schedule::ScheduleType;
use domain::tenant::TenantKind;
use domain::time::Day;
use store::args;
use store::runs::Stored;
use testkit::{TestApp, at};

pub(crate) struct Desk {
    pub(crate) test: TestApp,
    pub(crate) partner: TenantId,
    pub(crate) customer: TenantId,
    pub(crate) caller: Caller,
}

pub(crate) fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A `once` report of the customer, kept, of data files.
pub(crate) fn once() -> NewReport {
    NewReport {
        parameters: Parameters {
            level: Level::Accounts,
            kind: Kind::UsageCurrent,
            formats: vec![Format::CsvV2],
            hide_zero_usage: None,
            show_skus: None,
        },
        period: None,
        result_action: ResultAction::Save,
        recipients: Vec::new(),
        schedule: ScheduleType::Once,
        enabled: true,
        generation_on: None,
    }
}

/// The same every month.
pub(crate) fn monthly() -> NewReport {
    NewReport { schedule: ScheduleType::Monthly, ..once() }
}

/// As files for people, mailed to these.
pub(crate) fn sent(report: NewReport, recipients: &[UserId]) -> NewReport {
    let NewReport { parameters, .. } = report;
    let parameters = Parameters { formats: vec![Format::Csv, Format::Html], ..parameters };
    NewReport { parameters, result_action: ResultAction::Send, recipients: recipients.to_vec(), ..report }
}

impl Desk {
    pub(crate) async fn at(now: &str) -> Self {
        Self::of(TestApp::at(now).await).await
    }

    pub(crate) async fn of(test: TestApp) -> Self {
        let partner = test.tenant(test.top, TenantKind::Partner, "North Partner").await;
        let customer = test.tenant(partner, TenantKind::Customer, "Harbour Ltd").await;
        let caller = test.caller(partner, Role::PartnerAdmin).await;
        Self { test, partner, customer, caller }
    }

    pub(crate) async fn create(&self, new: &NewReport) -> app::Result<Shown> {
        reports::create(&self.test.app, &self.caller, self.customer, new).await
    }

    /// The report as the partner sees it now.
    pub(crate) async fn get(&self, id: ReportId) -> Shown {
        reports::get(&self.test.app, &self.caller, id).await.unwrap()
    }

    pub(crate) fn clock(&self, now: &str) {
        self.test.clock.set(at(now));
    }

    /// Sets the clock and does everything that is due then.
    pub(crate) async fn pass(&self, now: &str) {
        self.clock(now);
        self.drain().await;
    }

    pub(crate) async fn drain(&self) {
        jobs::drain(&self.test.app).await.unwrap();
    }

    pub(crate) async fn runs(&self, id: ReportId) -> Vec<Stored> {
        store::runs::of_report(&mut self.test.app.read().await.unwrap(), id).await.unwrap()
    }

    /// The deliveries of the report's only run.
    pub(crate) async fn deliveries(&self, id: ReportId) -> Vec<Delivery> {
        let runs = self.runs(id).await;
        assert_eq!(runs.len(), 1, "the report has one run");
        let mut conn = self.test.app.read().await.unwrap();
        store::deliveries::of_run(&mut conn, runs[0].run.id).await.unwrap()
    }

    /// A statement below the use cases.
    pub(crate) async fn sql(&self, sql: &'static str, args: Vec<store::Arg>) {
        let mut tx = self.test.app.write_as(Actor::System).await.unwrap();
        tx.run(sql, args).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An enabled user who wants reports.
    pub(crate) async fn user(&self, tenant: TenantId, email: &str) -> UserId {
        let (id, contact) = (UserId(self.test.app.ids.other().unwrap()), self.test.app.ids.other().unwrap());
        let no = self.test.no(tenant).await;
        self.sql(
            "INSERT INTO contacts (id, created_at, updated_at, types, email, firstname, lastname)
             VALUES ($1, 0, 0, '', $2, 'Jörg', 'Doe')",
            args![contact, email],
        )
        .await;
        self.sql(
            "INSERT INTO users (id, version, tenant_no, login, contact_id, activated, enabled, created_at, updated_at,
             language, idp_id, business_types, notifications)
             VALUES ($1, 1, $2, $1, $3, 1, 1, 0, 0, 'en', $3, '', 'quota,reports')",
            args![id, no, contact],
        )
        .await;
        id
    }

    /// Moves a tenant without children, below the use cases.
    pub(crate) async fn transfer(&self, tenant: TenantId, parent: TenantId) {
        let (no, parent) = (self.test.no(tenant).await, self.test.no(parent).await);
        self.sql("DELETE FROM closure WHERE tenant_no = $1 AND ancestor_no <> $1", args![no]).await;
        self.sql("UPDATE tenants SET parent_no = $2 WHERE no = $1", args![no, parent]).await;
        self.sql(
            "INSERT INTO closure (ancestor_no, tenant_no, depth, walls)
             SELECT ancestor_no, $1, depth + 1, walls FROM closure WHERE tenant_no = $2",
            args![no, parent],
        )
        .await;
    }

    /// The mails in the folder by name, without unfinished ones.
    pub(crate) fn folder(&self) -> Vec<(String, String)> {
        let Ok(entries) = std::fs::read_dir(self.test.directory.path().join("mail")) else {
            return Vec::new();
        };
        let mut mails: Vec<_> = entries
            .map(|entry| entry.unwrap())
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        mails.sort();
        mails
    }
}
