//! What `init`, `serve` and `check-config` accept, and what they say where they do not.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use testkit::Directory;

use super::harness::{Place, Process, Serving, refusal, tidemark};

/// Every file but `lock`, which says who looked last.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.is_file() && !path.ends_with("lock"));
    files.map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

#[test]
fn init_prints_its_credentials_as_one_line_of_six_members() {
    let directory = Directory::new();
    let data = directory.path().join("data");
    let output = tidemark("init").arg("--data-dir").arg(&data).arg("--json").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    let printed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut members: Vec<_> = printed.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["client_id", "client_secret", "login", "password", "tenant_id", "user_id"]);
    assert!(
        printed
            .as_object()
            .unwrap()
            .values()
            .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
    );
}

#[test]
fn the_credentials_that_init_prints_are_good_and_stand_in_no_file() {
    let place = Place::new();
    let serving = place.serve();
    let top = serving.get(&format!("/tenants/{}", place.first.tenant_id));
    assert_eq!(top["kind"], "root");
    assert_eq!(top["parent_id"], top["id"]);
    let user =
        serving.client.get("/api/2/users/me").basic(&place.first.login, &place.first.password).send().ok();
    assert_eq!(user["id"], place.first.user_id.to_string());
    serving.kill();
    for (name, bytes) in files(&place.data()) {
        for secret in [&place.first.client_secret, &place.first.password] {
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret.as_bytes()),
                "{name} holds a secret"
            );
        }
    }
}

#[test]
fn a_second_init_is_refused_and_changes_nothing() {
    let place = Place::new();
    let before = files(&place.data());
    let said = refusal(place.command("init").arg("--json"));
    assert!(said.contains(&place.data().display().to_string()) && said.contains("already"), "{said}");
    assert_eq!(files(&place.data()), before);
}

#[test]
fn the_key_file_is_for_its_owner_alone() {
    let place = Place::new();
    let key = place.data().join("secret.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let said = refusal(&mut place.serve_command());
    assert!(said.contains("secret_key_file") && said.contains(&key.display().to_string()), "{said}");
}

#[test]
fn a_key_that_is_not_the_databases_own_is_refused() {
    let (place, other) = (Place::new(), Place::new());
    let said = refusal(place.serve_command().arg("--secret-key-file").arg(other.data().join("secret.key")));
    assert!(said.contains("secret_key_file"), "{said}");
}

#[test]
fn two_servers_cannot_share_a_data_directory() {
    let place = Place::new();
    let first = place.serve();
    let said = refusal(&mut place.serve_command());
    assert!(said.contains(&place.data().display().to_string()), "{said}");
    assert!(said.contains(&format!("process {}", first.process.id())), "{said}");
    let said = refusal(&mut place.command("init"));
    assert!(said.contains("in use"), "{said}");
    first.kill();
    place.serve();
}

#[test]
fn serve_without_a_database_says_how_to_make_one() {
    let directory = Directory::new();
    let empty = directory.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for data in [empty, directory.path().join("nowhere")] {
        let said = refusal(tidemark("serve").arg("--data-dir").arg(&data));
        assert!(said.contains(&format!("tidemark init --data-dir {}", data.display())), "{said}");
    }
    assert!(!directory.path().join("nowhere").exists());
}

#[test]
fn a_rehearsal_goes_neither_with_a_relay_nor_with_an_open_address() {
    let place = Place::new();
    let rehearse = || {
        let mut command = place.command("serve");
        command.args(["--clock-start", "2026-05-08T10:00:00Z"]);
        command
    };
    let said = refusal(rehearse().env("TIDEMARK_SMTP__HOST", "127.0.0.1"));
    assert!(said.contains("clock_start") && said.contains("smtp.host"), "{said}");
    let said =
        refusal(rehearse().args(["--listen", "0.0.0.0:0", "--public-url", "https://tide.example.com"]));
    assert!(said.contains("clock_start") && said.contains("loopback"), "{said}");
}

#[test]
fn a_rehearsal_is_said_loudly() {
    let place = Place::rehearsing("2026-05-08T10:00:00Z");
    let mut command = place.serve_command();
    command.args(["--clock-start", "2026-05-08T10:00:00Z"]);
    let serving = place.serve_by(command);
    serving.process.logged("REHEARSAL");
    let top = serving.get(&format!("/tenants/{}", place.first.tenant_id));
    assert!(top["created_at"].as_str().unwrap().starts_with("2026-05-08T10:00:"), "{top}");
}

#[test]
fn an_address_that_others_reach_needs_a_public_url() {
    let place = Place::new();
    let said = refusal(place.command("serve").args(["--listen", "0.0.0.0:0"]));
    assert!(said.contains("public_url"), "{said}");
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let place = Place::new();
    let file = place.beside().join("tidemark.toml");
    let with_file = |text: &str| {
        fs::write(&file, text).unwrap();
        refusal(place.command("check-config").arg("--config").arg(&file))
    };
    for (text, name) in [
        ("listn = \"127.0.0.1:0\"", "listn"),
        ("[smtp]\nhots = \"relay\"", "hots"),
        ("[smpt]\nhost = \"relay\"", "smpt"),
    ] {
        let said = with_file(text);
        assert!(said.contains(name), "{said}");
    }
    let said = refusal(place.serve_command().env("TIDEMARK_LISTN", "127.0.0.1:0"));
    assert!(said.contains("listn"), "{said}");
    let said = refusal(place.command("check-config").env("TIDEMARK_SMTP__HOTS", "relay"));
    assert!(said.contains("hots"), "{said}");
    let said = refusal(place.command("check-config").arg("--config").arg(place.beside().join("none.toml")));
    assert!(said.contains("none.toml"), "{said}");
}

#[test]
fn check_config_says_what_would_be_used_and_serves_nothing() {
    let place = Place::new();
    let file = place.beside().join("tidemark.toml");
    fs::write(&file, "listen = \"127.0.0.1:7001\"\n[smtp]\nhost = \"relay.example\"\nuser = \"u\"\n")
        .unwrap();
    let mut command = place.command("check-config");
    command.arg("--config").arg(&file).env("TIDEMARK_LISTEN", "127.0.0.1:7002");
    let output = command.env("TIDEMARK_SMTP__PASSWORD", "not-for-eyes").output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        said.contains("127.0.0.1:7002") && said.contains("relay.example") && said.ends_with("ok\n"),
        "{said}"
    );
    assert!(!said.contains("not-for-eyes"), "{said}");
}

#[test]
fn a_port_in_use_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(place.command("serve").args(["--listen", &address]));
    assert!(said.contains("listen") && said.contains(&address), "{said}");
}

#[test]
fn a_wrong_command_line_ends_with_2_and_names_the_fault() {
    let output = tidemark("serve").arg("--lisen").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--lisen"));
}

#[test]
fn logs_go_to_standard_error_and_the_ready_line_alone_to_standard_output() {
    let place = Place::new();
    let mut command = place.serve_command();
    command.env("TIDEMARK_LOG__FORMAT", "json");
    let mut process = Process::start(&mut command);
    assert!(process.line().starts_with("ready http://127.0.0.1:"));
    process.terminate();
    assert_eq!(process.ended().code(), Some(0));
    process.logged("stopped");
    for line in process.log().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|why| panic!("{why}: {line}"));
    }
    assert!(process.said_no_more());
}

#[test]
fn a_data_directory_that_init_makes_is_for_its_owner_alone() {
    let mode = fs::metadata(Place::new().data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_socket_for_the_world_needs_a_public_url() {
    let place = Place::new();
    let socket = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let mut command = place.serve_command();
    let mut refused = Serving::process_behind(&socket, &command);
    assert_eq!(refused.ended().code(), Some(1));
    assert!(refused.whole_log().contains("public_url: required"), "{}", refused.log());
    command.args(["--public-url", "https://tide.example.com"]);
    assert!(Serving::process_behind(&socket, &command).line().starts_with("ready http://0.0.0.0:"));
}
