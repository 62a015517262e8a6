//! Brands over HTTP, and what reports and mails make of them.

use std::io::{Read as _, Write as _};

use app::settings::Transport;
use domain::access::Role;
use domain::delivery::DeliveryState;
use domain::ids::TenantId;
use domain::tenant::TenantKind::{Customer, Folder, Partner};
use serde_json::{Value, json};
use testkit::{Fault, Server, SmtpSink, TestApp};

use crate::desk::{Desk, monthly, once, sent};

const NOW: &str = "2026-05-08T10:58:53Z";
const LOGO: &[u8] = include_bytes!("../../../render/tests/logo.png");

struct Shop {
    server: Server,
    token: String,
    partner: TenantId,
}

impl Shop {
    async fn of(test: &TestApp, partner: TenantId) -> Self {
        let server = test.serve().await;
        let (client, secret) = test.client(partner, Role::PartnerAdmin).await;
        let token = server.token(&client, &secret).await;
        Self { server, token, partner }
    }

    async fn version(&self, tenant: TenantId) -> Value {
        self.tenant(tenant).await["version"].clone()
    }

    async fn tenant(&self, tenant: TenantId) -> Value {
        self.server.get(&format!("/api/2/tenants/{tenant}")).bearer(&self.token).await.ok()
    }

    async fn write(&self, method: &str, tenant: TenantId, body: Value) -> (u16, Value) {
        let path = format!("/api/2/tenants/{tenant}/brand?version={}", self.version(tenant).await);
        let call = self.server.call(method.parse().unwrap(), &path).bearer(&self.token);
        let answer = if body.is_null() { call.await } else { call.json(body).await };
        (answer.status, answer.json())
    }

    async fn read(&self, tenant: TenantId, query: &str) -> (u16, Value) {
        let path = format!("/api/2/tenants/{tenant}/brand{query}");
        let answer = self.server.get(&path).bearer(&self.token).await;
        (answer.status, answer.json())
    }

    async fn upload(&self, kind: &str, bytes: &[u8]) -> testkit::Answer {
        let version = self.version(self.partner).await;
        let path = format!("/api/2/tenants/{}/brand/logo?version={version}", self.partner);
        self.server.post(&path).bearer(&self.token).raw(kind, bytes).await
    }

    fn code(answer: &(u16, Value)) -> (u16, &Value) {
        (answer.0, &answer.1["error"]["code"])
    }
}

#[tokio::test]
async fn a_brand_is_made_changed_inherited_and_taken_away() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let folder = test.tenant(partner, Folder, "Folder").await;
    let customer = test.tenant(folder, Customer, "Harbour").await;
    let shop = Shop::of(&test, partner).await;
    assert_eq!(Shop::code(&shop.read(partner, "").await), (404, &json!(404)));
    assert_eq!(shop.read(partner, "?effective=1").await, (200, json!({})), "the platform's own look");
    assert_eq!(Shop::code(&shop.write("PUT", partner, json!({})).await), (404, &json!(404)));

    let body = json!({"company_name":"Coast IT","color":"#8A2be2","smtp_override":"1","smtp_port":"587",
        "smtp_password":"hunter2","home_url":"https://coast.example","white_labeled_agent":"true","surprise":1});
    let (status, tenant) = shop.write("POST", partner, body).await;
    assert_eq!((status, &tenant["version"], &tenant["brand_enabled"]), (201, &json!(2), &json!(true)));
    let shown = json!({"company_name":"Coast IT","color":"#8A2be2","smtp_override":1,"smtp_port":587,
        "home_url":"https://coast.example","white_labeled_agent":true});
    assert_eq!(shop.read(partner, "").await, (200, shown.clone()));
    assert_eq!(shop.read(folder, "?effective=1").await, (200, shown));
    for below in [folder, customer] {
        let below = shop.tenant(below).await;
        assert_eq!(below["brand_id"], tenant["brand_id"]);
        assert_eq!(below["brand_uuid"], tenant["brand_uuid"]);
        assert_eq!((&below["brand_enabled"], &below["version"]), (&json!(false), &json!(1)));
    }
    let again = shop.write("POST", partner, json!({})).await;
    assert_eq!(Shop::code(&again), (409, &json!(409)));

    let change = json!({"service_name":"Coast Cloud","company_name":"","color":null,"smtp_override":0});
    assert_eq!(shop.write("PUT", partner, change).await.0, 200);
    let brand = shop.read(partner, "").await.1;
    assert_eq!((&brand["company_name"], &brand["service_name"]), (&Value::Null, &json!("Coast Cloud")));
    assert_eq!((&brand["color"], &brand["smtp_override"]), (&json!("#8A2be2"), &json!(0)));
    let stale = format!("/api/2/tenants/{partner}/brand?version=2");
    let stale = shop.server.put(&stale).bearer(&shop.token).json(json!({})).await.expect(409);
    assert_eq!(stale["error"]["code"], 1001);

    let (_, own) = shop.write("POST", folder, json!({"company_name":"Folder Ltd"})).await;
    assert_ne!(own["brand_id"], tenant["brand_id"]);
    assert_eq!(shop.tenant(customer).await["brand_uuid"], own["brand_uuid"], "the nearest one counts");
    assert_eq!(shop.read(folder, "?effective=1").await.1["service_name"], "Coast Cloud", "the parent's");
    let me = shop.server.get("/api/2/users/me").bearer(&shop.token).await.ok();
    assert_eq!(me["brand_id"], tenant["brand_uuid"]);
    assert_eq!(shop.write("DELETE", folder, Value::Null).await.0, 204);
    assert_eq!(shop.tenant(customer).await["brand_uuid"], tenant["brand_uuid"]);
    assert_eq!(shop.write("DELETE", partner, Value::Null).await.0, 204);
    assert_eq!(shop.tenant(customer).await["brand_id"], 1);
    let (_, anew) = shop.write("POST", partner, json!({})).await;
    assert!(anew["brand_id"].as_i64() > own["brand_id"].as_i64(), "no number comes twice");
}

#[tokio::test]
async fn what_is_not_allowed_is_refused_by_its_name_and_changes_nothing() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let customer = test.tenant(partner, Customer, "Harbour").await;
    let shop = Shop::of(&test, partner).await;
    shop.write("POST", partner, json!({"company_name":"Coast IT"})).await;
    let before = (shop.version(partner).await, shop.read(partner, "").await);
    for (member, value) in [
        ("color", json!("red")),
        ("color", json!("#fff;background:url(//evil)")),
        ("home_url", json!("javascript:alert(1)")),
        ("company_name", json!("a\r\nBcc: all@example.com")),
        ("smtp_port", json!(0)),
        ("smtp_encryption", json!("STARTTLS")),
        ("smtp_reply_address", json!("nobody")),
        ("smtp_override", json!(2)),
    ] {
        let answer = shop.write("PUT", partner, json!({member: value})).await;
        assert_eq!(Shop::code(&answer), (400, &json!(400)), "{member}");
        let info = answer.1["error"]["details"]["info"].as_str().unwrap();
        assert!(info.starts_with(&format!("{member}: ")), "{info}");
    }
    for server in
        ["127.0.0.1", "localhost", "10.0.0.7", "[::1]", "169.254.169.254", "::ffff:192.168.0.1", "a b"]
    {
        let answer = shop.write("PUT", partner, json!({"smtp_server":server})).await;
        assert_eq!(Shop::code(&answer), (400, &json!(1025)), "{server}");
    }
    assert_eq!((shop.version(partner).await, shop.read(partner, "").await), before);
    for (method, body) in [("POST", json!({})), ("PUT", json!({})), ("DELETE", Value::Null)] {
        assert_eq!(Shop::code(&shop.write(method, customer, body).await), (400, &json!(1027)), "{method}");
    }
    assert_eq!(Shop::code(&shop.read(customer, "").await), (400, &json!(1027)));
    assert_eq!(shop.write("PUT", partner, json!({"smtp_server":"1.1.1.1"})).await.0, 200);
}

#[tokio::test]
async fn the_operator_may_let_brands_name_servers_of_its_own_network() {
    let test = TestApp::with_mail(NOW, |mail| mail.private_brand_servers = true).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let shop = Shop::of(&test, partner).await;
    assert_eq!(shop.write("POST", partner, json!({"smtp_server":"10.0.0.7"})).await.0, 201);
}

#[tokio::test]
async fn the_password_of_a_mail_server_is_sealed_and_shown_nowhere() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let shop = Shop::of(&test, partner).await;
    let (_, tenant) =
        shop.write("POST", partner, json!({"smtp_user":"coast","smtp_password":"hunter2-secret"})).await;
    assert_eq!(shop.read(partner, "").await.1, json!({"smtp_user":"coast"}));
    let mut conn = test.app.read().await.unwrap();
    let brand = store::brands::of_tenant(&mut conn, test.no(partner).await).await.unwrap().unwrap();
    let sealed = brand.version.sealed_smtp_password.unwrap();
    let name = format!("brand/{}/smtp", tenant["brand_uuid"].as_str().unwrap());
    assert_eq!(test.app.sealing.open(&name, &sealed).unwrap(), b"hunter2-secret");
    drop(conn);
    for file in std::fs::read_dir(test.directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!bytes.windows(7).any(|part| part == b"hunter2"), "it lies open in the database");
    }
}

#[tokio::test]
async fn a_logo_is_a_png_file_of_moderate_size() {
    let test = TestApp::at(NOW).await;
    let partner = test.tenant(test.top, Partner, "North").await;
    let folder = test.tenant(partner, Folder, "Folder").await;
    let shop = Shop::of(&test, partner).await;
    assert_eq!(shop.upload("image/png", LOGO).await.status, 404, "a brand comes first");
    shop.write("POST", partner, json!({})).await;
    let path = format!("/api/2/tenants/{partner}/brand/logo");
    assert_eq!(shop.server.get(&path).bearer(&shop.token).await.status, 404);
    let large = [LOGO, &vec![0; 300 * 1024]].concat();
    for (kind, bytes, status, info) in [
        ("image/jpeg", LOGO, 415, "Content-Type"),
        ("image/png", b"\xff\xd8\xff\xe0 a photograph".as_slice(), 400, "logo: is no PNG file"),
        ("image/png", &LOGO[..100], 400, "logo: is a damaged PNG file"),
        ("image/png", &large, 400, "logo: is larger than 262144 bytes"),
    ] {
        let refused = shop.upload(kind, bytes).await.expect(status);
        assert!(refused["error"]["details"]["info"].as_str().unwrap().starts_with(info), "{refused}");
    }
    let tenant = shop.upload("image/png", LOGO).await.expect(201);
    assert_eq!(tenant["version"], 3);
    let below = format!("/api/2/tenants/{folder}/brand/logo?effective=1");
    for path in [path.as_str(), &below] {
        let logo = shop.server.get(path).bearer(&shop.token).header("Accept", "image/png").await;
        assert_eq!((logo.status, logo.header("Content-Type")), (200, "image/png"));
        assert_eq!(logo.header("Cache-Control"), "max-age=86400, must-revalidate");
        assert_eq!(logo.body, LOGO);
    }
    let (address, token) = (shop.server.address(), shop.token.clone());
    let chunked = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "POST {path}?version=3 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let chunked = chunked.await.unwrap();
    assert!(chunked.starts_with("HTTP/1.1 400") && chunked.contains("Content-Length: required"), "{chunked}");
}

#[tokio::test]
async fn reports_and_mails_bear_the_nearest_brand_as_it_was_when_they_were_made() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let shop = Shop::of(&desk.test, desk.partner).await;
    let body = json!({"company_name":"Coast IT","color":"#8a2be2","smtp_reply_address":"help@coast.example"});
    shop.write("POST", desk.partner, body).await;
    shop.upload("image/png", LOGO).await.expect(201);
    let path = format!(
        "/api/tidemark/1/tenants/{}/report?kind=usage_current&level=itself&format=html",
        desk.customer
    );
    let page = shop.server.get(&path).bearer(&shop.token).await;
    assert_eq!(page.status, 200, "{}", page.text());
    for sign in ["--bar: #8a2be2;", "<span>Coast IT</span>", "src=\"data:image/png;base64,iVBORw0KGgo"] {
        assert!(page.text().contains(sign), "{sign}");
    }
    let boss = desk.user(desk.partner, "boss@north.example").await;
    desk.create(&sent(monthly(), &[boss])).await.unwrap();
    desk.pass("2020-04-01T23:59:59Z").await;
    let shop = Shop::of(&desk.test, desk.partner).await;
    shop.write("PUT", desk.partner, json!({"company_name":"Renamed later"})).await;
    assert_eq!(shop.write("DELETE", desk.partner, Value::Null).await.0, 204);
    desk.pass("2020-04-02T00:00:00Z").await;
    let mails = desk.folder();
    let [(_, mail)] = &mails[..] else { panic!("one mail: {}", mails.len()) };
    for sign in [
        "From: \"Coast IT\" <reports@tide.example.com>\r\n",
        "Reply-To: help@coast.example\r\n",
        "Content-Type: multipart/related;",
        "Content-ID: <logo@tidemark>\r\n",
        "cid:logo@tidemark",
    ] {
        assert!(mail.contains(sign), "{sign} in {mail}");
    }
}

/// A desk whose operator has a relay, and whose partner's brand names a mail server of its own.
async fn desk_with_own_server(operators: &SmtpSink, own: &SmtpSink, inner_too: bool) -> Desk {
    let relay = operators.settings();
    let test = TestApp::with_mail("2020-03-04T10:00:00Z", |mail| {
        mail.transport = Transport::Smtp(relay);
        mail.private_brand_servers = inner_too;
    });
    let desk = Desk::of(test.await).await;
    // Below the use cases, which would refuse the address.
    let members = json!({"company_name":"Coast IT","smtp_override":true,"smtp_reply_address":"help@coast.example",
        "smtp_server":"127.0.0.1","smtp_port":own.port()});
    let version =
        store::brands::Version { members: serde_json::from_value(members).unwrap(), ..Default::default() };
    let no = desk.test.no(desk.partner).await;
    let mut tx = desk.test.app.write_as(domain::access::Actor::System).await.unwrap();
    let uuid = desk.test.app.ids.other().unwrap();
    store::brands::insert(&mut tx, uuid, no, &version).await.unwrap();
    tx.commit().await.unwrap();
    desk
}

#[tokio::test]
async fn mails_go_through_the_server_that_the_brand_names_from_its_own_address() {
    let (operators, own) = (SmtpSink::failing([]).await, SmtpSink::failing([]).await);
    let desk = desk_with_own_server(&operators, &own, true).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    desk.create(&sent(once(), &[jdoe])).await.unwrap();
    desk.drain().await;
    let mails = own.mails();
    assert_eq!((mails.len(), operators.mails().len()), (1, 0));
    assert_eq!(mails[0].from, "help@coast.example");
    assert_eq!(mails[0].header("From"), Some("\"Coast IT\" <help@coast.example>"));
}

#[tokio::test]
async fn a_server_that_leads_inside_is_never_connected_to() {
    let (operators, own) = (SmtpSink::failing([]).await, SmtpSink::failing([]).await);
    let desk = desk_with_own_server(&operators, &own, false).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    let id = desk.create(&sent(once(), &[jdoe])).await.unwrap().report.id;
    desk.drain().await;
    assert_eq!((own.connections(), operators.mails().len()), (0, 0));
    let delivery = desk.deliveries(id).await.remove(0);
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Pending, 1));
}

#[tokio::test]
async fn a_faulty_server_of_a_brand_holds_up_the_mails_of_that_brand_alone() {
    let (operators, own) =
        (SmtpSink::failing([]).await, SmtpSink::failing([Fault::Greeting("554 go away")]).await);
    let desk = desk_with_own_server(&operators, &own, true).await;
    let jdoe = desk.user(desk.customer, "jdoe@harbour.example").await;
    for _ in 0..3 {
        desk.create(&sent(once(), &[jdoe])).await.unwrap();
    }
    let root = desk.user(desk.test.top, "root@tide.example").await;
    let caller = desk.test.caller(desk.test.top, Role::RootAdmin).await;
    let other = sent(once(), &[root]);
    app::reports::create(&desk.test.app, &caller, desk.test.top, &other).await.unwrap();
    desk.drain().await;
    assert_eq!(own.connections(), 1, "the others of the brand wait for the pause");
    assert_eq!(operators.mails().len(), 1);
    desk.pass("2020-03-04T10:00:31Z").await;
    assert_eq!(own.mails().len(), 3);
}
