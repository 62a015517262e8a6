//! Headers: types of bodies that are not there, codings, and credentials.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::access::Role;
use domain::text::percent_encoded;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::json;
use testkit::Call;
use ureq::http::Method;

use super::{BACKUP, Scene, info};
use crate::openapi::requests;

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn calls_without_a_body_work_whatever_type_the_library_names() {
    let scene = Scene::new().await;
    scene.turn_on(scene.north, |name| name == "vms").await;
    let (user, version) = scene.user("jdoe").await;
    let binding = format!("/applications/{BACKUP}/bindings/tenants/{}", scene.harbour);
    let calls = [
        format!("/users/{user}/send-activation-email"),
        format!("/tenants/{}/restore", scene.harbour),
        format!("/users/{user}/restore"),
        binding.clone(),
    ];
    for kind in [FORM, "text/plain;charset=UTF-8", "multipart/form-data; boundary=x", "nonsense", ""] {
        for path in &calls {
            scene.post(path).raw(kind, "").await.expect(204);
        }
        scene.delete(&binding).raw(kind, "").await.expect(204);
        scene.post(&binding).raw(kind, "").header("Content-Encoding", "br").await.expect(204);
        assert_eq!(info(&scene.post("/tenants").raw(kind, "").await, 400), "body: required");
    }
    for path in &calls {
        let head =
            format!("POST /api/2{path} HTTP/1.1\r\nContent-Type: {FORM}\r\nTransfer-Encoding: chunked");
        let (nothing, _) = scene.raw(&head, "0\r\n\r\n").await;
        assert!(nothing.starts_with("http/1.1 204 "), "{nothing}");
        let (something, _) = scene.raw(&head, "2\r\n{}\r\n0\r\n\r\n").await;
        assert!(something.starts_with("http/1.1 415 "), "{something}");
        assert!(info(&scene.post(path).raw(FORM, "{}").await, 415).contains("Content-Type"));
    }
    let disable = scene.put(&format!("/users/{user}")).json(json!({"version": version, "enabled": false}));
    let version = disable.await.ok()["version"].clone();
    scene.delete(&format!("/users/{user}?version={version}")).raw(FORM, "").await.expect(204);
    scene.post(&format!("/users/{user}/restore")).raw(FORM, "").await.expect(204);
}

#[tokio::test]
async fn no_operation_takes_offence_at_the_type_of_nothing() {
    let scene = Scene::new().await;
    let mut operations = requests();
    operations.retain(|(method, _)| *method != Method::GET);
    assert!(operations.len() > 50, "{}", operations.len());
    for (method, path) in operations {
        let call = scene.server.call(method.clone(), &path).bearer(&scene.token);
        let answer = call.raw("application/octet-stream", "").await;
        assert!(answer.status != 415 && answer.status < 500, "{method} {path}: {}", answer.text());
    }
}

#[tokio::test]
async fn there_is_no_406_for_codings() {
    let scene = Scene::new().await;
    let path = format!("/tenants/{}", scene.harbour);
    let whole = scene.get(&path).await.ok();
    let raw = async |accepted: &str| {
        let answer = scene.get(&path).header("Accept-Encoding", accepted).await;
        assert_eq!(answer.status, 200, "{accepted}");
        answer
    };
    for plain in
        ["identity;q=0", "*;q=0", "identity;q=0.000, *;q=0", "br, *; Q=0", "gzip;q=0", "gzip;q=0,*;q=0", ""]
    {
        let answer = raw(plain).await;
        assert_eq!(answer.header("content-encoding"), "", "{plain}");
        assert_eq!(answer.json(), whole, "{plain}");
    }
    // A library that asks for gzip by itself takes it off again, and says so by dropping the header: so by hand.
    for packed in ["identity;q=0, gzip", "gzip, *;q=0", "X-GZIP", "gzip;q=0.5, identity;q=0"] {
        let head = format!("GET /api/2{path} HTTP/1.1\r\nAccept-Encoding: {packed}");
        let (head, _) = scene.raw(&head, "").await;
        assert!(
            head.starts_with("http/1.1 200") && head.contains("content-encoding: gzip"),
            "{packed}: {head}"
        );
    }
    let made = scene.post("/tenants").header("Accept-Encoding", "identity;q=0");
    let body = json!({"name": "Dock", "parent_id": scene.north, "kind": "customer"});
    assert_eq!(made.json(body).await.expect(201)["name"], "Dock");
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn codings_are_named_in_any_case_and_an_unknown_one_is_named_in_the_refusal() {
    let scene = Scene::new().await;
    let body = json!({"name": "Dock", "parent_id": scene.north, "kind": "customer"}).to_string();
    for coding in ["gzip", "GZIP", "x-gzip", "X-Gzip"] {
        let call = scene.post("/tenants").header("Content-Encoding", coding);
        call.raw("application/json", gzip(&body)).await.expect(201);
        let readings = scene.server.post("/api/tidemark/1/readings").bearer(&scene.token);
        let readings = readings.header("Content-Encoding", coding);
        readings.raw("application/x-ndjson", gzip("")).await.ok();
    }
    scene
        .post("/tenants")
        .header("Content-Encoding", "Identity")
        .raw("application/json", body)
        .await
        .expect(201);
    let unknown = scene.post("/tenants").header("Content-Encoding", "br").raw("application/json", "x");
    assert!(info(&unknown.await, 415).contains("Content-Encoding"));
}

fn basic(call: Call, id: &str, secret: &str) -> Call {
    call.header("Authorization", &format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))))
}

/// Every character as RFC 6749, 2.3.1, lets a library write it.
fn each_encoded(text: &str) -> String {
    text.bytes().map(|byte| ["%".to_owned(), format!("{byte:02x}")].concat()).collect::<Vec<_>>().concat()
}

#[tokio::test]
async fn a_client_may_form_encode_its_credentials_and_a_user_s_password_is_left_as_it_is() {
    let scene = Scene::new().await;
    let (id, secret) = scene.test.client(scene.north, Role::PartnerAdmin).await;
    let grant = [("grant_type", "client_credentials")];
    let dashes = id.replace('-', "%2D");
    for (id, secret) in [
        (id.clone(), secret.clone()),
        (percent_encoded(&id), percent_encoded(&secret)),
        (dashes.clone(), secret.clone()),
        (id.clone(), each_encoded(&secret)),
        (each_encoded(&id), each_encoded(&secret)),
    ] {
        let answer = basic(scene.server.post("/api/2/idp/token"), &id, &secret).form(&grant).await.ok();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        scene.server.get("/api/2/users/me").bearer(&token).await.ok();
        let revoked = basic(scene.server.post("/api/2/idp/revoke_token"), &id, &secret);
        revoked.form(&[("token", &token)]).await;
        scene.server.get("/api/2/users/me").bearer(&token).await.expect(401);
    }
    for (id, secret) in [
        (dashes.as_str(), "%41"),
        (dashes.as_str(), "%"),
        (id.as_str(), "+"),
        ("%ff", secret.as_str()),
        ("%2", secret.as_str()),
    ] {
        let refused = basic(scene.server.post("/api/2/idp/token"), id, secret).form(&grant).await;
        assert_eq!(refused.expect(401)["error"], "invalid_client", "{id}:{secret}");
    }
    scene.test.user(scene.north, "an+na%40", "100%41+sure", Role::PartnerAdmin).await;
    let me = || scene.server.get("/api/2/users/me");
    assert_eq!(basic(me(), "an+na%40", "100%41+sure").await.ok()["login"], "an+na%40");
    basic(me(), "an+na%40", "100A sure").await.expect(401);
    basic(me(), "an%2Bna%2540", "100%2541%2Bsure").await.expect(401);
}

#[tokio::test]
async fn head_of_a_stored_file_has_the_headers_of_get() {
    let scene = Scene::new().await;
    let parameters = json!({"tenant_id": scene.north, "level": "accounts", "kind": "usage_current",
        "formats": ["csv_v2_0"], "period": {"start": "2026-05-01", "end": "2026-05-07"}});
    let body = json!({"parameters": parameters, "schedule": {"type": "once"}, "result_action": "save"});
    let made = scene.post("/reports").json(body).await.ok();
    app::jobs::drain(&scene.test.app).await.unwrap();
    let stored = format!("/reports/{}/stored", made["id"].as_str().unwrap());
    let file = scene.get(&stored).await.ok()["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/2{stored}/{file}");
    for more in ["", "\r\nAccept-Encoding: identity", "\r\nAccept-Encoding: gzip"] {
        let head = |method: &str| format!("{method} {path} HTTP/1.1{more}");
        let of = async |method: &str| {
            let (head, body) = scene.raw(&head(method), "").await;
            let mut lines: Vec<String> = head.lines().map(str::to_owned).collect();
            lines.retain(|line| !line.starts_with("date:") && !line.starts_with("x-request-id:"));
            lines.sort();
            (lines, body)
        };
        let ((got, body), (seen, none)) = (of("GET").await, of("HEAD").await);
        assert!(got.contains(&"content-encoding: gzip".to_owned()), "{got:?}");
        assert_eq!((seen, none.len()), (got, 0));
        let mut text = String::new();
        GzDecoder::new(body.as_slice()).read_to_string(&mut text).unwrap();
    }
}
