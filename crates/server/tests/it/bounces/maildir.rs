//! A maildir on this machine.

use std::path::Path;

use app::settings::Mailbox;
use domain::delivery::DeliveryState;
use testkit::Directory;

use super::{Returning, report, returned};

struct Maildir(Directory);

impl Maildir {
    fn new() -> Self {
        let directory = Directory::new();
        for folder in ["new", "cur", "tmp"] {
            std::fs::create_dir(directory.path().join(folder)).unwrap();
        }
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    async fn returning(&self) -> Returning {
        Returning::into(Some(Mailbox::Maildir(self.path().to_owned()))).await
    }

    fn deliver(&self, name: &str, message: impl AsRef<[u8]>) {
        std::fs::write(self.path().join("new").join(name), message).unwrap();
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path().join(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_failure_bounces_its_delivery_and_no_other_one_and_once() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let (first, address) = returning.mailed("first@harbour.example").await;
    let (second, _) = returning.mailed("second@harbour.example").await;
    maildir.deliver("1.a", report(&address, "failed", "5.1.1"));
    returning.look().await;
    assert_eq!(returning.state(first).await, returned());
    assert!(matches!(returning.state(second).await, DeliveryState::Sent { .. }));
    assert_eq!((maildir.names("new"), maildir.names("cur")), (vec![], vec!["1.a:2,S".to_owned()]));

    let changes = changes(&returning).await;
    maildir.deliver("2.a", report(&address, "failed", "5.9.9"));
    maildir.deliver("3.a", report(&address, "delayed", "4.0.0"));
    returning.look().await;
    assert_eq!(returning.state(first).await, returned(), "what is repeated changes nothing");
    assert_eq!(changes, self::changes(&returning).await);
    assert_eq!(maildir.names("cur"), ["1.a:2,S", "2.a:2,S", "3.a:2,S"]);
}

async fn changes(returning: &Returning) -> i64 {
    let mut conn = returning.desk.test.app.read().await.unwrap();
    conn.count("SELECT COUNT(*) AS n FROM changes", Vec::new()).await.unwrap()
}

#[tokio::test]
async fn a_delay_is_noted_and_a_delivery_changes_nothing() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let (id, address) = returning.mailed("first@harbour.example").await;
    let sent = returning.state(id).await;
    maildir.deliver("1.a", report(&address, "relayed", "2.0.0"));
    returning.look().await;
    assert_eq!((returning.state(id).await, returning.delay(id).await), (sent.clone(), None));
    maildir.deliver("2.a", report(&address, "delayed", "4.4.1"));
    returning.look().await;
    assert_eq!(returning.state(id).await, sent);
    assert_eq!(returning.delay(id).await.as_deref(), Some("4.4.1: smtp; 550 No such user"));
    maildir.deliver("3.a", report(&address, "failed", "5.1.1"));
    returning.look().await;
    assert_eq!(returning.state(id).await, returned(), "and at last it failed");
}

#[tokio::test]
async fn without_the_proof_in_its_address_nothing_is_changed() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let (first, address) = returning.mailed("first@harbour.example").await;
    let (local, domain) = address.split_once('@').unwrap();
    let last = if local.ends_with('a') { 'q' } else { 'a' };
    let forged = format!("{}{last}@{domain}", &local[..local.len() - 1]);
    let message_id = returning.desk.deliveries(first).await.remove(0).message_id;
    let by_message_id = report("bounces@tide.example.com", "failed", "5.1.1")
        .replace("Subject: Usage report", &format!("Message-ID: <{message_id}>"));
    let in_the_text = report("bounces@tide.example.com", "failed", "5.1.1").replace("I am sorry.", &address);
    for (name, message) in [
        ("1", report(&forged, "failed", "5.1.1")),
        ("2", by_message_id),
        ("3", in_the_text),
        ("4", report("reports@tide.example.com", "failed", "5.1.1")),
    ] {
        maildir.deliver(name, message);
    }
    returning.look().await;
    assert!(matches!(returning.state(first).await, DeliveryState::Sent { .. }));
    assert_eq!(maildir.names("cur"), ["1:2,S", "2:2,S", "3:2,S", "4:2,S"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_marked_and_holds_nothing_up() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let (id, address) = returning.mailed("first@harbour.example").await;
    maildir.deliver("1.empty", "");
    maildir.deliver("2.vague", report(&address, "pondered", "5.1.1"));
    maildir.deliver("3.noise", (0..=255_u8).cycle().take(1 << 20).collect::<Vec<u8>>());
    let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    maildir.deliver("4.deep", format!("To: {address}\r\n{deep}"));
    std::fs::create_dir(maildir.path().join("new/5.folder")).unwrap();
    let large = report(&address, "failed", "5.1.1").replace("figures", &"figures ".repeat(4 << 20));
    maildir.deliver("6.large", large);
    returning.look().await;
    assert_eq!(returning.state(id).await, returned(), "of 32 MiB the beginning is enough");
    assert_eq!(maildir.names("new"), ["5.folder"]);
    let cur = maildir.names("cur");
    for name in ["1.empty:2,F", "2.vague:2,F", "4.deep:2,F", "6.large:2,S"] {
        assert!(cur.iter().any(|found| found == name), "{name} in {cur:?}");
    }
}

#[tokio::test]
async fn a_report_that_overtakes_the_answer_of_the_server_waits_for_it() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let (id, address) = returning.mailed("first@harbour.example").await;
    let desk = &returning.desk;
    desk.sql("UPDATE deliveries SET status = 'sending', detail = NULL", vec![]).await;
    maildir.deliver("1.a", report(&address, "failed", "5.1.1"));
    returning.look().await;
    assert_eq!(returning.state(id).await, DeliveryState::Sending);
    assert_eq!(maildir.names("new"), ["1.a"]);
    desk.sql("UPDATE deliveries SET status = 'sent', detail = '250 ok'", vec![]).await;
    returning.look().await;
    assert_eq!(returning.state(id).await, returned());
}

#[tokio::test]
async fn two_nodes_read_one_maildir() {
    let maildir = Maildir::new();
    let returning = maildir.returning().await;
    let other = returning.desk.test.another_node().await;
    let mut ids = Vec::new();
    for at in 0..8 {
        let (id, address) = returning.mailed(&format!("user{at}@harbour.example")).await;
        maildir.deliver(&format!("{at}"), report(&address, "failed", "5.1.1"));
        ids.push(id);
    }
    let (one, two) = tokio::join!(app::bounces::look(&returning.desk.test.app), app::bounces::look(&other));
    one.unwrap();
    two.unwrap();
    for id in ids {
        assert_eq!(returning.state(id).await, returned());
    }
    assert_eq!((maildir.names("new").len(), maildir.names("cur").len()), (0, 8));
}

#[tokio::test]
async fn a_maildir_that_is_not_there_is_no_fault_of_the_job() {
    let returning = Returning::into(Some(Mailbox::Maildir("/nowhere/at/all".into()))).await;
    returning.look().await;
}
