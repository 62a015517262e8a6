//! Who sees which deliveries, and who sends them again.

use domain::access::Role;
use domain::report::{Level, Parameters};
use domain::tenant::TenantKind;
use serde_json::json;
use store::args;
use testkit::Fault;

use super::{Office, each, items, nothing, text};
use crate::desk::{once, sent};

#[tokio::test]
async fn a_foreign_partner_finds_nothing_and_sends_nothing() {
    let office = Office::with([Fault::Rcpt("550 no such user")]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    let report = office.mailed(&[jdoe]).await;
    let delivery = text(&office.list("").await[0], "id");
    let test = &office.desk.test;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let foreign = test.client(south, Role::PartnerAdmin).await;
    for path in [
        format!("/tenants/{}/deliveries", office.desk.partner),
        format!("/tenants/{}/delivery-alerts", office.desk.partner),
        format!("/reports/{report}/deliveries"),
        format!("/deliveries/{delivery}"),
    ] {
        assert_eq!(office.get_as(&foreign, &path).await.0, 403, "{path}");
    }
    for path in [
        format!("/deliveries/{delivery}/resend"),
        format!("/reports/{report}/deliveries/resend"),
        format!("/delivery-alerts/{delivery}/acknowledge"),
    ] {
        assert_eq!(office.post_as(&foreign, &path, nothing()).await.0, 403, "{path}");
    }
    let own = format!("/tenants/{south}/deliveries");
    for query in [
        String::new(),
        format!("report_id={report}"),
        format!("recipient_id={jdoe}"),
        "address=jdoe@harbour.example".to_owned(),
        "state=bounced".to_owned(),
    ] {
        let (_, list) = office.get_as(&foreign, &format!("{own}?{query}")).await;
        assert!(items(&list).is_empty(), "{query}: {list}");
    }
    let (_, alerts) = office.get_as(&foreign, &format!("/tenants/{south}/delivery-alerts")).await;
    assert!(items(&alerts).is_empty());
    let reader = test.client(office.desk.partner, Role::ReadonlyAdmin).await;
    assert_eq!(office.get_as(&reader, &format!("/deliveries/{delivery}")).await.0, 200);
    assert_eq!(office.post_as(&reader, &format!("/deliveries/{delivery}/resend"), nothing()).await.0, 403);
}

#[tokio::test]
async fn a_cursor_serves_its_list_and_callers_who_reach_from_one_tenant() {
    let office = Office::with([]).await;
    let (jdoe, ann) = (office.user("jdoe@harbour.example").await, office.user("ann@harbour.example").await);
    let report = office.mailed(&[jdoe, ann]).await;
    let test = &office.desk.test;
    let list = format!("/tenants/{}/deliveries", office.desk.partner);
    let first = office.get(&format!("{list}?limit=1")).await;
    let after = text(&first, "after");
    let colleague = test.client(office.desk.partner, Role::PartnerAdmin).await;
    assert_eq!(office.get_as(&colleague, &format!("{list}?after={after}")).await.0, 200);
    let above = test.client(test.top, Role::RootAdmin).await;
    assert_eq!(office.get_as(&above, &format!("{list}?after={after}")).await.0, 400);
    for other in [
        format!("/tenants/{}/deliveries", office.desk.customer),
        format!("/tenants/{}/delivery-alerts", office.desk.partner),
        format!("/reports/{report}/deliveries"),
    ] {
        assert_eq!(office.get_as(&office.partner, &format!("{other}?after={after}")).await.0, 400, "{other}");
    }
    for forged in [format!("{after}A"), after.replacen(char::is_numeric, "x", 1), after[1..].to_owned()] {
        assert_eq!(
            office.get_as(&office.partner, &format!("{list}?after={forged}")).await.0,
            400,
            "{forged}"
        );
    }
}

#[tokio::test]
async fn a_closed_tenant_shows_deliveries_of_its_own_figures_without_its_people() {
    let office = Office::with([]).await;
    let (jdoe, boss) = (
        office.user("jdoe@harbour.example").await,
        office.desk.user(office.desk.partner, "boss@north.example").await,
    );
    let own = |users: &[_]| {
        let order = sent(once(), users);
        app::reports::NewReport {
            parameters: Parameters { level: Level::Itself, ..order.parameters },
            ..order
        }
    };
    let deep = office.mailed(&[jdoe, boss]).await;
    let partner = office.desk.partner;
    let shallow = office.mailed_by(partner, office.desk.customer, &own(&[jdoe, boss])).await;
    assert_eq!(office.list("").await.len(), 4);
    let hidden = text(&office.list(&format!("report_id={deep}")).await[0], "id");
    let no = office.desk.test.no(office.desk.customer).await;
    office.desk.sql("UPDATE tenants SET ancestral_access = 0 WHERE no = $1", args![no]).await;

    let seen = office.list("").await;
    assert_eq!(each(&seen, "report_id"), [json!(shallow), json!(shallow)]);
    for delivery in &seen {
        let to_boss = delivery["recipient_id"] == json!(boss);
        let (address, answer) = (&delivery["address"], &delivery["answer"]);
        assert_eq!(to_boss, address == "boss@north.example", "{delivery}");
        assert_eq!((address.is_null(), answer.is_null()), (!to_boss, !to_boss), "{delivery}");
    }
    assert!(office.list("address=jdoe@harbour.example").await.is_empty(), "not to be found out by trying");
    assert_eq!(office.list("address=boss@north.example").await.len(), 1);
    assert_eq!(office.get_as(&office.partner, &format!("/deliveries/{hidden}")).await.0, 403);
    assert_eq!(office.post(&format!("/deliveries/{hidden}/resend"), nothing()).await.0, 403);
    let (_, resent) =
        office.post(&format!("/reports/{deep}/deliveries/resend"), json!({"states": ["bounced"]})).await;
    assert!(items(&resent).is_empty());

    let inside = office.desk.test.client(office.desk.customer, Role::CompanyAdmin).await;
    let (_, all) = office.get_as(&inside, &format!("/tenants/{}/deliveries", office.desk.customer)).await;
    assert_eq!(items(&all).len(), 4);
    let addresses = each(&items(&all), "address");
    let known = addresses.iter().filter(|address| **address == "jdoe@harbour.example").count();
    let above = addresses.iter().filter(|address| address.is_null()).count();
    assert_eq!((known, above), (2, 2), "those inside do not see who reads above them");
}

#[tokio::test]
async fn a_closed_tenant_shows_that_a_run_failed_and_not_why() {
    let office = Office::with([]).await;
    let id = office.mailed(&[office.user("jdoe@harbour.example").await]).await;
    let failed = "UPDATE runs SET status = 'failed', reason = 'berth 7', unsent_at = 1 WHERE report_id = $1";
    office.desk.sql(failed, args![id]).await;
    let path = format!("/tenants/{}/delivery-alerts", office.desk.partner);
    let why = async || items(&office.get(&path).await).remove(0)["why"].clone();
    assert_eq!(why().await, "berth 7");
    let no = office.desk.test.no(office.desk.customer).await;
    office.desk.sql("UPDATE tenants SET ancestral_access = 0 WHERE no = $1", args![no]).await;
    assert_eq!(why().await, json!(null));
}

#[tokio::test]
async fn a_tenant_that_moved_away_takes_its_deliveries_with_it() {
    let office = Office::with([Fault::Rcpt("550 no such user")]).await;
    let jdoe = office.user("jdoe@harbour.example").await;
    office.mailed(&[jdoe]).await;
    let delivery = text(&office.list("").await[0], "id");
    assert_eq!(office.kinds().await, ["mail_bounced"]);
    let test = &office.desk.test;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    office.desk.transfer(office.desk.customer, south).await;
    assert!(office.list("").await.is_empty() && office.kinds().await.is_empty());
    assert_eq!(office.post(&format!("/deliveries/{delivery}/resend"), nothing()).await.0, 403);
    let there = test.client(south, Role::PartnerAdmin).await;
    let (status, new) = office.post_as(&there, &format!("/deliveries/{delivery}/resend"), nothing()).await;
    assert_eq!(
        (status, &new["state"]),
        (201, &json!("skipped")),
        "its people ordered it, and no longer reach it: {new}"
    );
    assert!(text(&new, "answer").contains("no longer lies below"), "{new}");
}
