//! Tokens narrowed to one tenant (accounts-api, 1.2).

use domain::access::Role;
use domain::ids::TenantId;
use domain::tenant::TenantKind;
use serde_json::json;
use store::args;

use super::*;

fn to(tenant: TenantId) -> String {
    format!("urn:acronis.com:tenant-id:{tenant}")
}

async fn narrow(server: &Server, token: &str, tenant: TenantId) -> Answer {
    server.post(TOKEN).form(&[JWT_BEARER, ("assertion", token), ("scope", &to(tenant))]).await
}

#[tokio::test]
async fn a_narrowed_token_reaches_its_tenant_and_below() {
    let (test, server) = served().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    test.clock.set(testkit::at("2026-05-08T11:58:53Z"));
    let body = narrow(&server, &token, north).await.ok();
    assert_eq!(body["expires_in"], 3600, "no longer than its assertion");
    assert_eq!(body["scope"], to(north));
    assert!(body.get("refresh_token").is_none());
    let narrowed = text(&body, "access_token");
    let claims = part(&narrowed, 1);
    assert_eq!(claims["narrowing"], json!([[to(north)]]));
    let tid = test.no(north).await.to_string();
    assert_eq!(claims["scope"], json!([{"tid": tid, "tuid": north, "role": "root_admin"}]));
    assert_eq!(claims["exp"], part(&token, 1)["exp"]);
    for (tenant, status) in [(north, 200), (customer, 200), (south, 403), (test.top, 403)] {
        let answer = server.get(&format!("/api/2/tenants/{tenant}/clients")).bearer(&narrowed).await;
        assert_eq!(answer.status, status, "{tenant}");
    }
    let new = |tenant| json!({"type": "api_client", "tenant_id": tenant, "token_endpoint_auth_method": "client_secret_basic"});
    server.post("/api/2/clients").bearer(&narrowed).json(new(test.top)).await.expect(403);
    server.post("/api/2/clients").bearer(&narrowed).json(new(customer)).await.expect(201);
    // Narrower, never wider; and what was narrowed once cannot reach what lies beside.
    let deeper = text(&narrow(&server, &narrowed, customer).await.ok(), "access_token");
    for tenant in [test.top, south] {
        assert_eq!(refusal(&narrow(&server, &narrowed, tenant).await), refused(403, "access_denied"));
    }
    assert_eq!(refusal(&narrow(&server, &deeper, north).await), refused(403, "access_denied"));
    // The bearer header does for the assertion.
    let form = [JWT_BEARER, ("scope", &to(north))];
    server.post(TOKEN).bearer(&token).form(&form).await.ok();
}

#[tokio::test]
async fn a_partner_cannot_narrow_to_a_tenant_of_others() {
    let (test, server) = served().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let south = test.tenant(test.top, TenantKind::Partner, "South").await;
    let (id, secret) = test.client(north, Role::PartnerAdmin).await;
    let token = server.token(&id, &secret).await;
    for tenant in [south, test.top] {
        assert_eq!(refusal(&narrow(&server, &token, tenant).await), refused(403, "access_denied"));
    }
}

#[tokio::test]
async fn narrowing_climbs_over_no_wall() {
    let (test, server) = served().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(north, TenantKind::Customer, "Harbour").await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let narrowed = text(&narrow(&server, &token, north).await.ok(), "access_token");
    change(&test, "UPDATE tenants SET ancestral_access = 0 WHERE id = $1", args![north]).await;
    let (top_no, north_no) = (test.no(test.top).await, test.no(north).await);
    change(
        &test,
        "UPDATE closure SET walls = 1 WHERE ancestor_no = $1 AND tenant_no IN
         (SELECT tenant_no FROM closure WHERE ancestor_no = $2 AND depth > 0)",
        args![top_no, north_no],
    )
    .await;
    for tenant in [north, customer] {
        let path = format!("/api/2/tenants/{tenant}/clients");
        assert_eq!(server.get(&path).bearer(&token).await.status, 403, "not from above");
        assert_eq!(
            server.get(&path).bearer(&narrowed).await.status,
            403,
            "nor with the older narrowed token"
        );
        assert_eq!(refusal(&narrow(&server, &token, tenant).await), refused(403, "access_denied"));
    }
}

#[tokio::test]
async fn a_narrowed_token_with_a_refresh_token_stays_narrow() {
    let (test, server) = served().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    let scope = format!("offline_access {}", to(north));
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let body = call.form(&[CLIENT_CREDENTIALS, ("scope", &scope)]).await.ok();
    let form = [
        ("grant_type", "refresh_token"),
        ("refresh_token", body["refresh_token"].as_str().unwrap()),
        ("scope", &to(test.top)),
    ];
    let call = || server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    assert_eq!(refusal(&call().form(&form).await), refused(403, "access_denied"));
    let token = text(&call().form(&form[..2]).await.ok(), "access_token");
    server.get(&format!("/api/2/tenants/{north}/clients")).bearer(&token).await.ok();
    server.get(&format!("/api/2/tenants/{}/clients", test.top)).bearer(&token).await.expect(403);
}
