//! Discovery (accounts-api, 1.1).

use serde_json::json;

use super::*;

#[tokio::test]
async fn discovery_names_the_configured_address_whatever_the_host_header_says() {
    let (_test, server) = served().await;
    let expected = json!({
        "issuer": "https://tide.example.com",
        "authorization_endpoint": "https://tide.example.com/api/2/idp/authorize",
        "token_endpoint": "https://tide.example.com/api/2/idp/token",
        "jwks_uri": "https://tide.example.com/api/2/idp/keys",
        "revocation_endpoint": "https://tide.example.com/api/2/idp/revoke_token",
        "introspection_endpoint": "https://tide.example.com/api/2/idp/introspect_token",
        "device_authorization_endpoint": "https://tide.example.com/api/2/idp/device_authorization",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code", "client_credentials", "password", "refresh_token",
            "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        "code_challenge_methods_supported": ["S256"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
    });
    for path in [
        "/.well-known/openid-configuration",
        "/api/2/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
    ] {
        let call = server.get(path).header("Host", "evil.example.com");
        assert_eq!(call.header("X-Forwarded-Host", "evil.example.com").await.ok(), expected, "{path}");
    }
}

#[tokio::test]
async fn tokens_name_the_configured_address_whatever_the_host_header_says() {
    let (test, server) = served().await;
    let call = server.post(TOKEN).basic(&test.client_id, &test.client_secret);
    let body = call.header("Host", "evil.example.com").form(&[CLIENT_CREDENTIALS]).await.ok();
    let claims = part(&text(&body, "access_token"), 1);
    assert_eq!(claims["iss"], "https://tide.example.com");
    assert_eq!(claims["aud"], "tide.example.com");
}
