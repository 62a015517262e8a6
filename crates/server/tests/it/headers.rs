//! What every answer tells browsers and caches: all operations of the document, and the pages.

use domain::access::Role;
use testkit::{Answer, Server, TestApp};

use crate::openapi::requests;

const NOW: &str = "2026-05-08T10:58:53Z";
const DOCS: &str = "/api/2/docs/";

/// What holds for an answer of whatever kind.
#[track_caller]
fn check(what: &str, answer: &Answer) {
    let told = |name| answer.header(name);
    assert_eq!(told("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(told("x-frame-options"), "DENY", "{what}");
    assert!(["no-referrer", "same-origin"].contains(&told("referrer-policy")), "{what}");
    assert_eq!(told("strict-transport-security"), "max-age=31536000", "{what}");
    assert_eq!((told("server"), told("x-powered-by")), ("", ""), "{what}");
    let policy = told("content-security-policy");
    for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action "] {
        assert!(policy.contains(part), "{what}: {policy}");
    }
    let scripts = policy.split(';').find(|part| part.trim_start().starts_with("script-src"));
    let is_documentation = what.contains(DOCS);
    assert_eq!(scripts.is_some(), is_documentation, "{what}: {policy}");
    assert!(!scripts.is_some_and(|scripts| scripts.contains("unsafe")), "{what}: {policy}");
    // Documentation alone is the same for all.
    if !is_documentation {
        assert_eq!(told("cache-control"), "no-store", "{what}");
    }
    for name in answer.headers.keys() {
        assert_eq!(answer.headers.get_all(name).iter().count(), 1, "{what}: {name} once");
    }
}

#[tokio::test]
async fn every_operation_answers_with_them_with_and_without_a_token() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    let token = server.token(&test.client_id, &test.client_secret).await;
    let mut codes = std::collections::BTreeSet::new();
    for (method, path) in requests() {
        let call = || server.call(method.clone(), &path);
        for answer in [call().await, call().bearer(&token).await] {
            check(&format!("{method} {path}"), &answer);
            codes.insert(answer.status);
        }
    }
    for code in [200, 400, 401, 404] {
        assert!(codes.contains(&code), "{code} is among {codes:?}");
    }
}

#[tokio::test]
async fn so_do_pages_files_refusals_and_what_is_not_there() {
    let test = TestApp::at(NOW).await;
    let server = test.serve().await;
    test.user(test.top, "anna", "right", Role::RootAdmin).await;
    for path in [
        "/healthz",
        "/readyz",
        "/login",
        "/device",
        "/api/2/idp/logout",
        "/api/2/idp/authorize?client_id=x",
        "/none",
        "/api/2/none/",
        "/api/2/tenants/?x=%zz",
        "/api/2/docs/index.html",
        "/api/2/docs/swagger-initializer.js",
        "/api/2/openapi.json",
    ] {
        let answer = server.get(path).header("Accept", "text/html,*/*").await;
        check(path, &answer);
    }
    check("a wrong method", &server.delete("/api/2/versions").await);
    let token = server.token(&test.client_id, &test.client_secret).await;
    for format in ["html", "csv", "csv_v2_0", "json_v1", "json_v2_0"] {
        let path = format!("/api/tidemark/1/tenants/{}/report?format={format}&level=itself", test.top);
        let file = server.get(&path).bearer(&token).await;
        file.ok();
        check(&path, &file);
        assert!(file.header("content-disposition").starts_with("attachment; filename=\""), "{path}");
    }
}

/// Over http browsers must not be told to insist on https, which nobody may speak here.
#[tokio::test]
async fn without_https_nobody_is_sent_to_it() {
    let test =
        TestApp::with_settings(NOW, |settings| "http://127.0.0.1".clone_into(&mut settings.public_url));
    let server: Server = test.await.serve().await;
    assert_eq!(server.get("/healthz").await.header("strict-transport-security"), "");
}
