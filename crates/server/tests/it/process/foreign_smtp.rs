//! A report mailed through an SMTP server that others wrote (aiosmtpd), and read with Python's email package.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::aiosmtpd::{Certificate, ForeignSmtp, certificate, header};
use super::channel::{Channel, PARTNER, RECIPIENTS};
use super::harness::Place;

const FROM: &str = "reports@tide.example.com";

/// Mails a report to two people through the foreign server, over this protection; gives what it took.
fn mailed(place: &Place, certificate: Option<&Certificate>) -> Vec<Value> {
    let smtp = ForeignSmtp::start(certificate);
    let mut command = place.serve_command();
    command.env("TIDEMARK_SMTP__HOST", "localhost").env("TIDEMARK_SMTP__PORT", &smtp.port);
    command.env("TIDEMARK_MAIL__FROM", format!("Tidemark <{FROM}>"));
    match certificate {
        None => command.env("TIDEMARK_SMTP__SECURITY", "none"),
        Some(certificate) => command
            .env("TIDEMARK_SMTP__SECURITY", "starttls")
            .env("TIDEMARK_SMTP__CA_FILE", &certificate.authority),
    };
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
    let mails = mailed(&place, None);
    check_all(&mails);
    assert!(mails.iter().all(|mail| mail["tls"] == false));
}

#[test]
fn a_report_is_mailed_under_starttls_with_a_certificate_of_ones_own() {
    let place = Place::new();
    let certificate = certificate(place.beside());
    let mails = mailed(&place, Some(&certificate));
    check_all(&mails);
    assert!(mails.iter().all(|mail| mail["tls"] == true));
}
