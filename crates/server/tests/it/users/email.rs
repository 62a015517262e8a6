//! A new address of an activated user, from the PUT to the click in the mail.

use domain::ids::UserId;
use serde_json::{Value, json};
use store::args;
use testkit::{Server, TestApp, at};

use super::{create, customer_with_admin, id_of};

const OLD: &str = "jdoe@harbour.example";
const NEW: &str = "jane@harbour.example";

/// A served app with an activated user, and a token of an administrator.
struct Desk {
    test: TestApp,
    server: Server,
    token: String,
    user: UserId,
}

impl Desk {
    async fn new() -> Self {
        let test = TestApp::at("2026-05-08T10:00:00Z").await;
        let (customer, caller) = customer_with_admin(&test).await;
        let user = id_of(&create(&test, &caller, customer, "jdoe").await.unwrap());
        let mut tx = test.app.write(&caller).await.unwrap();
        tx.run("UPDATE users SET activated = 1 WHERE id = $1", args![user]).await.unwrap();
        tx.commit().await.unwrap();
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, token, user }
    }

    async fn ask(&self, email: &str) -> Value {
        let path = format!("/api/2/users/{}", self.user);
        let body = json!({"version": 1, "contact": {"email": email}});
        self.server.put(&path).bearer(&self.token).json(body).await.ok()
    }

    async fn user(&self) -> Value {
        self.server.get(&format!("/api/2/users/{}", self.user)).bearer(&self.token).await.ok()
    }

    /// The mails written so far.
    async fn mails(&self) -> Vec<String> {
        app::jobs::drain(&self.test.app).await.unwrap();
        let folder = std::fs::read_dir(self.test.directory.path().join("mail")).into_iter().flatten();
        folder.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }
}

/// The path of the link in a mail, whose lines may be folded.
fn link(mail: &str) -> String {
    let text = mail.replace("=\r\n", "");
    let (_, link) = text.split_once("https://tide.example.com").expect("a link to public_url");
    link.chars().take_while(|c| !c.is_whitespace()).collect()
}

#[tokio::test]
async fn the_old_address_confirms_the_new_one() {
    let desk = Desk::new().await;
    assert_eq!(desk.ask(NEW).await["contact"]["email"], OLD);
    let mails = desk.mails().await;
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert!(mail.contains(&format!("To: {OLD}\r\n")), "{mail}");
    assert_eq!(desk.mails().await.len(), 1, "a mail that was sent is not sent again");

    let link = link(mail);
    let page = desk.server.get(&link).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, "same-origin"));
    assert!(page.text().contains(NEW) && page.text().contains("<form method=\"post\">"), "{}", page.text());
    assert_eq!(desk.user().await["contact"]["email"], OLD, "opening the link changes nothing");
    assert!(desk.server.post(&link).await.text().contains(NEW));
    let user = desk.user().await;
    assert_eq!((&user["version"], &user["contact"]["email"]), (&json!(2), &json!(NEW)));
    desk.server.post(&link).await.expect(404);
    desk.server.get(&link).await.expect(404);
}

#[tokio::test]
async fn a_later_change_and_a_day_end_a_link() {
    let desk = Desk::new().await;
    desk.ask("first@harbour.example").await;
    let first = link(&desk.mails().await[0]);
    desk.ask(NEW).await;
    let mails = desk.mails().await;
    let second = mails.iter().map(|mail| link(mail)).find(|link| *link != first).expect("a second link");
    desk.server.get(&first).await.expect(404);
    assert_eq!(desk.server.get(&second).await.status, 200);
    desk.test.clock.set(at("2026-05-09T10:00:00Z"));
    desk.server.post(&second).await.expect(404);
    desk.test.clock.set(at("2026-05-08T10:00:00Z"));
    assert_eq!(desk.user().await["contact"]["email"], OLD);
}

#[tokio::test]
async fn the_link_is_nowhere_in_clear_in_the_database() {
    let desk = Desk::new().await;
    desk.ask(NEW).await;
    let link = link(&desk.mails().await[0]);
    let token = link.rsplit('/').next().unwrap();
    assert!(!desk.test.database.holds(token.as_bytes()).await);
}
