//! Names that would begin a header of their own in a mail, wherever such a name comes from.

use domain::access::Actor;
use domain::brand::Members;
use domain::ids::TenantId;
use store::args;
use store::brands::Version;

use crate::desk::{Desk, once, sent};

/// What somebody would like to add to a mail.
const EVIL: &str =
    "Anna\r\nBcc: all@example.com\r\nX-Evil: 1\r\n\r\n<script>\n.\nMAIL FROM:<x@example.com>\r";
/// Beyond ASCII, with what headers and their encodings are made of.
const ODD: &str =
    "Ünïcode 北方 =?utf-8?q?=0D=0ABcc:_x?= \"quoted\\\" <a@b>, (c); \u{202e}\u{2028}\u{85} \u{1f4a9}";

/// Sets a name below the checks that refuse such a one, as an import or an older version might have.
async fn renamed(desk: &Desk, tenant: TenantId, name: &str) {
    let no = desk.test.no(tenant).await;
    desk.sql("UPDATE tenants SET name = $2 WHERE no = $1", args![no, name]).await;
}

/// The headers of a mail, unfolded: name and value.
fn headers(mail: &str) -> Vec<(String, String)> {
    let (headers, _) = mail.split_once("\r\n\r\n").expect("headers");
    assert!(!headers.replace("\r\n", "").contains(['\r', '\n']), "no bare line break");
    assert!(headers.is_ascii(), "RFC 5322, 2.2: {headers}");
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').expect("a header");
        (name.to_owned(), value.trim().to_owned())
    };
    unfolded.split("\r\n").map(pair).collect()
}

#[tokio::test]
async fn no_name_of_a_tenant_user_or_brand_adds_a_header_or_a_part() {
    for name in [EVIL, ODD] {
        let desk = Desk::at("2020-03-04T10:00:00Z").await;
        let user = desk.user(desk.customer, "jdoe@harbour.example").await;
        let sql = "UPDATE contacts SET firstname = $2, lastname = $2
                   WHERE id = (SELECT contact_id FROM users WHERE id = $1)";
        desk.sql(sql, args![user, name]).await;
        renamed(&desk, desk.customer, name).await;
        renamed(&desk, desk.partner, name).await;
        brand(&desk, name).await;
        desk.create(&sent(once(), &[user])).await.unwrap();
        desk.drain().await;
        let mails = desk.folder();
        let [(_, mail)] = &mails[..] else { panic!("one mail, not {}", mails.len()) };
        let mut names: Vec<String> = headers(mail).into_iter().map(|(name, _)| name).collect();
        names.sort();
        let expected = ["Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];
        assert_eq!(names, expected, "{mail}");
        let value = |wanted: &str| headers(mail).into_iter().find(|(name, _)| name == wanted).unwrap().1;
        assert!(value("From").ends_with("<reports@tide.example.com>"), "{}", value("From"));
        assert!(value("To").ends_with("<jdoe@harbour.example>"), "{}", value("To"));
        assert_eq!(value("To").matches('@').count(), 1, "one recipient: {}", value("To"));
        files(mail);
    }
}

/// The names of attachments are plain whatever the tenant is called.
fn files(mail: &str) {
    let names: Vec<&str> =
        mail.split("filename=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names.len(), 2, "{mail}");
    for name in names {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        assert!(name.chars().all(plain), "{name}");
    }
}

/// A brand of the partner with this name, and an address to answer to that begins a header, made below the checks.
async fn brand(desk: &Desk, name: &str) {
    let members = Members {
        service_name: Some(name.to_owned()),
        company_name: Some(name.to_owned()),
        smtp_reply_address: Some("x@example.com\r\nBcc: all@example.com".to_owned()),
        ..Members::default()
    };
    let version = Version { members, ..Version::default() };
    let no = desk.test.no(desk.partner).await;
    let uuid = desk.test.app.ids.other().unwrap();
    let mut tx = desk.test.app.write_as(Actor::System).await.unwrap();
    store::brands::insert(&mut tx, uuid, no, &version).await.unwrap();
    tx.commit().await.unwrap();
}
