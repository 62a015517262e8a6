//! The way of a mail that comes back, with the program as operators run it: out through a mail server that others wrote,
//! and back through a maildir.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::aiosmtpd::{ForeignSmtp, header};
use super::channel::Channel;
use super::harness::{Place, Serving, wait_for};
use crate::bounces::report;

fn returning(place: &Place, smtp: &ForeignSmtp, maildir: &Path) -> Command {
    let mut command = place.serve_command();
    command.env("TIDEMARK_SMTP__HOST", "localhost").env("TIDEMARK_SMTP__PORT", &smtp.port);
    command.env("TIDEMARK_SMTP__SECURITY", "none").env("TIDEMARK_MAIL__FROM", "reports@tide.example.com");
    command.env("TIDEMARK_MAIL__BOUNCE_ADDRESS", "bounces@tide.example.com");
    command.env("TIDEMARK_BOUNCES__MAILDIR", maildir);
    command
}

fn shows(serving: &Serving, metric: &str) -> bool {
    serving.client.get("/metrics").bearer(&serving.token).send().text().lines().any(|line| line == metric)
}

#[test]
fn a_mail_comes_back_to_an_address_of_its_own_and_is_bounced() {
    let place = Place::new();
    let smtp = ForeignSmtp::start(None, None);
    let maildir = place.beside().join("maildir");
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(maildir.join(folder)).unwrap();
    }
    let serving = place.serve_by(returning(&place, &smtp, &maildir));
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.post("/reports", &channel.order("send"));
    let mails = [smtp.mail(), smtp.mail()];
    let senders: BTreeSet<&str> = mails.iter().map(|mail| mail["from"].as_str().unwrap()).collect();
    assert_eq!(senders.len(), 2, "{senders:?}");
    for (mail, sender) in mails.iter().map(|mail| (mail, mail["from"].as_str().unwrap())) {
        assert!(sender.starts_with("bounces+") && sender.ends_with("@tide.example.com"), "{sender}");
        assert_eq!(header(mail, "From"), "reports@tide.example.com");
    }
    assert!(shows(&serving, "tidemark_bounces_total{outcome=\"bounced\"} 0"), "before there is one");
    wait_for("the answers", || shows(&serving, "tidemark_deliveries_pending 0").then_some(()));
    // The mailbox is looked at once a minute, and at once at a start.
    serving.kill();
    let sender = senders.first().unwrap();
    std::fs::write(maildir.join("new/1.mail"), report(sender, "failed", "5.1.1")).unwrap();
    let serving = place.serve_by(returning(&place, &smtp, &maildir));
    let bounced = "tidemark_bounces_total{outcome=\"bounced\"} 1";
    wait_for("a bounce", || shows(&serving, bounced).then_some(()));
    wait_for("its mark", || maildir.join("cur/1.mail:2,S").exists().then_some(()));
    serving.process.logged("the mail came back");
}
