//! Each grant, and each row of the table of failures (accounts-api, 1.2).

use domain::access::Role;
use domain::tenant::TenantKind;
use domain::time::Instant;
use serde_json::{Value, json};
use store::args;
use testkit::at;

use super::*;

#[tokio::test]
async fn client_credentials_give_the_published_token() {
    let (test, server) = served().await;
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let answer = call.form(&[CLIENT_CREDENTIALS]).await;
    let body = answer.ok();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    let now = at(NOW).unix_seconds();
    assert_eq!(body["token_type"], "bearer");
    assert_eq!(body["expires_in"], 7200);
    assert_eq!(body["expires_on"], now + 7200);
    assert_eq!(body["scope"], "");
    assert!(body.get("refresh_token").is_none());
    let token = text(&body, "access_token");
    let key = server.get("/api/2/idp/keys").await.ok()["keys"][0]["kid"].clone();
    let header = String::from_utf8(raw_part(&token, 0)).unwrap();
    assert_eq!(header, format!(r#"{{"typ":"JWT","alg":"RS256","kid":{key}}}"#));
    let mut claims = part(&token, 1);
    let jti = claims["jti"].take();
    assert_eq!(jti.as_str().unwrap().len(), 36);
    let expected = json!({
        "iss": "https://tide.example.com", "aud": "tide.example.com", "sub": test.client_id,
        "client_id": test.client_id, "exp": now + 7200, "iat": now, "nbf": now, "jti": null, "ver": 2,
        "owner_tuid": test.top,
        "scope": [{"tid": "1", "tuid": test.top, "role": "root_admin"}],
    });
    assert_eq!(claims, expected);
    let id_token = part(&text(&body, "id_token"), 1);
    let expected = json!({
        "iss": "https://tide.example.com", "sub": test.client_id, "aud": test.client_id, "exp": now + 7200, "iat": now,
    });
    assert_eq!(id_token, expected);
    assert_eq!(status_with(&test, &server, &token).await, 200);
}

#[tokio::test]
async fn credentials_may_come_in_the_form_and_the_alias_takes_its_grant_from_the_query() {
    let (test, server) = served().await;
    let form = [("client_id", test.client_id.as_str()), ("client_secret", &test.client_secret)];
    let mut whole = form.to_vec();
    whole.push(CLIENT_CREDENTIALS);
    server.post(TOKEN).form(&whole).await.ok();
    server.post("/bc/idp/token").form(&whole).await.ok();
    server.post("/bc/idp/token?grant_type=client_credentials").form(&form).await.ok();
    let elsewhere = server.post("/api/2/idp/token?grant_type=client_credentials").form(&form).await;
    assert_eq!(refusal(&elsewhere), refused(400, "invalid_request"));
}

#[tokio::test]
async fn the_last_token_issue_shows_at_the_client() {
    let (test, server) = served().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let client = server.get(&format!("/api/2/clients/{}", test.client_id)).bearer(&token).await.ok();
    assert_eq!(client["last_access_at"], NOW);
    assert_eq!(client["last_access_from_ip"], "127.0.0.1");
}

#[tokio::test]
async fn a_password_gives_a_users_token() {
    let (test, server) = served().await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let user = test.user(partner, "anna", "right", Role::PartnerAdmin).await;
    let form =
        [("grant_type", "password"), ("username", "anna"), ("password", "right"), ("scope", "openid x")];
    let body = server.post(TOKEN).form(&form).await.ok();
    assert_eq!(body["scope"], "openid");
    let claims = part(&text(&body, "access_token"), 1);
    assert_eq!(claims["sub"], user.to_string());
    assert_eq!(claims["uid"], user.to_string());
    assert_eq!(claims["owner_tuid"], partner.to_string());
    assert_eq!(claims.get("client_id"), None);
    let no = test.no(partner).await.to_string();
    assert_eq!(claims["scope"], json!([{"tid": no, "tuid": partner, "role": "partner_admin"}]));
    let clients = server.get("/api/2/clients").bearer(&text(&body, "access_token")).await.ok();
    assert_eq!(clients, json!({"items": []}));
}

type Form<'a> = &'a [(&'a str, &'a str)];

#[tokio::test]
async fn every_failure_has_its_status_and_word() {
    let (test, server) = served().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    let (id, secret) = (test.client_id.as_str(), test.client_secret.as_str());
    let nobody = "00000000-0000-4000-8000-000000000000";
    let foreign = format!("urn:acronis.com:tenant-id:{nobody}");
    let cases: &[(Form, u16, &str)] = &[
        (&[], 400, "invalid_request"),
        (&[("grant_type", "password"), ("username", "anna")], 400, "invalid_request"),
        (&[("grant_type", "refresh_token")], 400, "invalid_request"),
        (&[JWT_BEARER], 400, "invalid_request"),
        (&[CLIENT_CREDENTIALS, ("scope", "urn:acronis.com:tenant-id:1")], 400, "invalid_request"),
        (&[("grant_type", "md5_password")], 400, "unsupported_grant_type"),
        (&[("grant_type", "authorization_code"), ("code", "x")], 400, "invalid_request"),
        (&[("grant_type", "urn:ietf:params:oauth:grant-type:device_code")], 400, "invalid_request"),
        (&[("grant_type", "surprise")], 400, "unsupported_grant_type"),
        (&[("grant_type", "refresh_token"), ("refresh_token", "x")], 400, "invalid_grant"),
        (&[JWT_BEARER, ("assertion", "x.y.z"), ("scope", &foreign)], 400, "invalid_grant"),
        (&[CLIENT_CREDENTIALS], 401, "invalid_client"),
        (&[CLIENT_CREDENTIALS, ("client_id", id)], 401, "invalid_client"),
        (&[CLIENT_CREDENTIALS, ("client_id", id), ("client_secret", "wrong")], 401, "invalid_client"),
        (&[CLIENT_CREDENTIALS, ("client_id", nobody), ("client_secret", secret)], 401, "invalid_client"),
        (&[CLIENT_CREDENTIALS, ("client_id", "x"), ("client_secret", secret)], 401, "invalid_client"),
        (&[("grant_type", "password"), ("username", "anna"), ("password", "wrong")], 401, "access_denied"),
        (&[("grant_type", "password"), ("username", "bert"), ("password", "right")], 401, "access_denied"),
        (
            &[CLIENT_CREDENTIALS, ("client_id", id), ("client_secret", secret), ("scope", &foreign)],
            403,
            "access_denied",
        ),
    ];
    for (form, status, error) in cases {
        let answer = server.post(TOKEN).form(form).await;
        assert_eq!(refusal(&answer), refused(*status, error), "{form:?}");
        let challenge = if *status == 401 { "Basic" } else { "" };
        assert_eq!(answer.header("www-authenticate"), challenge, "{form:?}");
    }
    let wrong_basic = server.post(TOKEN).basic(id, "wrong").form(&[CLIENT_CREDENTIALS]).await;
    assert_eq!(refusal(&wrong_basic), refused(401, "invalid_client"));
    let malformed = server.post(TOKEN).header("Authorization", "Basic !").form(&[CLIENT_CREDENTIALS]).await;
    assert_eq!(refusal(&malformed), refused(401, "invalid_client"));
    let json = server.post(TOKEN).json(json!({"grant_type": "client_credentials"})).await;
    assert_eq!(refusal(&json), refused(400, "invalid_request"));
}

/// Something that ends signing in, and its undoing; whether it concerns the client and the user.
struct Ending {
    off: &'static str,
    on: &'static str,
    id: String,
    client: bool,
    user: bool,
}

fn endings(client: &str, user: &str, tenants: [&str; 2]) -> Vec<Ending> {
    let ending = |off, on, id: &str, client, user| Ending { off, on, id: id.to_owned(), client, user };
    let of_client = |off, on| ending(off, on, client, true, false);
    let of_user = |off, on| ending(off, on, user, false, true);
    let mut endings = vec![
        of_client(
            "UPDATE clients SET status = 'disabled' WHERE id = $1",
            "UPDATE clients SET status = 'enabled' WHERE id = $1",
        ),
        of_client(
            "UPDATE clients SET deleted_at = 1 WHERE id = $1",
            "UPDATE clients SET deleted_at = NULL WHERE id = $1",
        ),
        of_user("UPDATE users SET enabled = 0 WHERE id = $1", "UPDATE users SET enabled = 1 WHERE id = $1"),
        of_user(
            "UPDATE users SET deleted_at = 1 WHERE id = $1",
            "UPDATE users SET deleted_at = NULL WHERE id = $1",
        ),
        of_user(
            "UPDATE users SET disable_after = 1 WHERE id = $1",
            "UPDATE users SET disable_after = NULL WHERE id = $1",
        ),
    ];
    for tenant in tenants {
        for (off, on) in [
            ("UPDATE tenants SET enabled = 0 WHERE id = $1", "UPDATE tenants SET enabled = 1 WHERE id = $1"),
            (
                "UPDATE tenants SET deleted_at = 1 WHERE id = $1",
                "UPDATE tenants SET deleted_at = NULL WHERE id = $1",
            ),
        ] {
            endings.push(ending(off, on, tenant, true, true));
        }
    }
    endings
}

#[tokio::test]
async fn nobody_disabled_deleted_or_below_a_disabled_tenant_signs_in() {
    let (test, server) = served().await;
    let partner = test.tenant(test.top, TenantKind::Partner, "North").await;
    let customer = test.tenant(partner, TenantKind::Customer, "Harbour").await;
    let (id, secret) = test.client(customer, Role::CompanyAdmin).await;
    let user = test.user(customer, "anna", "right", Role::CompanyAdmin).await.to_string();
    let client_form = [CLIENT_CREDENTIALS, ("client_id", &id), ("client_secret", &secret)];
    let user_form = [("grant_type", "password"), ("username", "anna"), ("password", "right")];
    let client_token = text(&server.post(TOKEN).form(&client_form).await.ok(), "access_token");
    let user_token = text(&server.post(TOKEN).form(&user_form).await.ok(), "access_token");
    let me = format!("/api/2/clients/{id}");
    for ending in endings(&id, &user, [&customer.to_string(), &partner.to_string()]) {
        let Ending { off, on, id, client, user } = &ending;
        change(&test, off, args![id.as_str()]).await;
        let by_client = server.get(&me).bearer(&client_token).await.status;
        assert_eq!(by_client == 401, *client, "the client's token after {off} {id}");
        let by_user = server.get(&me).bearer(&user_token).await.status;
        assert_eq!(by_user == 401, *user, "the user's token after {off} {id}");
        let basic = server.get("/api/2/clients").basic("anna", "right").await.status;
        assert_eq!(basic == 401, *user, "the password after {off} {id}");
        let answer = server.post(TOKEN).form(&client_form).await;
        let expected = if *client { refused(401, "invalid_client") } else { (200, String::new()) };
        assert_eq!(outcome(&answer), expected, "{off} {id}");
        let answer = server.post(TOKEN).form(&user_form).await;
        let expected = if *user { refused(401, "access_denied") } else { (200, String::new()) };
        assert_eq!(outcome(&answer), expected, "{off} {id}");
        change(&test, on, args![id.as_str()]).await;
        test.clock.set(Instant(test.app.clock.now().0 + 1_000_000));
    }
    assert_eq!(server.get(&me).bearer(&client_token).await.status, 200, "all is on again");
}

fn outcome(answer: &Answer) -> (u16, String) {
    if answer.status == 200 { (200, String::new()) } else { refusal(answer) }
}

#[tokio::test]
async fn a_users_token_has_the_rights_of_the_moment() {
    let (test, server) = served().await;
    let user = test.user(test.top, "anna", "right", Role::RootAdmin).await;
    let form = [("grant_type", "password"), ("username", "anna"), ("password", "right")];
    let token = text(&server.post(TOKEN).form(&form).await.ok(), "access_token");
    server.get("/api/2/clients").bearer(&token).await.ok();
    change(&test, "DELETE FROM access_policies WHERE user_id = $1", args![user]).await;
    let answer: Value = server.get("/api/2/clients").bearer(&token).await.expect(403);
    assert_eq!(answer["error"]["code"], 1002);
}
