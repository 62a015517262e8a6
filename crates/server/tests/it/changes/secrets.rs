//! No secret stands in the change log, nor what is kept of one: whatever the columns of the schema are.

use domain::access::Role;
use domain::tenant::TenantKind;
use serde_json::json;
use store::{Conn, Row};
use testkit::TestApp;

/// Words in the names of columns that hold a secret, a hash of one, or one that is sealed.
const SECRET: [&str; 7] = ["secret", "password", "token", "sha256", "hash", "sealed", "seed"];

async fn texts(conn: &mut Conn, sql: String) -> Vec<String> {
    let rows = conn.all_of(sql, Vec::new()).await.unwrap();
    rows.iter().map(|row: &Row| row.text("value").unwrap()).collect()
}

/// Every value of every column whose name speaks of a secret, blobs in hex.
async fn kept(conn: &mut Conn) -> Vec<(String, String)> {
    let columns = conn.in_dialect(
        "SELECT m.name || '.' || c.name AS value FROM sqlite_master m JOIN pragma_table_info(m.name) c
         WHERE m.type = 'table'",
        "SELECT table_name || '.' || column_name AS value FROM information_schema.columns
         WHERE table_schema = 'public'",
    );
    let text = conn.in_dialect(
        "CASE typeof(?) WHEN 'blob' THEN hex(?) ELSE CAST(? AS TEXT) END",
        "CASE CAST(pg_typeof(?) AS TEXT) WHEN 'bytea' THEN UPPER(SUBSTRING(CAST(? AS TEXT) FROM 3)) ELSE CAST(? AS TEXT) END",
    );
    let mut kept = Vec::new();
    for column in texts(conn, columns.to_owned()).await {
        let (table, name) = column.split_once('.').unwrap();
        if !SECRET.iter().any(|word| name.contains(word)) {
            continue;
        }
        let text = text.replace('?', name);
        let values = format!("SELECT {text} AS value FROM {table} WHERE {name} IS NOT NULL");
        for value in texts(conn, values).await {
            kept.push((column.clone(), value));
        }
    }
    kept
}

#[tokio::test]
async fn no_secret_stands_in_the_change_log() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let server = test.serve().await;
    let north = test.tenant(test.top, TenantKind::Partner, "North").await;
    test.user(north, "ann", "Correct horse 1", Role::PartnerAdmin).await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let client = json!({"type": "api_client", "tenant_id": north, "token_endpoint_auth_method": "client_secret_basic",
        "data": {"client_name": "Billing job"}});
    let client = server.post("/api/2/clients").bearer(&token).json(client).await.expect(201);
    let form = [
        ("grant_type", "password"),
        ("username", "ann"),
        ("password", "Correct horse 1"),
        ("scope", "offline_access"),
    ];
    let signed_in =
        server.post("/api/2/idp/token").basic(&test.client_id, &test.client_secret).form(&form).await.ok();
    let me = server.get("/api/2/users/me").basic("ann", "Correct horse 1").await.ok();
    let new = json!({"version": me["version"], "contact": {"email": "ann@north.example"}});
    let path = format!("/api/2/users/{}", me["id"].as_str().unwrap());
    server.put(&path).bearer(&token).json(new).await.ok();

    let mut conn = test.app.read().await.unwrap();
    let log =
        "SELECT object_id || ' ' || field || ' ' || COALESCE(old_value, '') || ' ' || COALESCE(new_value, '')
        || ' ' || COALESCE(reason, '') AS value FROM changes";
    let log = texts(&mut conn, log.to_owned()).await.join("\n").to_lowercase();
    assert!(log.contains("billing job") && log.contains("partner_admin"), "it is the log");
    let kept = kept(&mut conn).await;
    for table in ["users", "clients", "signing_keys", "refresh_tokens"] {
        assert!(kept.iter().any(|(column, _)| column.starts_with(table)), "{table} holds none");
    }
    for (column, value) in &kept {
        assert!(!log.contains(&value.to_lowercase()), "{column} stands in the log");
    }
    let said = ["client_secret", "registration_access_token"].map(|member| &client[member]);
    let given = ["access_token", "refresh_token"].map(|member| &signed_in[member]);
    let said = said.into_iter().chain(given).filter_map(|value| value.as_str());
    for secret in said.chain([&*test.client_secret, "Correct horse 1"]) {
        assert!(!log.contains(&secret.to_lowercase()), "a secret stands in the log");
    }
}
