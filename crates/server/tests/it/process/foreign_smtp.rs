//! A report mailed through an SMTP server that others wrote (aiosmtpd), and read with Python's email package.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::aiosmtpd::{ForeignSmtp, certificate, header};
use super::channel::{Channel, PARTNER, RECIPIENTS};
use super::harness::Place;

const FROM: &str = "reports@tide.example.com";

/// A server that mails through the foreign one, under STARTTLS where it trusts an authority.
fn mailing(place: &Place, smtp: &ForeignSmtp, authority: Option<&Path>) -> Command {
    let mut command = place.serve_command();
    command.env("TIDEMARK_SMTP__HOST", "localhost").env("TIDEMARK_SMTP__PORT", &smtp.port);
    command.env("TIDEMARK_MAIL__FROM", format!("Tidemark <{FROM}>"));
    match authority {
        None => command.env("TIDEMARK_SMTP__SECURITY", "none"),
        Some(authority) => {
            command.env("TIDEMARK_SMTP__SECURITY", "starttls").env("TIDEMARK_SMTP__CA_FILE", authority)
        }
    };
    command
}

fn with_login(command: &mut Command, password: &str) {
    command.env("TIDEMARK_SMTP__USER", "tide").env("TIDEMARK_SMTP__PASSWORD", password);
}

/// Mails a report to two people through the foreign server; gives what it took.
fn mailed(place: &Place, smtp: &ForeignSmtp, command: Command) -> Vec<Value> {
    let serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.post("/reports", &channel.order("send"));
    let mails = vec![smtp.mail(), smtp.mail()];
    for mail in &mails {
        check(mail, &channel);
    }
    mails
}

fn content(part: &Value) -> String {
    let bytes = STANDARD.decode(part["content"].as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// One mail, member by member.
fn check(mail: &Value, channel: &Channel) {
    assert_eq!(mail["from"], FROM);
    assert_eq!(header(mail, "From"), format!("Tidemark <{FROM}>"));
    let to = mail["to"].as_array().unwrap();
    assert_eq!(to.len(), 1, "a mail to each");
    assert!(header(mail, "To").contains(to[0].as_str().unwrap()));
    let today = &channel.today;
    assert_eq!(header(mail, "Subject"), format!("Usage report: {PARTNER}, {today} - {today}"));
    assert_eq!(header(mail, "MIME-Version"), "1.0");
    assert!(mail["sent_at"].as_str().unwrap().starts_with(today), "{mail}");
    assert_eq!(mail["header_defects"], serde_json::json!([]));
    assert!(
        mail["longest_line"].as_u64().unwrap() <= 998 && mail["bare_breaks"] == false,
        "RFC 5322, 2.1.1 and 2.3"
    );
    let body = &mail["body"];
    no_defects(body);
    assert_eq!(body["type"], "multipart/mixed");
    let [words, csv, html] = body["parts"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!(words["type"], "multipart/alternative");
    let [plain, rich] = words["parts"].as_array().unwrap().as_slice() else { panic!("{words}") };
    assert_eq!((plain["type"].as_str(), rich["type"].as_str()), (Some("text/plain"), Some("text/html")));
    for text in [content(plain), content(rich)] {
        assert!(
            text.contains(PARTNER) && text.contains(today) && text.contains("Virtual machines"),
            "{text}"
        );
    }
    let name = format!("usage-report-north-partner-{today}-{today}");
    for (part, kind) in [(csv, "csv"), (html, "html")] {
        assert_eq!(part["disposition"], "attachment");
        assert_eq!(part["type"], format!("text/{kind}"));
        assert_eq!(part["charset"], "utf-8");
        assert_eq!(part["name"], format!("{name}.{kind}"));
    }
    assert!(content(csv).starts_with("\u{feff}Date,Tenant,Kind,Customer ID,"), "{}", content(csv));
    assert!(content(html).contains("<table"));
}

fn no_defects(part: &Value) {
    assert_eq!(part["defects"], serde_json::json!([]), "{}", part["type"]);
    part["parts"].as_array().unwrap().iter().for_each(no_defects);
}

fn check_all(mails: &[Value]) {
    let to: BTreeSet<_> = mails.iter().map(|mail| mail["to"][0].as_str().unwrap()).collect();
    assert_eq!(to, BTreeSet::from(RECIPIENTS));
    let ids: BTreeSet<_> = mails.iter().map(|mail| header(mail, "Message-ID")).collect();
    assert_eq!(ids.len(), mails.len(), "an id of its own for each: {ids:?}");
    assert!(ids.iter().all(|id| id.starts_with('<') && id.ends_with("@127.0.0.1>")), "{ids:?}");
}

#[test]
fn a_report_is_mailed_through_a_foreign_server() {
    let place = Place::new();
    let smtp = ForeignSmtp::start(None, None);
    let mails = mailed(&place, &smtp, mailing(&place, &smtp, None));
    check_all(&mails);
    assert!(mails.iter().all(|mail| mail["tls"] == false));
}

#[test]
fn a_report_is_mailed_under_starttls_with_a_certificate_of_ones_own() {
    let place = Place::new();
    let certificate = certificate(place.beside());
    let smtp = ForeignSmtp::start(Some(&certificate), None);
    let mails = mailed(&place, &smtp, mailing(&place, &smtp, Some(&certificate.authority)));
    check_all(&mails);
    assert!(mails.iter().all(|mail| mail["tls"] == true));
}

#[test]
fn a_relay_that_wants_a_login_gets_it_by_the_mechanism_it_has() {
    for mechanism in ["PLAIN", "LOGIN"] {
        let place = Place::new();
        let certificate = certificate(place.beside());
        let smtp = ForeignSmtp::start(Some(&certificate), Some(mechanism));
        let mut command = mailing(&place, &smtp, Some(&certificate.authority));
        with_login(&mut command, "s3cret");
        let mails = mailed(&place, &smtp, command);
        assert!(mails.iter().all(|mail| mail["login"] == format!("{mechanism} tide")), "{mails:?}");
    }
}

/// Orders a mail that the foreign server is not to get; gives what the log says about it.
fn held_back(place: &Place, smtp: ForeignSmtp, command: Command) -> String {
    let mut serving = place.serve_by(command);
    let channel = Channel::make(&serving, &place.first.tenant_id.to_string());
    serving.post("/reports", &channel.order("send"));
    serving.process.logged("mails wait");
    serving.process.terminate();
    assert_eq!(serving.process.ended().code(), Some(0));
    assert_eq!(smtp.rest(), Vec::<Value>::new());
    let log = serving.process.whole_log();
    let line = log.lines().find(|line| line.contains("mails wait")).unwrap();
    assert!(line.contains("WARN"), "{line}");
    line.to_owned()
}

#[test]
fn a_relay_whose_certificate_is_not_trusted_gets_no_mail() {
    let place = Place::new();
    let certificate = certificate(place.beside());
    let smtp = ForeignSmtp::start(Some(&certificate), None);
    let command = mailing(&place, &smtp, Some(Path::new("")));
    let line = held_back(&place, smtp, command);
    assert!(line.contains("STARTTLS: ") && line.contains("certificate"), "{line}");
}

#[test]
fn a_relay_without_starttls_gets_no_mail_in_the_clear() {
    let place = Place::new();
    let smtp = ForeignSmtp::start(None, None);
    let command = mailing(&place, &smtp, Some(Path::new("")));
    let line = held_back(&place, smtp, command);
    assert!(line.contains("STARTTLS is not supported"), "{line}");
}

#[test]
fn a_relay_that_refuses_the_login_pauses_all_mails() {
    let place = Place::new();
    let certificate = certificate(place.beside());
    let smtp = ForeignSmtp::start(Some(&certificate), Some("PLAIN"));
    let mut command = mailing(&place, &smtp, Some(&certificate.authority));
    with_login(&mut command, "s3cret no more");
    let line = held_back(&place, smtp, command);
    assert!(line.contains("AUTH: 535") && !line.contains("s3cret"), "{line}");
}
