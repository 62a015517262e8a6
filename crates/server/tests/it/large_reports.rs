//! Reports that are too large for a mail: a link goes out in their place, and leads to the files for as long as it may.

use app::reports;
use app::settings::Transport;
use domain::access::{Actor, Role};
use domain::delivery::DeliveryState;
use domain::ids::{ReportId, UserId};
use domain::tenant::TenantKind;
use store::args;
use store::brands::Version;
use testkit::{Answer, Fault, Server, SmtpSink, TestApp, at};

use crate::desk::{Desk, monthly, once, sent};

const NOW: &str = "2020-03-04T10:00:00Z";

/// A desk whose mails bring files up to this size, through a relay with these faults.
async fn desk_with(max_attachment_bytes: u64, faults: impl IntoIterator<Item = Fault>) -> (SmtpSink, Desk) {
    let relay = SmtpSink::failing(faults).await;
    let smtp = relay.settings();
    let test = TestApp::with_mail(NOW, |mail| {
        mail.transport = Transport::Smtp(smtp);
        mail.max_attachment_bytes = max_attachment_bytes;
    });
    (relay, Desk::of(test.await).await)
}

/// A report on the customer whose files are too large, and what became of it.
struct Linked {
    relay: SmtpSink,
    desk: Desk,
    user: UserId,
    report: ReportId,
    server: Server,
}

impl Linked {
    async fn new() -> Self {
        let (relay, desk) = desk_with(1_000, []).await;
        let user = desk.user(desk.customer, "jdoe@harbour.example").await;
        let report = desk.create(&sent(once(), &[user])).await.unwrap().report.id;
        desk.drain().await;
        let server = desk.test.serve().await;
        Self { relay, desk, user, report, server }
    }

    /// The path of the link in the only mail.
    fn path(&self) -> String {
        let mails = self.relay.mails();
        assert_eq!(mails.len(), 1);
        link_in(&mails[0].text)
    }

    async fn page(&self) -> Answer {
        self.server.get(&self.path()).await
    }

    /// The paths of the files that the page leads to.
    async fn files(&self) -> Vec<String> {
        let page = self.page().await;
        assert_eq!(page.status, 200, "{}", page.text());
        hrefs(&page.text())
    }
}

/// The path of the only link in a mail's text.
fn link_in(mail: &str) -> String {
    let plain = mail.replace("=\n", "").replace("=3D", "=");
    let (_, rest) = plain.split_once("https://tide.example.com").expect("a link");
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/-".contains(c))).unwrap();
    rest[..end].to_owned()
}

fn hrefs(page: &str) -> Vec<String> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_mail_beyond_the_limit_brings_a_link_that_gives_the_files_to_nobody_signed_in() {
    let linked = Linked::new().await;
    let mail = linked.relay.mails().remove(0);
    assert!(!mail.text.contains("Content-Disposition: attachment"));
    assert!(mail.text.contains("usage-report-harbour-ltd-2020-03-01-2020-03-03.csv"));
    assert!(mail.text.contains("until 2020-04-03 10:00 UTC"), "{}", mail.text);
    let page = linked.page().await;
    assert!(page.text().contains("Harbour Ltd, 2020-03-01 - 2020-03-03"), "{}", page.text());
    assert_eq!(page.header("Cache-Control"), "no-store");
    assert_eq!(page.header("Referrer-Policy"), "same-origin");
    let files = linked.files().await;
    let (mut names, mut bodies) = (Vec::new(), Vec::new());
    for path in &files {
        let file = linked.server.get(path).header("Accept-Encoding", "gzip").await;
        assert_eq!(file.status, 200);
        assert_eq!(file.header("Cache-Control"), "private, no-store");
        assert_eq!(file.header("Referrer-Policy"), "no-referrer");
        names.push(file.header("Content-Disposition").to_owned());
        bodies.push(file.text());
    }
    assert!(bodies[0].starts_with("\u{feff}Date,Tenant,"), "{}", bodies[0]);
    assert!(bodies[1].contains("<h1>Harbour Ltd"), "{}", bodies[1]);
    let name = "attachment; filename=\"usage-report-harbour-ltd-2020-03-01-2020-03-03";
    assert_eq!(names, [format!("{name}.csv\""), format!("{name}.html\"")]);
}

#[tokio::test]
async fn a_link_ends_with_its_time() {
    let linked = Linked::new().await;
    let files = linked.files().await;
    linked.desk.clock("2020-04-03T09:59:59Z");
    assert_eq!(linked.page().await.status, 200);
    linked.desk.clock("2020-04-03T10:00:00Z");
    let ended = linked.page().await;
    assert_eq!(ended.status, 410);
    assert!(
        ended.text().contains("This link has ended") && !ended.text().contains("Harbour"),
        "{}",
        ended.text()
    );
    assert_eq!(linked.server.get(&files[0]).await.status, 410);
}

#[tokio::test]
async fn a_link_that_was_touched_leads_nowhere() {
    let linked = Linked::new().await;
    let path = linked.path();
    let (before, token) = path.rsplit_once('/').unwrap();
    let file = linked.files().await.remove(0);
    let file = file.rsplit('/').next().unwrap();
    let touched = if token.ends_with('a') { 'q' } else { 'a' };
    let touched = format!("{before}/{}{touched}", &token[..token.len() - 1]);
    for path in [
        touched.clone(),
        format!("{touched}/files/{file}"),
        format!("{before}/x"),
        format!("{path}/files/{}", linked.desk.test.app.ids.other().unwrap()),
        format!("{path}/files/x"),
    ] {
        assert_eq!(linked.server.get(&path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn the_link_of_one_report_gives_no_file_of_another() {
    let linked = Linked::new().await;
    let other = linked.desk.create(&sent(once(), &[linked.user])).await.unwrap().report.id;
    linked.desk.drain().await;
    let run = linked.desk.runs(other).await.remove(0).run.id;
    let mut conn = linked.desk.test.app.read().await.unwrap();
    let foreign = store::runs::artefacts::of_run(&mut conn, run).await.unwrap().remove(0).id;
    drop(conn);
    let path = link_in(&linked.relay.mails()[0].text);
    assert_eq!(linked.server.get(&format!("{path}/files/{foreign}")).await.status, 404);
}

#[tokio::test]
async fn a_link_of_a_deleted_report_leads_nowhere() {
    let linked = Linked::new().await;
    let files = linked.files().await;
    let version = linked.desk.get(linked.report).await.report.version;
    reports::delete(&linked.desk.test.app, &linked.desk.caller, linked.report, version).await.unwrap();
    assert_eq!(linked.page().await.status, 404);
    assert_eq!(linked.server.get(&files[0]).await.status, 404);
}

#[tokio::test]
async fn a_link_opens_to_nobody_who_may_no_longer_see_the_report() {
    for change in [
        "UPDATE users SET enabled = 0 WHERE id = $1",
        "UPDATE users SET deleted_at = 1 WHERE id = $1",
        "UPDATE users SET disable_after = 1 WHERE id = $1",
    ] {
        let linked = Linked::new().await;
        let files = linked.files().await;
        linked.desk.sql(change, args![linked.user]).await;
        refused(&linked, &files).await;
    }
    let moved = Linked::new().await;
    let files = moved.files().await;
    let south = moved.desk.test.tenant(moved.desk.test.top, TenantKind::Partner, "South").await;
    moved.desk.transfer(moved.desk.customer, south).await;
    refused(&moved, &files).await;
    let closed = Linked::new().await;
    let files = closed.files().await;
    let inside = closed.desk.test.caller(closed.desk.customer, Role::CompanyAdmin).await;
    let mut conn = closed.desk.test.app.read().await.unwrap();
    let version = store::tenants::by_id(&mut conn, closed.desk.customer).await.unwrap().unwrap().version;
    drop(conn);
    let change = app::tenants::TenantChange { version, ancestral_access: Some(false), ..Default::default() };
    app::tenants::update(&closed.desk.test.app, &inside, closed.desk.customer, change).await.unwrap();
    refused(&closed, &files).await;
}

async fn refused(linked: &Linked, files: &[String]) {
    let page = linked.page().await;
    assert_eq!(page.status, 403);
    assert!(!page.text().contains("Harbour"), "{}", page.text());
    assert_eq!(linked.server.get(&files[0]).await.status, 403);
}

#[tokio::test]
async fn requests_by_link_count_as_those_of_its_recipient() {
    let relay = SmtpSink::failing([]).await;
    let smtp = relay.settings();
    let test = TestApp::with_settings(NOW, |settings| {
        settings.mail.transport = Transport::Smtp(smtp);
        settings.mail.max_attachment_bytes = 1_000;
        let (per_second, burst) = (1.try_into().unwrap(), 2.try_into().unwrap());
        settings.requests = Some(app::settings::Requests { per_second, burst });
    });
    let desk = Desk::of(test.await).await;
    let user = desk.user(desk.customer, "jdoe@harbour.example").await;
    desk.create(&sent(once(), &[user])).await.unwrap();
    desk.drain().await;
    let server = desk.test.serve().await;
    let path = link_in(&relay.mails()[0].text);
    for status in [200, 200, 429] {
        assert_eq!(server.get(&path).await.status, status);
    }
}

#[tokio::test]
async fn what_a_server_refuses_for_its_size_goes_as_a_link_at_once_and_stays_one_mail() {
    for refusal in [
        Fault::Message("552 5.3.4 message too large"),
        Fault::Data("552 too large"),
        Fault::Mail("552 5.3.4 message too large"),
        Fault::Rcpt("550 5.2.3 message too large for this mailbox"),
    ] {
        let (relay, desk) = desk_with(10 << 20, [refusal]).await;
        let user = desk.user(desk.customer, "jdoe@harbour.example").await;
        let id = desk.create(&sent(once(), &[user])).await.unwrap().report.id;
        desk.drain().await;
        let delivery = desk.deliveries(id).await.remove(0);
        assert!(matches!(delivery.state, DeliveryState::Sent { .. }), "{refusal:?}: {delivery:?}");
        assert_eq!(delivery.attempts, 1);
        let accepted: Vec<_> = relay.mails().into_iter().filter(|mail| mail.accepted).collect();
        assert_eq!(accepted.len(), 1);
        let id = format!("<{}>", delivery.message_id);
        assert_eq!(accepted[0].header("Message-ID"), Some(id.as_str()));
        link_in(&accepted[0].text);
    }
}

#[tokio::test]
async fn a_link_that_could_not_be_sent_is_sent_again_byte_for_byte() {
    let faults = [Fault::Message("552 5.3.4 too large"), Fault::Message("451 try later")];
    let (relay, desk) = desk_with(10 << 20, faults).await;
    let user = desk.user(desk.customer, "jdoe@harbour.example").await;
    desk.create(&sent(once(), &[user])).await.unwrap();
    desk.drain().await;
    desk.pass("2020-03-04T10:00:30Z").await;
    let mails = relay.mails();
    assert_eq!(mails.len(), 3, "the files are not tried a second time");
    assert_eq!(mails[1].text, mails[2].text);
    assert!(mails[2].accepted);
}

#[tokio::test]
async fn a_server_that_takes_not_even_the_link_bounces_it() {
    let full = Fault::Rcpt("552 5.2.2 mailbox full");
    let (_relay, desk) = desk_with(10 << 20, [full, full]).await;
    let user = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[user])).await.unwrap().report.id;
    desk.drain().await;
    let state = desk.deliveries(id).await.remove(0).state;
    assert_eq!(state, DeliveryState::Bounced { why: "RCPT: 552 5.2.2 mailbox full".to_owned() });
}

/// A report whose files carry a logo of 30 kB, so that its mail has more than 64 KiB with them and less without.
async fn wide(desk: &Desk) -> DeliveryState {
    let no = desk.test.no(desk.partner).await;
    let uuid = desk.test.app.ids.other().unwrap();
    let version = Version { logo_sha256: Some("logo".to_owned()), ..Version::default() };
    let mut tx = desk.test.app.write_as(Actor::System).await.unwrap();
    store::brands::insert_logo(&mut tx, "logo", vec![0; 30_000]).await.unwrap();
    store::brands::insert(&mut tx, uuid, no, &version).await.unwrap();
    tx.commit().await.unwrap();
    let user = desk.user(desk.customer, "jdoe@harbour.example").await;
    let report = desk.create(&sent(once(), &[user])).await.unwrap().report.id;
    desk.drain().await;
    desk.deliveries(report).await.remove(0).state
}

#[tokio::test]
async fn a_server_that_announces_a_limit_is_not_even_offered_more() {
    let limit = Fault::Limit(70_000);
    let (relay, desk) = desk_with(10 << 20, [limit, limit]).await;
    assert!(matches!(wide(&desk).await, DeliveryState::Sent { .. }));
    let mails = relay.mails();
    assert_eq!(mails.len(), 1, "one is sent, and none refused");
    link_in(&mails[0].text);
    assert_eq!(relay.connections(), 2);
}

#[tokio::test]
async fn a_limit_that_is_large_enough_or_hidden_changes_nothing_or_as_much() {
    let (relay, desk) = desk_with(10 << 20, [Fault::Limit(10 << 20)]).await;
    assert!(matches!(wide(&desk).await, DeliveryState::Sent { .. }));
    let mails = relay.mails();
    assert!(mails[0].text.len() > 65_536 && mails[0].text.contains("Content-Disposition: attachment"));
    let hidden = Fault::HiddenLimit(70_000);
    let (relay, desk) = desk_with(10 << 20, [hidden, hidden]).await;
    assert!(matches!(wide(&desk).await, DeliveryState::Sent { .. }));
    assert_eq!(relay.mails().iter().map(|mail| mail.accepted).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_monthly_mail_counts_the_days_of_its_link_from_when_it_leaves() {
    let (relay, desk) = desk_with(1_000, []).await;
    let user = desk.user(desk.customer, "jdoe@harbour.example").await;
    desk.create(&sent(monthly(), &[user])).await.unwrap();
    desk.pass("2020-04-01T23:59:59Z").await;
    desk.pass("2020-04-02T06:00:00Z").await;
    assert!(relay.mails()[0].text.contains("until 2020-05-02 06:00 UTC"), "{}", relay.mails()[0].text);
    assert!(at("2020-05-02T06:00:00Z") > desk.test.app.clock.now());
}
