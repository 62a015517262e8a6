//! The activation of a new user, from the administrator's call to the first sign-in.

use app::settings::Transport;
use domain::ids::UserId;
use serde_json::{Value, json};
use testkit::{Answer, Fault, Server, SmtpSink, TestApp, at};

use super::{customer_with_admin, id_of, post};

const PASSWORD: &str = "an old lighthouse";

/// A served app whose mails go to a relay, with a new user.
struct Desk {
    test: TestApp,
    server: Server,
    relay: SmtpSink,
    token: String,
    user: UserId,
}

impl Desk {
    async fn with(language: &str, faults: impl IntoIterator<Item = Fault>) -> Self {
        let relay = SmtpSink::failing(faults).await;
        let smtp = relay.settings();
        let test =
            TestApp::with_mail("2026-05-08T10:00:00Z", |mail| mail.transport = Transport::Smtp(smtp)).await;
        let (customer, caller) = customer_with_admin(&test).await;
        let body = json!({"tenant_id": customer, "login": "jdoe", "language": language,
            "contact": {"email": "jdoe@harbour.example"}});
        let user = id_of(&post(&test, &caller, &body).await.unwrap());
        let server = test.serve().await;
        let token = server.token(&test.client_id, &test.client_secret).await;
        Self { test, server, relay, token, user }
    }

    async fn ask(&self) -> Answer {
        let path = format!("/api/2/users/{}/send-activation-email", self.user);
        self.server.post(&path).bearer(&self.token).await
    }

    /// The texts of the mails that the relay took so far, unfolded.
    async fn mails(&self) -> Vec<String> {
        app::jobs::drain(&self.test.app).await.unwrap();
        let mails = self.relay.mails();
        mails.iter().filter(|mail| mail.accepted).map(|mail| mail.text.replace("=\n", "")).collect()
    }

    /// Asks for a mail, and gives the path of the link in it.
    async fn link(&self) -> String {
        self.ask().await.expect(204);
        link(self.mails().await.last().expect("a mail"))
    }

    async fn user(&self) -> Value {
        self.server.get(&format!("/api/2/users/{}", self.user)).bearer(&self.token).await.ok()
    }

    async fn choose(&self, link: &str, password: &str, again: &str) -> Answer {
        let form = [("username", "jdoe"), ("password", password), ("password_again", again)];
        self.server.post(link).form(&form).await
    }

    async fn sign_in(&self) -> u16 {
        let form = [("grant_type", "password"), ("username", "jdoe"), ("password", PASSWORD)];
        self.server.post("/api/2/idp/token").form(&form).await.status
    }
}

fn link(mail: &str) -> String {
    let (_, link) = mail.split_once("https://tide.example.com").expect("a link to public_url");
    link.chars().take_while(|c| !c.is_whitespace()).collect()
}

#[tokio::test]
async fn a_new_user_chooses_its_password_behind_the_link_of_a_mail() {
    let desk = Desk::with("en", []).await;
    let link = desk.link().await;
    let mail = desk.relay.mails().remove(0);
    assert_eq!(
        (mail.to.as_str(), mail.header("Subject")),
        ("jdoe@harbour.example", Some("Activate your account"))
    );
    assert!(mail.text.contains("Your login: jdoe"), "{}", mail.text);
    assert_eq!(desk.mails().await.len(), 1, "a mail that was sent is not sent again");

    let page = desk.server.get(&link).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!((page.header("referrer-policy"), page.header("cache-control")), ("same-origin", "no-store"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for part in ["<form method=\"post\">", "name=\"password\"", "name=\"password_again\"", "jdoe"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    for (password, again, why) in [
        (PASSWORD, "an old lightship", "The two passwords are not the same."),
        ("short", "short", "A password has 8 to 256 characters."),
    ] {
        let again = desk.choose(&link, password, again).await;
        assert_eq!(again.status, 200);
        assert!(again.text().contains(why) && again.text().contains("<form"), "{}", again.text());
    }
    let missing = desk.server.post(&link).form(&[("password", PASSWORD)]).await.expect(400);
    assert_eq!(missing["error"]["details"]["info"], "password_again: required");
    desk.server.post(&link).json(json!({"password": PASSWORD, "password_again": PASSWORD})).await.expect(415);
    assert_eq!((&desk.user().await["activated"], desk.sign_in().await), (&json!(false), 401));

    let done = desk.choose(&link, PASSWORD, PASSWORD).await;
    assert!(done.status == 200 && done.text().contains("Your account is active."), "{}", done.text());
    let user = desk.user().await;
    assert_eq!((&user["activated"], &user["version"]), (&json!(true), &json!(2)));
    assert_eq!(desk.sign_in().await, 200);
    desk.server.get(&link).await.expect(404);
    desk.choose(&link, "another lighthouse", "another lighthouse").await.expect(404);
    assert_eq!(desk.sign_in().await, 200);
    desk.ask().await.expect(204);
    assert_eq!(desk.mails().await.len(), 1, "an activated user gets no mail");
}

#[tokio::test]
async fn of_two_clicks_at_the_same_moment_one_wins() {
    let desk = Desk::with("en", []).await;
    let link = desk.link().await;
    let both = tokio::join!(
        desk.choose(&link, PASSWORD, PASSWORD),
        desk.choose(&link, "another lighthouse", "another lighthouse")
    );
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 404]);
    assert_eq!(desk.sign_in().await == 200, both.0.status == 200);
}

#[tokio::test]
async fn mail_and_page_speak_the_users_language() {
    let desk = Desk::with("de", []).await;
    let link = desk.link().await;
    let mail = desk.relay.mails().remove(0);
    assert_eq!(mail.header("Subject"), Some("Aktivieren Sie Ihr Konto"));
    let page = desk.server.get(&link).await.text();
    assert!(page.contains("<html lang=\"de\">") && page.contains("Dasselbe Passwort noch einmal:"), "{page}");
    let wrong = desk.choose(&link, "kurz", "kurz").await.text();
    assert!(wrong.contains("Ein Passwort hat 8 bis 256 Zeichen."), "{wrong}");
}

#[tokio::test]
async fn a_relay_that_is_down_gets_the_mail_later() {
    let desk = Desk::with("en", [Fault::Greeting("421 not now"), Fault::Message("451 try later")]).await;
    desk.ask().await.expect(204);
    assert_eq!(desk.mails().await.len(), 0);
    for later in ["2026-05-08T11:00:00Z", "2026-05-08T12:00:00Z"] {
        desk.test.clock.set(at(later));
        app::jobs::drain(&desk.test.app).await.unwrap();
    }
    assert_eq!(desk.mails().await.len(), 1);
}

#[tokio::test]
async fn a_link_ends_with_a_later_one_after_three_days_and_with_the_address() {
    let desk = Desk::with("en", []).await;
    let first = desk.link().await;
    let second = desk.link().await;
    desk.server.get(&first).await.expect(404);
    assert_eq!(desk.server.get(&second).await.status, 200);
    desk.test.clock.set(at("2026-05-11T09:59:59Z"));
    assert_eq!(desk.server.get(&second).await.status, 200);
    desk.test.clock.set(at("2026-05-11T10:00:00Z"));
    desk.choose(&second, PASSWORD, PASSWORD).await.expect(404);
    desk.test.clock.set(at("2026-05-08T10:00:00Z"));

    let path = format!("/api/2/users/{}", desk.user);
    let body = json!({"version": 1, "contact": {"email": "jane@harbour.example"}});
    desk.server.put(&path).bearer(&desk.token).json(body).await.ok();
    desk.choose(&second, PASSWORD, PASSWORD).await.expect(404);
    let third = desk.link().await;
    assert_eq!(desk.relay.mails().last().unwrap().to, "jane@harbour.example");
    assert_eq!(desk.choose(&third, PASSWORD, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_body_may_be_missing_empty_or_an_object_and_a_user_without_address_gets_no_mail() {
    let desk = Desk::with("en", []).await;
    let path = format!("/api/2/users/{}/send-activation-email/", desk.user);
    let call = || desk.server.post(&path).bearer(&desk.token);
    call().await.expect(204);
    call().json(json!({})).await.expect(204);
    call().untyped("").await.expect(204);
    call().json(json!([1])).await.expect(400);
    call().raw("text/plain", "{}").await.expect(415);
    let body = json!({"version": 1, "contact": {"email": ""}});
    desk.server.put(&format!("/api/2/users/{}", desk.user)).bearer(&desk.token).json(body).await.ok();
    assert_eq!(call().await.expect(400)["error"]["code"], 1027);
    assert_eq!(desk.mails().await.len(), 0, "the mail that waited had the old address");
}

#[tokio::test]
async fn the_link_is_nowhere_in_clear_in_the_database() {
    let desk = Desk::with("en", []).await;
    let link = desk.link().await;
    let token = link.rsplit('/').next().unwrap();
    assert!(!desk.test.database.holds(token.as_bytes()).await);
}

#[tokio::test]
async fn the_pages_behind_links_bear_the_brand_of_the_users_tenant() {
    const LOGO: &[u8] = include_bytes!("../../../../render/tests/logo.png");
    let desk = Desk::with("en", []).await;
    let link = desk.link().await;
    let plain_page = desk.server.get(&link).await;
    let plain = plain_page.text();
    assert!(plain.contains("#0b5a6b") && !plain.contains("class=\"brand\""), "{plain}");
    let brand = format!("/api/2/tenants/{}/brand", desk.test.top);
    let look = json!({"company_name": "Coast <IT>", "color": "#8a2be2"});
    desk.server.post(&format!("{brand}?version=1")).bearer(&desk.token).json(look).await.expect(201);
    let logo = desk.server.post(&format!("{brand}/logo?version=2")).bearer(&desk.token);
    logo.raw("image/png", LOGO).await.expect(201);
    let page = desk.server.get(&link).await;
    for part in ["Coast &#60;IT&#62;", "#8a2be2", "<img src=\"data:image/png;base64,"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    assert!(!page.text().contains("#0b5a6b"), "{}", page.text());
    let policy = page.header("content-security-policy");
    assert!(policy.contains("style-src 'sha256-") && policy.contains("img-src data:"), "{policy}");
    assert_ne!(policy, plain_page.header("content-security-policy"), "another style has another sum");
    let done = desk.choose(&link, PASSWORD, PASSWORD).await.text();
    assert!(done.contains("Coast &#60;IT&#62;"), "{done}");
}
