//! Secrets from files, and what becomes of them: they are used, and never said.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use testkit::Client;

use super::harness::{Place, Process, refusal, wait_for};

const SECRET: &str = "s3cret-of-the-test";

fn file(place: &Place, name: &str, content: &str, mode: u32) -> PathBuf {
    let path = place.beside().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// All that a command says, however it ends.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_address_of_the_database_is_read_from_a_file_and_its_password_not_said() {
    let place = Place::new();
    // Nobody listens on port 1.
    let url = format!("postgres://tide:{SECRET}@127.0.0.1:1/tidemark?sslmode=disable\n");
    let path = file(&place, "database-url", &url, 0o600);
    let with_file = |subcommand: &str| {
        let mut command = place.command(subcommand);
        command.env("TIDEMARK_DATABASE_URL_FILE", &path).env("TIDEMARK_LOG__FILTER", "trace");
        command
    };
    let checked = said(&mut with_file("check-config"));
    assert!(
        checked.contains("postgres://tide@127.0.0.1:1/tidemark") && checked.ends_with("ok\n"),
        "{checked}"
    );
    let failed = refusal(with_file("serve").args(["--listen", "127.0.0.1:0"]));
    assert!(failed.contains("127.0.0.1:1"), "{failed}");
    for text in [checked, failed] {
        assert!(!text.contains(SECRET), "{text}");
    }
    let both = refusal(with_file("check-config").env("TIDEMARK_DATABASE_URL", "postgres://x@y/z"));
    assert!(both.contains("database_url: given together with database_url_file"), "{both}");
    let missing = refusal(place.command("check-config").env("TIDEMARK_DATABASE_URL_FILE", "/none/url"));
    assert!(missing.contains("database_url_file") && missing.contains("/none/url"), "{missing}");
}

#[test]
fn a_password_on_the_command_line_is_warned_of() {
    let place = Place::new();
    let url = format!("postgres://tide:{SECRET}@127.0.0.1:1/tidemark");
    let checked = said(place.command("check-config").args(["--database-url", &url]));
    assert!(checked.contains("WARNING") && checked.contains("list of processes"), "{checked}");
    assert!(!checked.contains(SECRET), "{checked}");
    let without =
        said(place.command("check-config").args(["--database-url", "postgres://tide@127.0.0.1:1/t"]));
    assert!(!without.contains("WARNING"), "{without}");
}

#[test]
fn a_file_that_everybody_can_read_is_warned_of() {
    let place = Place::new();
    for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true)] {
        let path = file(&place, "relay-password", SECRET, mode);
        let mut command = place.command("check-config");
        command.env("TIDEMARK_SMTP__HOST", "relay.example").env("TIDEMARK_SMTP__USER", "u");
        let checked = said(command.env("TIDEMARK_SMTP__PASSWORD_FILE", &path));
        assert_eq!(checked.contains("WARNING"), warned, "{mode:o}: {checked}");
        assert!(!checked.contains(SECRET) && checked.ends_with("ok\n"), "{checked}");
    }
}

/// Where root runs the tests, as systemd's credentials are root's.
#[test]
fn a_key_file_is_taken_as_systemd_hands_it_over() {
    use std::os::unix::fs::MetadataExt as _;
    let place = Place::new();
    let key = place.data().join("secret.key");
    let about = fs::metadata(&key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o440)).unwrap();
    if (about.uid(), about.gid()) == (0, 0) {
        place.serve();
    } else {
        let said = refusal(&mut place.serve_command());
        assert!(said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn metrics_are_for_operators_unless_set_otherwise() {
    let place = Place::new();
    let (first, top) = (&place.first, place.first.tenant_id);
    let serve = |metrics: &str| {
        let mut command = place.serve_command();
        command.env("TIDEMARK_METRICS", metrics);
        place.serve_by(command)
    };
    let serving = place.serve();
    let get = || serving.client.get("/metrics");
    get().send().expect(401);
    get().basic(&first.login, "wrong").send().expect(401);
    assert!(get().basic(&first.login, &first.password).send().text().contains("tidemark_open_day"));
    assert!(get().bearer(&serving.token).send().text().contains("tidemark_open_day"));
    let north =
        serving.post("/tenants", &serde_json::json!({"name": "North", "parent_id": top, "kind": "partner"}));
    let client = serde_json::json!({"type": "api_client", "tenant_id": north["id"],
        "token_endpoint_auth_method": "client_secret_basic", "data": {"client_name": "below"}});
    let below = serving.post("/clients", &client);
    let (id, secret) = (below["client_id"].as_str().unwrap(), below["client_secret"].as_str().unwrap());
    let form = [("grant_type", "client_credentials")];
    let token = serving.client.post("/api/2/idp/token").basic(id, secret).form(&form).send().ok();
    get().bearer(token["access_token"].as_str().unwrap()).send().expect(403);
    serving.kill();

    let serving = serve("public");
    assert!(serving.client.get("/metrics").send().text().contains("tidemark_open_day"));
    serving.kill();
    let serving = serve("off");
    serving.client.get("/metrics").bearer(&serving.token).send().expect(404);
    serving.kill();

    let serving = serve("127.0.0.1:0");
    serving.client.get("/metrics").bearer(&serving.token).send().expect(404);
    let alone = wait_for("the address of the metrics", || address_of_metrics(&serving.process));
    let alone = Client::new(alone);
    let answer = alone.get("/metrics").send();
    assert!(answer.text().contains("tidemark_open_day"), "{}", answer.text());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    alone.get("/api/2/versions").send().expect(404);
}

fn address_of_metrics(process: &Process) -> Option<SocketAddr> {
    let log = process.log();
    let line = log.lines().find(|line| line.contains("serving metrics"))?;
    line.split("address=").nth(1)?.split_whitespace().next()?.parse().ok()
}

#[test]
fn no_level_of_the_log_shows_what_somebody_has_proven_themselves_with() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_LOG__FILTER", "trace");
    let serving = place.serve_by(command);
    let first = &place.first;
    let (guess, token) = ("a-guess-of-the-test", &serving.token);
    let client = &serving.client;
    client.get(&format!("/api/2/users/me?access_token={token}")).send().ok();
    client.get("/api/2/users/me").basic(&first.login, &first.password).send().ok();
    client.get("/api/2/users/me").basic(&first.login, guess).send().expect(401);
    client.get(&format!("/api/2/users/me?access_token={guess}")).send().expect(401);
    let form = [("grant_type", "password"), ("username", &*first.login), ("password", &*first.password)];
    let people = client.post("/api/2/idp/token").form(&form).send().ok();
    let (id, secret) = (first.client_id.to_string(), &first.client_secret);
    let form = [("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", secret)];
    client.post("/api/2/idp/token").form(&form).send().ok();
    let log = serving.process.log();
    assert!(log.contains("/users/me"), "the log is there: {log}");
    let people = people["access_token"].as_str().unwrap();
    for secret in [secret, token, people, &first.password, guess] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
