//! Mails that come back: to an address of their own, read from a maildir and from a real IMAP server.

mod dovecot;
mod imap;
mod maildir;

use app::bounces;
use app::settings::{BounceAddress, Bounces, Mailbox, Transport};
use domain::delivery::DeliveryState;
use domain::ids::ReportId;
use testkit::{SmtpSink, TestApp};

use crate::desk::{Desk, once, sent};

/// A desk whose mails come back, and the relay that takes them.
pub(crate) struct Returning {
    pub(crate) desk: Desk,
    pub(crate) relay: SmtpSink,
}

impl Returning {
    pub(crate) async fn into(mailbox: Option<Mailbox>) -> Self {
        let relay = SmtpSink::failing([]).await;
        let smtp = relay.settings();
        let address = BounceAddress::parse("bounces@tide.example.com").unwrap();
        let test = TestApp::with_mail("2020-03-04T10:00:00Z", |mail| {
            mail.transport = Transport::Smtp(smtp);
            mail.bounces = Some(Bounces { address, mailbox });
        });
        Self { desk: Desk::of(test.await).await, relay }
    }

    /// A report mailed to a new user, and the address that its mail comes back to.
    pub(crate) async fn mailed(&self, email: &str) -> (ReportId, String) {
        let user = self.desk.user(self.desk.customer, email).await;
        let id = self.desk.create(&sent(once(), &[user])).await.unwrap().report.id;
        self.desk.drain().await;
        assert!(matches!(self.state(id).await, DeliveryState::Sent { .. }));
        let mail = self.relay.mails().into_iter().find(|mail| mail.to == email).unwrap();
        (id, mail.from)
    }

    pub(crate) async fn state(&self, id: ReportId) -> DeliveryState {
        self.desk.deliveries(id).await.remove(0).state
    }

    pub(crate) async fn delay(&self, id: ReportId) -> Option<String> {
        let (desk, delivery) = (&self.desk, self.desk.deliveries(id).await.remove(0));
        let shown = app::deliveries::get(&desk.test.app, &desk.caller, delivery.id).await.unwrap();
        shown.delay().map(str::to_owned)
    }

    pub(crate) async fn look(&self) {
        bounces::look(&self.desk.test.app).await.unwrap();
    }
}

/// What a mail server writes to this address about a mail.
pub(crate) fn report(to: &str, action: &str, status: &str) -> String {
    [
        "Return-Path: <>",
        &format!("Delivered-To: {to}"),
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.com>",
        &format!("To: {to}"),
        "Subject: Undelivered Mail Returned to Sender",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b/1\"",
        "",
        "--b/1",
        "Content-Type: text/plain",
        "",
        "I am sorry.",
        "--b/1",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.com",
        "",
        "Final-Recipient: rfc822; jdoe@harbour.example",
        &format!("Action: {action}"),
        &format!("Status: {status}"),
        "Diagnostic-Code: smtp; 550 No such user",
        "--b/1",
        "Content-Type: message/rfc822",
        "",
        "Subject: Usage report",
        "",
        "figures",
        "--b/1--",
        "",
    ]
    .join("\r\n")
}

pub(crate) fn returned() -> DeliveryState {
    DeliveryState::Bounced { why: "returned: 5.1.1: smtp; 550 No such user".to_owned() }
}

#[tokio::test]
async fn each_delivery_has_an_address_of_its_own_to_come_back_to() {
    let returning = Returning::into(None).await;
    let (_, first) = returning.mailed("first@harbour.example").await;
    let (_, second) = returning.mailed("second@harbour.example").await;
    assert_ne!(first, second);
    for address in [first, second] {
        let (local, domain) = address.split_once('@').unwrap();
        assert!(local.starts_with("bounces+") && local.len() <= 64, "{local}");
        assert_eq!(domain, "tide.example.com");
    }
    let mail = returning.relay.mails().remove(0);
    assert_eq!(mail.header("From"), Some("Tidemark <reports@tide.example.com>"), "people see the sender");
    returning.look().await;
}
