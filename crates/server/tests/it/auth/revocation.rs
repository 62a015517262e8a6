//! Revocation and introspection (accounts-api, 1.4).

use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::json;

use super::*;

const REVOKE: &str = "/api/2/idp/revoke_token";
const INTROSPECT: &str = "/api/2/idp/introspect_token";

async fn offline(test: &TestApp, server: &Server) -> (String, String) {
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let body = call.form(&[CLIENT_CREDENTIALS, ("scope", "offline_access")]).await.ok();
    (text(&body, "access_token"), text(&body, "refresh_token"))
}

async fn narrowed(test: &TestApp, server: &Server, token: &str) -> String {
    let scope = format!("urn:acronis.com:tenant-id:{}", test.top);
    let form = [JWT_BEARER, ("assertion", token), ("scope", &scope)];
    text(&server.post(TOKEN).form(&form).await.ok(), "access_token")
}

#[tokio::test]
async fn either_token_takes_what_was_issued_with_it_and_narrowed_from_it() {
    let (test, server) = served().await;
    let untouched = server.token(&test.client_id, &test.client_secret).await;
    for revoke_access in [true, false] {
        let (access, refresh) = offline(&test, &server).await;
        let below = narrowed(&test, &server, &narrowed(&test, &server, &access).await).await;
        assert_eq!(status_with(&test, &server, &below).await, 200);
        let token = if revoke_access { &access } else { &refresh };
        let answer = server.post(REVOKE).form(&[("token", token)]).await;
        answer.ok();
        assert!(answer.body.is_empty());
        for token in [&access, &below] {
            assert_eq!(status_with(&test, &server, token).await, 401);
        }
        let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
        let again = call.form(&[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
        assert_eq!(refusal(&again), refused(400, "invalid_grant"));
    }
    assert_eq!(status_with(&test, &server, &untouched).await, 200);
}

#[tokio::test]
async fn revoking_a_narrowed_token_leaves_the_one_it_came_from() {
    let (test, server) = served().await;
    let (access, _) = offline(&test, &server).await;
    let below = narrowed(&test, &server, &access).await;
    let further = narrowed(&test, &server, &below).await;
    server.post(REVOKE).form(&[("token", &below)]).await.ok();
    assert_eq!(status_with(&test, &server, &further).await, 401);
    assert_eq!(status_with(&test, &server, &below).await, 401);
    assert_eq!(status_with(&test, &server, &access).await, 200);
    let scope = format!("urn:acronis.com:tenant-id:{}", test.top);
    let form = [JWT_BEARER, ("assertion", below.as_str()), ("scope", &scope)];
    assert_eq!(refusal(&server.post(TOKEN).form(&form).await), refused(400, "invalid_grant"));
}

#[tokio::test]
async fn revocation_answers_as_published() {
    let (test, server) = served().await;
    server.post(REVOKE).form(&[("token", "never seen")]).await.ok();
    assert_eq!(refusal(&server.post(REVOKE).form(&[]).await), refused(400, "invalid_request"));
    let hint = [("token", "x"), ("token_type_hint", "surprise")];
    assert_eq!(refusal(&server.post(REVOKE).form(&hint).await), refused(400, "unsupported_token_type"));
    let wrong = server.post(REVOKE).basic(&test.client_id, "wrong").form(&[("token", "x")]).await;
    assert_eq!(refusal(&wrong), refused(401, "invalid_client"));
    assert_eq!(wrong.header("www-authenticate"), "Basic");
}

#[tokio::test]
async fn introspection_tells_clients_of_the_top_tenant_what_a_token_is_good_for() {
    let (test, server) = served().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let (id, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&id, &secret).await;
    let asking = server.token(&test.client_id, &test.client_secret).await;
    let claims = part(&token, 1);
    let call = || server.post(INTROSPECT).bearer(&asking);
    let answer = call().form(&[("token", &token)]).await.ok();
    let expected = json!({
        "active": true, "token_type": "access_token", "exp": claims["exp"], "aud": "tide.example.com",
        "jti": claims["jti"], "iss": "https://tide.example.com", "sub": id, "sub_type": "api_client", "client_id": id,
        "owner_tuid": north, "scope": claims["scope"],
    });
    assert_eq!(answer, expected);
    server.post(REVOKE).form(&[("token", &token)]).await.ok();
    for gone in [token.as_str(), "x"] {
        assert_eq!(call().form(&[("token", gone)]).await.ok(), json!({"active": false}));
    }
    assert_eq!(refusal(&call().form(&[]).await), refused(400, "invalid_request"));
    let partners = server.token(&id, &secret).await;
    let by_partner = server.post(INTROSPECT).bearer(&partners).form(&[("token", &asking)]).await;
    assert_eq!(refusal(&by_partner), refused(403, "access_denied"));
    let by_nobody = server.post(INTROSPECT).form(&[("token", &asking)]).await;
    assert_eq!(refusal(&by_nobody), refused(401, "invalid_token"));
    assert_eq!(by_nobody.header("www-authenticate"), "Bearer");
}
