//! Login and password with each request, and what stops guessing.

use domain::access::Role;
use store::args;

use super::*;

const PATH: &str = "/api/2/clients";

#[tokio::test]
async fn a_login_and_password_do_where_no_bearer_is_demanded() {
    let (test, server) = served().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    server.get(PATH).basic("anna", "right").await.ok();
    let wrong = server.get(PATH).basic("anna", "wrong").await;
    assert_eq!(wrong.expect(401)["error"]["code"], 401);
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    server.get(PATH).basic(&test.client_id, &test.client_secret).await.expect(401);
}

#[tokio::test]
async fn failures_are_throttled_and_who_is_right_gets_through_later() {
    let (test, server) = served().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    test.user(test.top, "bert", "right", Role::RootAdmin).await;
    for _ in 0..5 {
        server.get(PATH).basic("anna", "wrong").await.expect(401);
    }
    let held_back = server.get(PATH).basic("anna", "right").await;
    held_back.expect(429);
    assert_eq!(held_back.header("retry-after"), "1");
    let form = [("grant_type", "password"), ("username", "anna"), ("password", "right")];
    let at_token = server.post(TOKEN).form(&form).await;
    assert_eq!(refusal(&at_token), refused(429, "access_denied"));
    assert_eq!(at_token.header("retry-after"), "1");
    server.get(PATH).basic("bert", "right").await.ok();
    test.clock.set(testkit::at("2026-05-08T10:58:54Z"));
    server.get(PATH).basic("anna", "right").await.ok();
    for _ in 0..5 {
        server.get(PATH).basic("anna", "wrong").await.expect(401);
    }
    server.get(PATH).basic("anna", "wrong").await.expect(429);
    server.get(PATH).basic("anna", "right").await.ok();
}

#[tokio::test]
async fn a_login_that_does_not_exist_is_throttled_alike() {
    let (_test, server) = served().await;
    for _ in 0..5 {
        server.get(PATH).basic("nobody", "wrong").await.expect(401);
    }
    server.get(PATH).basic("nobody", "wrong").await.expect(429);
}

#[tokio::test]
async fn a_new_password_ends_the_old_one_at_once() {
    let (test, server) = served().await;
    let user = test.user(test.top, "anna", "old", Role::RootAdmin).await;
    server.get(PATH).basic("anna", "old").await.ok();
    let hash = app::auth::passwords::hash(&test.app, "new").await.unwrap();
    change(&test, "UPDATE users SET password_hash = $2 WHERE id = $1", args![user, hash]).await;
    server.get(PATH).basic("anna", "old").await.expect(401);
    server.get(PATH).basic("anna", "new").await.ok();
    change(&test, "UPDATE users SET password_hash = NULL WHERE id = $1", args![user]).await;
    server.get(PATH).basic("anna", "new").await.expect(401);
}
