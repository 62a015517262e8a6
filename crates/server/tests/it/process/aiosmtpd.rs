//! An SMTP server that others wrote: aiosmtpd, in a process of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::harness::Lines;
use super::python::python;

/// The server; ends when it is dropped.
pub(crate) struct ForeignSmtp {
    child: Child,
    lines: Lines,
    pub(crate) port: String,
}

impl ForeignSmtp {
    /// Starts one: plain, or one that insists on STARTTLS with this certificate, and then perhaps on a login by this
    /// mechanism: `tide` with the password `s3cret`.
    pub(crate) fn start(certificate: Option<&Certificate>, mechanism: Option<&str>) -> Self {
        let mut command = Command::new(python());
        command.arg("-c").arg(include_str!("sink.py"));
        if let Some(certificate) = certificate {
            command.args([&certificate.leaf, &certificate.key]).args(mechanism);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("an interpreter");
        let lines = Lines::of(child.stdout.take().unwrap());
        let port = lines.next().expect("a port; is aiosmtpd installed?");
        Self { child, lines, port }
    }

    /// The next mail that it took.
    pub(crate) fn mail(&self) -> Value {
        serde_json::from_str(&self.lines.next().expect("a mail")).unwrap()
    }

    /// Ends the server; what it took and was not asked for yet.
    pub(crate) fn rest(mut self) -> Vec<Value> {
        self.child.kill().expect("a child");
        let lines = std::iter::from_fn(|| self.lines.next().ok());
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }
}

impl Drop for ForeignSmtp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A certificate for localhost, and the authority that signed it.
pub(crate) struct Certificate {
    pub(crate) authority: PathBuf,
    pub(crate) leaf: PathBuf,
    pub(crate) key: PathBuf,
}

/// Makes one in this folder.
pub(crate) fn certificate(folder: &Path) -> Certificate {
    let file = |name: &str| folder.join(name);
    let openssl = |more: &[&str], key: &str, out: &str| {
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]);
        command.args(more).arg("-keyout").arg(file(key)).arg("-out").arg(file(out));
        let output = command.output().expect("openssl");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(&["-subj", "/CN=Authority of a test"], "ca.key", "ca.pem");
    let (ca, ca_key) = (file("ca.pem").display().to_string(), file("ca.key").display().to_string());
    let names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
    let leaf = [&["-subj", "/CN=localhost", "-CA", &ca, "-CAkey", &ca_key][..], &names].concat();
    openssl(&leaf, "leaf.key", "leaf.pem");
    Certificate { authority: file("ca.pem"), leaf: file("leaf.pem"), key: file("leaf.key") }
}

/// The value of a header that stands once.
pub(crate) fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    let mut found = headers.iter().filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {headers:?}"))[1].as_str().unwrap();
    assert!(found.next().is_none(), "{name} stands once");
    value
}
