//! The login page, the cookie of the browser session, and what ends it.

use domain::time::Instant;
use store::args;

use super::browser::{hidden, next};
use super::*;

const SESSION: &str = "__Host-tidemark_session";

/// Whether a browser is signed in.
async fn is_in(browser: &mut Browser<'_>) -> bool {
    let page = browser.get("/device").await.text();
    assert!(page.contains("<form"), "{page}");
    !page.contains("action=\"/login\"")
}

fn cookie(answer: &Answer, name: &str) -> String {
    let cookies = answer.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
    cookies.filter(|cookie| cookie.starts_with(&format!("{name}="))).collect()
}

#[tokio::test]
async fn the_session_cookie_is_for_this_host_alone_and_no_script() {
    let scene = scene().await;
    let mut browser = Browser::new(&scene.server);
    let answer = browser.sign_in("anna", "right").await;
    let cookie = cookie(&answer, SESSION);
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure");
    let secret = pair.split_once('=').unwrap().1;
    assert!(is_in(&mut browser).await);
    let sql = "SELECT COUNT(*) AS n FROM browser_sessions WHERE sha256 <> $1 AND LENGTH(sha256) = 64";
    let hashed = scene.test.app.read().await.unwrap().count(sql, args![secret]).await.unwrap();
    assert_eq!(hashed, 1, "a hash is stored");
}

#[tokio::test]
async fn over_plain_http_the_cookies_are_kept_too() {
    let scene = scene_at("http://127.0.0.1:8080").await;
    let mut browser = Browser::new(&scene.server);
    let answer = browser.sign_in("anna", "right").await;
    let cookie = cookie(&answer, "tidemark_session");
    assert!(cookie.ends_with("HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(is_in(&mut browser).await);
}

#[tokio::test]
async fn the_cookie_gives_no_right_elsewhere() {
    let scene = scene().await;
    let browser = scene.signed_in().await;
    for path in
        ["/api/2/users/me", "/api/2/clients", "/api/2/idp/device_authorization/approval?code=RDRD-WNDB"]
    {
        browser.with_cookies(scene.server.get(path)).await.expect(401);
    }
}

#[tokio::test]
async fn a_form_that_this_browser_was_not_given_signs_nobody_in() {
    let scene = scene().await;
    let mut attacker = Browser::new(&scene.server);
    let theirs = hidden(&attacker.get("/login").await, "form");
    let mut browser = Browser::new(&scene.server);
    let own = hidden(&browser.get("/login").await, "form");
    let fields =
        |form: &str| [("form", form.to_owned()), ("login", "anna".into()), ("password", "right".into())];
    for form in [theirs.as_str(), "", "x"] {
        let fields = fields(form);
        let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
        let answer = browser.post("/login", &fields).await;
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains("too old"), "{}", answer.text());
    }
    let fields = fields(&own);
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let without_cookie = scene.server.post("/login").form(&fields).await;
    assert_eq!(without_cookie.status, 400);
    for (origin, status) in [("https://evil.example", 400), ("null", 400), ("https://tide.example.com", 200)]
    {
        let call = browser.with_cookies(scene.server.post("/login")).header("Origin", origin).form(&fields);
        assert_eq!(browser.send(call).await.status, status, "{origin}");
    }
    assert!(is_in(&mut browser).await);
}

#[tokio::test]
async fn wrong_passwords_are_told_and_throttled_as_those_of_the_token_endpoint_are() {
    let scene = scene().await;
    let mut browser = Browser::new(&scene.server);
    for login in ["anna", "anna", "anna", "anna"] {
        let answer = browser.sign_in(login, "wrong").await;
        assert_eq!(answer.status, 401);
        assert!(answer.text().contains("Login or password is wrong"), "{}", answer.text());
        assert_eq!(
            hidden(&answer, "form"),
            hidden(&browser.get("/login").await, "form"),
            "to try again with"
        );
    }
    let form = [("grant_type", "password"), ("username", "anna"), ("password", "wrong")];
    assert_eq!(scene.refusal_of(&form).await, refused(401, "access_denied"));
    let held_back = browser.sign_in("anna", "right").await;
    assert_eq!((held_back.status, held_back.header("retry-after")), (429, "1"));
    assert!(held_back.text().contains("Too many tries"));
    scene.later(1);
    assert_eq!(browser.sign_in("anna", "right").await.status, 200);
    assert_eq!(browser.sign_in("nobody", "right").await.status, 401);
}

#[tokio::test]
async fn a_session_ends_with_time_sign_out_password_user_and_tenant() {
    let scene = scene().await;
    let mut browser = scene.signed_in().await;
    let copy = browser.cookies.clone();
    assert_eq!(browser.get("/api/2/idp/logout").await.status, 200);
    assert!(!browser.cookies.contains_key(SESSION), "the cookie is gone");
    browser.cookies = copy;
    assert!(!is_in(&mut browser).await, "and so is the session");
    assert_eq!(Browser::new(&scene.server).get("/api/2/idp/logout").await.status, 200);

    let mut browser = scene.signed_in().await;
    for (off, on, id) in [
        (
            "UPDATE users SET enabled = 0 WHERE id = $1",
            "UPDATE users SET enabled = 1 WHERE id = $1",
            scene.anna.to_string(),
        ),
        (
            "UPDATE users SET disable_after = 1 WHERE id = $1",
            "UPDATE users SET disable_after = NULL WHERE id = $1",
            scene.anna.to_string(),
        ),
        (
            "UPDATE tenants SET enabled = 0 WHERE id = $1",
            "UPDATE tenants SET enabled = 1 WHERE id = $1",
            scene.north.to_string(),
        ),
    ] {
        scene.change(off, args![id.as_str()]).await;
        assert!(!is_in(&mut browser).await, "{off}");
        assert_eq!(Browser::new(&scene.server).sign_in("anna", "right").await.status, 401, "{off}");
        scene.change(on, args![id.as_str()]).await;
        assert!(is_in(&mut browser).await, "{on}");
    }
    let place = format!("/api/2/users/{}/password", scene.anna);
    let body = json!({"password": "an old lighthouse"});
    scene.server.post(&place).bearer(&scene.root).json(body).await.expect(204);
    assert!(!is_in(&mut browser).await, "a new password");

    browser.sign_in("anna", "an old lighthouse").await.expect(200);
    scene.later(12 * 3600 - 1);
    assert!(is_in(&mut browser).await);
    scene.later(1);
    assert!(!is_in(&mut browser).await);
}

#[tokio::test]
async fn the_page_goes_on_to_pages_of_this_server_alone() {
    let scene = scene().await;
    let go = async |target: &str| {
        let mut browser = Browser::new(&scene.server);
        let page = browser.get(&path("/login", &[("next", target)])).await;
        browser.fill_in(&page, "anna", "right").await
    };
    assert_eq!(next(&go("/device?user_code=RDRD-WNDB").await), "/device?user_code=RDRD-WNDB");
    assert_eq!(next(&go("https://tide.example.com/device").await), "/device");
    for target in ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", ""] {
        let page = go(target).await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("http-equiv"), "{target}");
    }
}

#[tokio::test]
async fn pages_run_nothing_and_stand_in_no_frame() {
    let scene = scene().await;
    let page = scene.server.get("/login").header("Accept-Language", "de-CH, en;q=0.5").await;
    let html = page.text();
    assert!(html.contains("<html lang=\"de\">") && html.contains("Anmelden"), "{html}");
    let other = scene.server.get("/login").header("Accept-Language", "xx, *").await.text();
    assert!(other.contains("<html lang=\"en\">") && other.contains("Sign in"));
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(policy.ends_with("; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert!(
        !html.contains("<script") && !html.contains("style=\""),
        "neither scripts nor unannounced styles"
    );
    let attack = scene.server.get(&path("/login", &[("next", "\"><script>alert(1)</script>")])).await.text();
    assert!(!attack.contains("<script"), "{attack}");
}

#[tokio::test]
async fn what_has_run_out_is_cleared_away() {
    let scene = scene().await;
    for _ in 0..3 {
        scene.signed_in().await;
    }
    let count = async || {
        let sql = "SELECT COUNT(*) AS n FROM browser_sessions";
        scene.test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    };
    assert_eq!(count().await, 3);
    scene.test.clock.set(Instant(testkit::at(NOW).0 + 43_200_000_000));
    scene.signed_in().await;
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_each_code_is_taken_once() {
    let scene = scene().await;
    let enrolled = scene.server.post("/api/tidemark/1/users/me/totp").basic("anna", "right").await;
    let secret = base32(&text(&enrolled.json(), "secret"));
    let code = || app::auth::totp::code_at(&secret, scene.test.app.clock.now());
    let before = scene.signed_in().await.cookies;
    let confirm = scene.server.put("/api/tidemark/1/users/me/totp").basic("anna", "right");
    let confirmed = confirm.json(json!({"code": code()})).await;
    assert_eq!(confirmed.status / 100, 2, "{}", confirmed.text());
    let mut old = Browser::new(&scene.server);
    old.cookies = before;
    assert!(!is_in(&mut old).await, "what began without the factor has ended");
    scene.later(60);
    let mut browser = Browser::new(&scene.server);
    let asked = browser.sign_in("anna", "right").await;
    assert_eq!(asked.status, 401);
    assert!(asked.text().contains("name=\"totp_code\""), "{}", asked.text());
    let form = hidden(&asked, "form");
    let fields =
        |code| [("form", form.as_str()), ("login", "anna"), ("password", "right"), ("totp_code", code)];
    let wrong = browser.post("/login", &fields("000000")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text().contains("The code is wrong"), "{}", wrong.text());
    let code = code();
    browser.post("/login", &fields(&code)).await.expect(200);
    assert!(is_in(&mut browser).await);
    assert_eq!(browser.post("/login", &fields(&code)).await.status, 401, "the code was taken");
}

/// The bytes of a secret as people type it in (RFC 4648, 6).
fn base32(text: &str) -> Vec<u8> {
    let five = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        digit => digit - b'2' + 26,
    };
    let bits: Vec<u8> =
        text.bytes().flat_map(|letter| (0..5).rev().map(move |at| five(letter) >> at & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect()
}
