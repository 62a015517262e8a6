//! Names in any script come out as they went in, wherever they are shown; how long they may be is counted in characters;
//! and control characters are refused, as is a login that is not of ASCII (wire-conventions, 3; accounts-api, 1.9).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::tenant::TenantKind::Partner;
use domain::text::percent_encoded;
use serde_json::{Value, json};

use crate::lists::{Scene, text};

const NAMES: [&str; 12] = [
    "شركة المرفأ المحدودة",
    "हार्बर क्षेत्र लिमिटेड",
    "חברת הנמל 12 (בע״מ)",
    "北方合作夥伴 𠜎𠜱𠝹𠱓",
    "ไทยท่าเรือ ปู่",
    "Cafe\u{301} Zu\u{308}rich, pre\u{301}compose\u{301}",
    "Café Zürich, précomposé",
    "👩‍👩‍👧‍👦 Family & 🏴‍☠️ Söhne",
    "left \u{202e}thgir\u{202c} left \u{200f}‏",
    "=1+1;\"quoted\", <b>'bold'</b> &amp; \\ %00 $name {x}",
    "\u{feff}mark\u{a0}and\u{3000}spaces\u{200b}",
    "Ꟁ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 \u{1f1e9}\u{1f1ea} \u{10fffd}",
];

/// Where things with names are made: the path, what is made there, and the members of its body that hold a name.
const PLACES: [(&str, &str, &[&str]); 6] = [
    (
        "/api/2/tenants",
        "tenant",
        &["name", "customer_id", "internal_tag", "contact.firstname", "contact.city"],
    ),
    (
        "/api/2/users",
        "user",
        &[
            "contact.firstname",
            "contact.lastname",
            "contact.title",
            "external_id",
            "origin_id",
            "origin_external_id",
        ],
    ),
    ("/api/2/clients", "client", &["data.client_name", "origin_id"]),
    ("/api/2/locations", "location", &["name"]),
    ("/api/2/infra", "infra", &["name"]),
    ("/api/2/tenants/$parent/brand?version=1", "brand", &["company_name", "service_name", "support_phone"]),
];

/// A scene with a partner for everything to stand in.
struct Stage {
    scene: Scene,
    parent: String,
    users: u32,
}

impl Stage {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let parent = scene.test.tenant(scene.test.top, Partner, "Parent").await.to_string();
        Self { scene, parent, users: 0 }
    }

    /// The body that makes one of these, without names that may be left out.
    fn plain(&mut self, what: &str) -> Value {
        self.users += 1;
        let (parent, login) = (&self.parent, format!("user-{}", self.users));
        match what {
            "tenant" => json!({"name": "x", "parent_id": parent, "kind": "customer", "contact": {}}),
            "user" => json!({"tenant_id": parent, "login": login, "contact": {"email": "x@x.example"}}),
            "client" => json!({"type": "api_client", "tenant_id": parent, "data": {},
                "token_endpoint_auth_method": "client_secret_basic"}),
            "location" => json!({"owner_tenant_id": parent, "name": "x"}),
            "infra" => json!({"owner_tenant_id": parent, "name": "x", "url": "abgw://x.example.com:1",
                "capabilities": ["backup"]}),
            _ => json!({}),
        }
    }

    /// Makes something with this name in this member.
    async fn make(&mut self, place: (&str, &str), member: &str, name: &str) -> testkit::Answer {
        let mut body = self.plain(place.1);
        *member_mut(&mut body, member) = json!(name);
        let path = place.0.replace("$parent", &self.parent);
        self.scene.server.post(&path).bearer(&self.scene.token).json(body).await
    }
}

/// A member of members, by its dotted path.
fn member_mut<'a>(body: &'a mut Value, path: &str) -> &'a mut Value {
    path.split('.').fold(body, |value, member| &mut value[member])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_name_is_checked_by_its_characters_and_says_what_is_wrong() {
    let mut stage = Stage::new().await;
    for (path, what, members) in PLACES {
        for member in members {
            let mut refused: Vec<String> = ["\0", "\n", "\r", "\t", "\u{1b}", "\u{7f}", "\u{85}", "\u{9f}"]
                .map(|c| format!("a{c}b"))
                .to_vec();
            // 256 characters of four bytes are not too long, and 257 of one byte are.
            refused.push("x".repeat(257));
            for name in refused {
                let answer = stage.make((path, what), member, &name).await;
                let said = format!("{what} with {member} {name:?}: {}", answer.text());
                assert_eq!(answer.status, 400, "{said}");
                let info = answer.json()["error"]["details"]["info"].as_str().unwrap().to_owned();
                assert!(info.starts_with(&format!("{member}:")), "{said}");
            }
            if what != "brand" {
                let longest = "𠜎".repeat(256);
                let answer = stage.make((path, what), member, &longest).await;
                assert!(answer.status < 300, "{what} with the longest {member}: {}", answer.text());
                assert!(answer.text().contains(&longest), "{what}.{member}");
            }
        }
    }
    // Half of a pair is no character at all.
    let half = r#"{"name":"a\ud83d","parent_id":"x","kind":"customer"}"#;
    let answer = stage
        .scene
        .server
        .post("/api/2/tenants")
        .bearer(&stage.scene.token)
        .raw("application/json", half)
        .await;
    assert!(
        answer.expect(400)["error"]["details"]["info"].as_str().unwrap().starts_with("name:"),
        "{}",
        answer.text()
    );
    let latin1 = b"{\"name\":\"a\xe9\",\"parent_id\":\"x\",\"kind\":\"customer\"}".to_vec();
    let answer = stage
        .scene
        .server
        .post("/api/2/tenants")
        .bearer(&stage.scene.token)
        .raw("application/json", latin1)
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_of_another_script_is_refused_wherever_it_comes() {
    let mut stage = Stage::new().await;
    let long = "x".repeat(257);
    let refused = [
        "логин",
        "用户名",
        "jdoe\u{301}",
        "j doe",
        "jd\u{200d}oe",
        "ｊｄｏｅ",
        "😀😀😀",
        "jd",
        "",
        "a\0bc",
        "a\nbc",
        &long,
    ];
    for login in refused {
        let mut body = stage.plain("user");
        body["login"] = json!(login);
        body["contact"]["email"] = json!("");
        let answer = stage.scene.server.post("/api/2/users").bearer(&stage.scene.token).json(body).await;
        // NUL is refused in any text of any body.
        let code = if login.contains('\0') { 400 } else { 1033 };
        assert_eq!(answer.expect(400)["error"]["code"], code, "{login:?}: {}", answer.text());
        let asked = format!("/api/2/users/check_login?username={}", percent_encoded(login));
        assert_eq!(stage.scene.server.get(&asked).bearer(&stage.scene.token).await.status, 406, "{login:?}");
        // Who signs in with it is nobody, in the same words as anybody else.
        let form = [("grant_type", "password"), ("username", login), ("password", "correct horse")];
        let answer = stage.scene.server.post("/api/2/idp/token").form(&form).await;
        assert!([400, 401].contains(&answer.status), "{login:?}: {}", answer.text());
    }
    let longest = format!("{}#$%^*={{}}'/?`!:+_.@-", "x".repeat(237));
    assert_eq!(longest.chars().count(), 256);
    let mut body = stage.plain("user");
    body["login"] = json!(format!("  {longest} "));
    let made = stage.scene.server.post("/api/2/users").bearer(&stage.scene.token).json(body).await.ok();
    assert_eq!(made["login"], longest, "trimmed");
    let asked = format!("/api/2/users/check_login?username={}", percent_encoded(&longest));
    assert_eq!(stage.scene.server.get(&asked).bearer(&stage.scene.token).await.status, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_in_any_script_come_out_as_they_went_in() {
    let mut stage = Stage::new().await;
    for name in NAMES {
        for (path, what, members) in PLACES.into_iter().filter(|(_, what, _)| *what != "brand") {
            let answer = stage.make((path, what), members[0], name).await;
            let sent = serde_json::to_string(name).unwrap();
            assert!(answer.status < 300 && answer.text().contains(&sent), "{what}: {}", answer.text());
        }
        let tenant = text(&stage.make(("/api/2/tenants", "tenant"), "name", name).await.expect(201), "id");
        let scene = &stage.scene;
        for path in [
            format!("tenants/{tenant}"),
            format!("tenants?uuids={tenant}"),
            format!("search?tenant={tenant}&text={}", percent_encoded(name)),
        ] {
            let answer = scene.ask(&scene.token, &path).await;
            let seen = answer.ok();
            let seen = if seen["items"].is_array() { &seen["items"][0] } else { &seen };
            assert_eq!(seen["name"], *name, "{path}: {}", answer.text());
            // Non-ASCII unescaped (wire-conventions, 3).
            assert!(answer.body.iter().any(|byte| *byte >= 0x80) || name.is_ascii(), "{path}");
            assert!(!answer.text().contains("\\u"), "{path}");
        }
        let log = format!("/api/tidemark/1/tenants/{tenant}/changes?object=tenant&field=name");
        let log = scene.server.get(&log).bearer(&scene.token).await.ok();
        assert_eq!(log["items"][0]["new"], *name);
        files(scene, &tenant, name).await;
    }
}

/// The report on a tenant of this name, in every form.
async fn files(scene: &Scene, tenant: &str, name: &str) {
    let tenant: domain::ids::TenantId = tenant.parse().unwrap();
    let file = async |format: &str| {
        let path =
            format!("/api/tidemark/1/tenants/{tenant}/report?level=itself&format={format}&end=2026-05-08");
        let answer = scene.server.get(&path).bearer(&scene.token).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        answer
    };
    crate::metering::Metering::switch(&scene.test, tenant, "vms", None, true).await;
    let guarded = if name.starts_with('=') { format!("'{name}") } else { name.to_owned() };
    for (format, column, expected) in [("csv_v2_0", "tenant.name", name), ("csv", "Tenant", &guarded)] {
        let body = file(format).await.body;
        // Excel wants a byte order mark, which is no part of the first column's name.
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&body);
        let rows: Vec<BTreeMap<String, String>> =
            csv::Reader::from_reader(body).deserialize().map(Result::unwrap).collect();
        assert!(!rows.is_empty() && rows.iter().all(|row| row[column] == expected), "{format}: {rows:?}");
    }
    for format in ["json_v1", "json_v2_0"] {
        let told = file(format).await.json();
        assert_eq!(
            (&told["params"]["name"], &told["tenants"][0]["tenant"]["name"]),
            (&json!(name), &json!(name))
        );
    }
    let page = file("html").await.text();
    assert!(unescaped(&page).contains(name), "{page}");
    assert!(!page.contains("<b>'bold'</b>"), "markup in a name stays text");
}

/// A page with its entities replaced, of which the ampersand's comes last.
fn unescaped(page: &str) -> String {
    let pairs = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    pairs.iter().fold(page.to_owned(), |page, (entity, text)| page.replace(entity, text))
}

/// The mail of a report, whose recipient and subject have these names: header lines unfolded, encoded words read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_say_names_in_their_headers_as_encoded_words() {
    let desk = crate::desk::Desk::at("2026-05-08T10:00:00Z").await;
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let mut expected = Vec::new();
    for (n, name) in NAMES.iter().enumerate() {
        let body = json!({"name": name, "parent_id": desk.partner, "kind": "customer"});
        let tenant = server.post("/api/2/tenants").bearer(&token).json(body).await.expect(201)["id"].clone();
        let contact = json!({"email": format!("u{n}@x.example"), "firstname": name, "lastname": "Doe"});
        let body = json!({"tenant_id": tenant, "login": format!("user-{n}"), "contact": contact});
        let user = server.post("/api/2/users").bearer(&token).json(body).await.ok()["id"].clone();
        let body = json!({"parameters": {"tenant_id": tenant, "level": "itself", "kind": "usage_current", "formats": ["csv"]},
            "schedule": {"type": "once"}, "result_action": "send", "recipients": [user]});
        server.post("/api/2/reports").bearer(&token).json(body).await.ok();
        expected.push((format!("<u{n}@x.example>"), (*name).to_owned()));
    }
    desk.drain().await;
    let mails = desk.folder();
    assert_eq!(mails.len(), NAMES.len());
    for (address, name) in expected {
        let (_, mail) = mails.iter().find(|(_, mail)| mail.contains(&address)).unwrap();
        let headers = mail.split("\r\n\r\n").next().unwrap();
        assert!(headers.is_ascii(), "{headers}");
        assert!(headers.lines().all(|line| line.len() <= 998), "{headers}");
        let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
        let header =
            |begin: &str| decoded(unfolded.lines().find_map(|line| line.strip_prefix(begin)).unwrap());
        let subject = header("Subject: ");
        assert!(subject.starts_with(&format!("Usage report: {name}, 2026-05-01")), "{name:?}: {subject:?}");
        let to = header("To: ").replace("\\\"", "\"").replace("\\\\", "\\");
        assert!(to.contains(&format!("{name} Doe")), "{name:?}: {to:?}");
    }
}

/// A header with its encoded words read (RFC 2047); white space between two of them does not count.
fn decoded(header: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), header, false);
    while let Some((before, word)) = rest.split_once("=?utf-8?") {
        if !(after_word && before.trim().is_empty()) {
            out += before;
        }
        let (kind, word) = word.split_once('?').unwrap();
        let (word, behind) = word.split_once("?=").unwrap();
        assert_eq!(kind, "b", "{header}");
        out += std::str::from_utf8(&STANDARD.decode(word).unwrap()).unwrap();
        (rest, after_word) = (behind, true);
    }
    out + rest
}
