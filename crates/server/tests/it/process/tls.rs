//! TLS by the process itself, for clients that we did not write.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};
use testkit::Certificate;

use super::harness::{Place, Process, refusal, wait_for};

const ASK: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

fn command(place: &Place, certificate: &Certificate) -> Command {
    let mut command = place.serve_command();
    command.arg("--tls-cert").arg(&certificate.certificate).arg("--tls-key").arg(&certificate.key);
    command
}

/// A process that speaks TLS with this certificate, and where.
fn serve(place: &Place, certificate: &Certificate) -> (Process, SocketAddr) {
    let process = Process::start(&mut command(place, certificate));
    let line = process.line();
    let address = line.strip_prefix("ready https://").and_then(|rest| rest.strip_suffix("/api/2"));
    let address = address.unwrap_or_else(|| panic!("not ready: {line:?}")).parse().unwrap();
    (process, address)
}

/// A connection to a server that shows this certificate, or why there is none.
fn connected(
    address: SocketAddr,
    trusted: &Certificate,
) -> Result<StreamOwned<ClientConnection, TcpStream>, rustls::Error> {
    let name = ServerName::try_from("localhost").unwrap();
    let client = ClientConnection::new(trusted.client(&["http/1.1"]), name)?;
    let mut stream = StreamOwned::new(client, TcpStream::connect(address).unwrap());
    match stream.conn.complete_io(&mut stream.sock) {
        Ok(_) => Ok(stream),
        Err(error) => Err(rustls::Error::General(error.to_string())),
    }
}

fn asked(address: SocketAddr, trusted: &Certificate) -> Result<String, rustls::Error> {
    let mut stream = connected(address, trusted)?;
    stream.write_all(ASK.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    Ok(answer)
}

fn curl(address: SocketAddr, trusted: &Certificate, more: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--include", "--cacert"]).arg(&trusted.certificate).args(more);
    let output = curl.arg(format!("https://localhost:{}/healthz", address.port())).output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn clients_speak_http_1_and_http_2_over_tls_1_2_and_1_3() {
    let place = Place::new();
    let certificate = Certificate::new(place.beside(), "server", 30);
    let (_process, address) = serve(&place, &certificate);
    let answer = asked(address, &certificate).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("strict-transport-security: max-age=31536000\r\n"),
        "{answer}"
    );
    let stranger = Certificate::new(place.beside(), "stranger", 30);
    assert!(asked(address, &stranger).is_err(), "the client checks whom it speaks to");

    for (version, protocol, status) in [
        ("--tlsv1.3", "--http2", "HTTP/2 200"),
        ("--tlsv1.3", "--http1.1", "HTTP/1.1 200"),
        ("--tls-max=1.2", "--http2", "HTTP/2 200"),
        ("--tls-max=1.2", "--http1.1", "HTTP/1.1 200"),
    ] {
        let version: Vec<&str> = version.split('=').collect();
        let answer = curl(address, &certificate, &[&version[..], &[protocol]].concat());
        assert!(answer.starts_with(status), "{version:?} {protocol}: {answer}");
    }
    let old = curl(address, &certificate, &["--tls-max", "1.1"]);
    assert!(!old.contains("200"), "{old}");
}

#[test]
fn openssl_sees_the_certificate_verified() {
    let place = Place::new();
    let certificate = Certificate::new(place.beside(), "server", 30);
    let (_process, address) = serve(&place, &certificate);
    let mut client = Command::new("openssl");
    client.args([
        "s_client",
        "-connect",
        &address.to_string(),
        "-servername",
        "localhost",
        "-verify_hostname",
    ]);
    client.args(["localhost", "-alpn", "h2,http/1.1", "-CAfile"]).arg(&certificate.certificate);
    let output = client.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Verify return code: 0 (ok)") && said.contains("ALPN protocol: h2"), "{said}");
}

#[test]
fn issuer_and_links_follow_from_the_protected_address() {
    let place = Place::new();
    let certificate = Certificate::new(place.beside(), "server", 30);
    let (_process, address) = serve(&place, &certificate);
    let mut stream = connected(address, &certificate).unwrap();
    let ask = ASK.replace("/healthz", "/.well-known/openid-configuration");
    stream.write_all(ask.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.contains(&format!("\"issuer\":\"https://{address}\"")), "{answer}");
}

/// The server's certificate as a new connection gets it.
fn shown(address: SocketAddr, trusted: &Certificate) -> bool {
    connected(address, trusted).is_ok()
}

fn replace(old: &Certificate, new: &Certificate) {
    fs::copy(&new.certificate, &old.certificate).unwrap();
    fs::copy(&new.key, &old.key).unwrap();
}

fn hang_up(process: &Process) {
    let sent = Command::new("kill").args(["-HUP", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let place = Place::new();
    let used = Certificate::new(place.beside(), "used", 30);
    let first = Certificate::new(place.beside(), "first", 30);
    replace(&used, &first);
    let (process, address) = serve(&place, &used);
    assert!(shown(address, &first));
    let mut open = connected(address, &first).unwrap();

    let second = Certificate::new(place.beside(), "second", 30);
    replace(&used, &second);
    hang_up(&process);
    wait_for("the second certificate", || shown(address, &second).then_some(()));
    assert!(!shown(address, &first));
    open.write_all(ASK.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = open.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200"), "what is open goes on: {answer}");

    fs::write(&used.key, "no key").unwrap();
    hang_up(&process);
    process.logged("the certificate before stays in use");
    process.logged("holds no private key");
    assert!(shown(address, &second));
}

#[test]
fn without_tls_sighup_ends_nothing() {
    let place = Place::new();
    let serving = place.serve();
    hang_up(&serving.process);
    serving.get(&format!("/tenants/{}", place.first.tenant_id));
    serving.process.terminate();
}

#[test]
fn a_start_with_files_that_cannot_be_used_fails_and_names_them() {
    let place = Place::new();
    let (one, other) =
        (Certificate::new(place.beside(), "one", 30), Certificate::new(place.beside(), "other", 30));
    let crossed = Certificate { certificate: one.certificate.clone(), key: other.key };
    let said = refusal(&mut command(&place, &crossed));
    assert!(said.contains("tls.key_file") && said.contains("other.key"), "{said}");
    let missing = Certificate { certificate: place.beside().join("none.pem"), key: one.key };
    let said = refusal(&mut command(&place, &missing));
    assert!(said.contains("tls.certificate_file") && said.contains("none.pem"), "{said}");
    let said = refusal(place.serve_command().arg("--public-url").arg("http://localhost").args([
        "--tls-cert",
        "/c",
        "--tls-key",
        "/k",
    ]));
    assert!(said.contains("public_url"), "{said}");
}

fn check_config(place: &Place, certificate: &Certificate, public_url: &str) -> Command {
    let mut command = place.command("check-config");
    command.env("TIDEMARK_TLS__CERTIFICATE_FILE", &certificate.certificate);
    command.env("TIDEMARK_TLS__KEY_FILE", &certificate.key).env("TIDEMARK_PUBLIC_URL", public_url);
    command
}

#[test]
fn check_config_reads_the_certificate() {
    let place = Place::new();
    let good = Certificate::new(place.beside(), "good", 30);
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let well = said(&mut check_config(&place, &good, "https://localhost:8443"));
    assert!(well.contains("good.pem, good until 20") && !well.contains("WARNING"), "{well}");
    let elsewhere = said(&mut check_config(&place, &good, "https://tide.example.com"));
    assert!(elsewhere.contains("it is not made out for tide.example.com"), "{elsewhere}");
    fs::set_permissions(&good.key, fs::Permissions::from_mode(0o644)).unwrap();
    let open = said(&mut check_config(&place, &good, "https://localhost"));
    assert!(open.contains("WARNING") && open.contains("tls.key_file"), "{open}");
    let ended = Certificate::new(place.beside(), "ended", -1);
    let refused = refusal(&mut check_config(&place, &ended, "https://localhost"));
    assert!(refused.contains("ended.pem") && refused.contains("ended on"), "{refused}");
}

#[test]
fn a_stop_lets_what_is_under_way_over_tls_finish() {
    let place = Place::new();
    let certificate = Certificate::new(place.beside(), "server", 30);
    let (mut process, address) = serve(&place, &certificate);
    let mut stream = connected(address, &certificate).unwrap();
    let form = "grant_type=client_credentials";
    let head = format!(
        "POST /api/2/idp/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        form.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100 "));
    process.terminate();
    process.logged("stopping");
    stream.write_all(form.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(process.ended().code(), Some(0));
}
