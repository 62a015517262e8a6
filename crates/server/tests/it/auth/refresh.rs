//! Refresh tokens: rotated at each use; a second use is theft.

use domain::access::Role;

use super::*;

async fn offline(test: &TestApp, server: &Server) -> Value {
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    call.form(&[CLIENT_CREDENTIALS, ("scope", "offline_access")]).await.ok()
}

async fn refresh(test: &TestApp, server: &Server, token: &str) -> Answer {
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    call.form(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
}

#[tokio::test]
async fn a_refresh_token_gives_a_new_pair_once_and_a_second_use_revokes_all() {
    let (test, server) = served().await;
    let first = offline(&test, &server).await;
    assert_eq!(first["scope"], "offline_access");
    let stolen = text(&first, "refresh_token");
    test.clock.set(testkit::at("2026-05-08T11:58:53Z"));
    let second = refresh(&test, &server, &stolen).await.ok();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let access = [text(&first, "access_token"), text(&second, "access_token")];
    for token in &access {
        assert_eq!(status_with(&test, &server, token).await, 200);
    }
    assert_eq!(refusal(&refresh(&test, &server, &stolen).await), refused(400, "invalid_grant"));
    for token in &access {
        assert_eq!(status_with(&test, &server, token).await, 401);
    }
    let latest = text(&second, "refresh_token");
    assert_eq!(refusal(&refresh(&test, &server, &latest).await), refused(400, "invalid_grant"));
}

#[tokio::test]
async fn a_clients_refresh_token_needs_that_clients_credentials() {
    let (test, server) = served().await;
    let token = text(&offline(&test, &server).await, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
    assert_eq!(refusal(&server.post(TOKEN).form(&form).await), refused(401, "invalid_client"));
    let (id, secret) = test.client(test.top, Role::RootAdmin).await;
    let other = server.post(TOKEN).basic(&id, &secret).form(&form).await;
    assert_eq!(refusal(&other), refused(400, "invalid_grant"));
    refresh(&test, &server, &token).await.ok();
}

#[tokio::test]
async fn a_users_refresh_token_stands_for_itself_and_runs_out() {
    let (test, server) = served().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    let form = [
        ("grant_type", "password"),
        ("username", "anna"),
        ("password", "right"),
        ("scope", "offline_access"),
    ];
    let mut token = text(&server.post(TOKEN).form(&form).await.ok(), "refresh_token");
    for (time, status) in [("2026-06-07T10:58:52Z", 200), ("2026-07-07T10:58:52Z", 400)] {
        test.clock.set(testkit::at(time));
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.as_str())];
        let answer = server.post(TOKEN).form(&form).await.expect(status);
        token = answer["refresh_token"].as_str().unwrap_or_default().to_owned();
    }
}

#[tokio::test]
async fn tokens_that_ran_out_are_cleared_away() {
    let (test, server) = served().await;
    let count = async || {
        let sql = "SELECT (SELECT COUNT(*) FROM tokens) + (SELECT COUNT(*) FROM refresh_tokens) AS n";
        test.app.read().await.unwrap().count(sql, Vec::new()).await.unwrap()
    };
    for _ in 0..3 {
        offline(&test, &server).await;
    }
    assert_eq!(count().await, 6);
    test.clock.set(testkit::at("2026-08-08T10:58:53Z"));
    offline(&test, &server).await;
    assert_eq!(count().await, 2);
}
