//! Reports whose subject is deleted: what was used until then is still told, and nothing after.

use app::tenants::{self, TenantChange};
use domain::delivery::DeliveryState;
use domain::ids::TenantId;
use domain::report::{ResultAction, RunStatus};
use testkit::at;

use crate::desk::{Desk, monthly, once, sent};

impl Desk {
    /// Disables and deletes, as the partner.
    async fn delete(&self, tenant: TenantId) {
        let seen = tenants::get(&self.test.app, &self.caller, tenant, tenants::Options::default());
        let version = seen.await.unwrap().tenant.version;
        let change = TenantChange { version, enabled: Some(false), ..TenantChange::default() };
        tenants::update(&self.test.app, &self.caller, tenant, change).await.unwrap();
        tenants::delete(&self.test.app, &self.caller, tenant, version + 1).await.unwrap();
    }
}

#[tokio::test]
async fn a_report_under_way_is_finished_and_mailed_to_those_who_are_still_there() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let boss = desk.user(desk.partner, "boss@north.example").await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[boss, jdoe])).await.unwrap().report.id;
    desk.delete(desk.customer).await;
    desk.drain().await;
    assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Ready);
    let deliveries = desk.deliveries(id).await;
    let of = |user| &deliveries.iter().find(|one| one.user_id == user).unwrap().state;
    assert!(matches!(of(boss), DeliveryState::Sent { .. }));
    assert_eq!(of(jdoe), &DeliveryState::Skipped { why: "the user was deleted".to_owned() });
    assert_eq!(desk.folder().len(), 1);
    assert_eq!(desk.get(id).await.report.id, id, "and can be read");
}

#[tokio::test]
async fn a_monthly_report_ends_with_the_month_of_the_deletion_and_goes_on_with_the_restored_tenant() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&monthly()).await.unwrap().report.id;
    assert_eq!(desk.get(id).await.report.result_action, ResultAction::Save);
    desk.clock("2020-03-10T12:00:00Z");
    desk.delete(desk.customer).await;
    for month in ["2020-04-01T23:59:59Z", "2020-05-01T23:59:59Z"] {
        desk.pass(month).await;
    }
    desk.clock("2020-05-20T00:00:00Z");
    tenants::restore(&desk.test.app, &desk.caller, desk.customer, false).await.unwrap();
    desk.pass("2020-06-01T23:59:59Z").await;
    let mut runs = desk.runs(id).await;
    runs.sort_by_key(|stored| stored.run.due_at);
    let ends: Vec<_> = runs.iter().map(|stored| (stored.run.due_at, stored.run.status)).collect();
    assert_eq!(
        ends,
        [
            (at("2020-04-01T23:59:59Z"), RunStatus::Ready),
            (at("2020-05-01T23:59:59Z"), RunStatus::Skipped),
            (at("2020-06-01T23:59:59Z"), RunStatus::Ready),
        ],
        "March was used in part, April not at all, May in part"
    );
    let why = runs[1].run.reason.clone().unwrap();
    assert!(why.ends_with("was deleted on 2020-03-10, before the days of this report"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_delete_in_the_middle_of_many_reports_leaves_none_hanging() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let boss = desk.user(desk.partner, "boss@north.example").await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let mut reports = Vec::new();
    for _ in 0..20 {
        reports.push(desk.create(&sent(once(), &[boss, jdoe])).await.unwrap().report.id);
    }
    tokio::join!(desk.drain(), desk.delete(desk.customer));
    desk.drain().await;
    for id in reports {
        assert_eq!(desk.runs(id).await[0].run.status, RunStatus::Ready);
        for delivery in desk.deliveries(id).await {
            let is_over =
                matches!(delivery.state, DeliveryState::Sent { .. } | DeliveryState::Skipped { .. });
            assert!(is_over, "{delivery:?}");
            assert!(delivery.user_id == jdoe || matches!(delivery.state, DeliveryState::Sent { .. }));
        }
    }
}
