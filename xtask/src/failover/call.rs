//! Calls over HTTP, by curl.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Seconds after which a call counts as not answered.
const PATIENCE: &str = "10";

/// GET: the status and the body; `None` where no answer came.
pub(super) fn get(base: &str, path: &str, token: Option<&str>) -> Option<(u16, Value)> {
    call(base, "GET", path, token, None)
}

/// A call with a JSON body, as [`get`].
pub(super) fn call(
    base: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Option<(u16, Value)> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", PATIENCE, "--request", method, "--write-out", "\n%{http_code}"]);
    if let Some(token) = token {
        curl.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    if body.is_some() {
        curl.args(["--header", "Content-Type: application/json", "--data-binary", "@-"]);
    }
    let mut curl = curl.arg(format!("{base}{path}"));
    curl = curl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut process = curl.spawn().ok()?;
    let mut input = process.stdin.take()?;
    if let Some(body) = body {
        input.write_all(body.to_string().as_bytes()).ok()?;
    }
    drop(input);
    answered(&process.wait_with_output().ok()?.stdout)
}

/// A token for a client.
pub(super) fn token(base: &str, id: &str, secret: &str) -> Option<String> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", PATIENCE, "--write-out", "\n%{http_code}"]);
    curl.args(["--user", &format!("{id}:{secret}"), "--data", "grant_type=client_credentials"]);
    let output = curl.arg(format!("{base}/api/2/idp/token")).output().ok()?;
    let (_, body) = answered(&output.stdout)?;
    body.get("access_token")?.as_str().map(str::to_owned)
}

/// The body, and the status behind it; curl's status is 000 where no answer came.
fn answered(printed: &[u8]) -> Option<(u16, Value)> {
    let text = std::str::from_utf8(printed).ok()?;
    let (body, status) = text.rsplit_once('\n')?;
    let status = status.parse().ok().filter(|status| *status > 0)?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::Null)))
}
