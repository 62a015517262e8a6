//! Certificates made by the program that most are made with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// A certificate for `localhost` and 127.0.0.1 that is its own root, and its key.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate, PEM.
    pub certificate: PathBuf,
    /// Its key, PEM, for its owner alone.
    pub key: PathBuf,
}

#[expect(clippy::expect_used, reason = "a test without its certificate cannot go on")]
impl Certificate {
    /// A new one in this folder, good for so many days from now; one of -1 days has ended.
    pub fn new(folder: &Path, name: &str, days: i32) -> Self {
        let file = |extension: &str| folder.join(format!("{name}.{extension}"));
        let (certificate, key, request) = (file("pem"), file("key"), file("csr"));
        let mut asking = Command::new("openssl");
        asking.args(["req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        asking.args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
        run(asking.arg("-keyout").arg(&key).arg("-out").arg(&request));
        let mut signing = Command::new("openssl");
        signing.args(["x509", "-req", "-copy_extensions", "copyall", "-days", &days.to_string()]);
        run(signing.arg("-in").arg(&request).arg("-signkey").arg(&key).arg("-out").arg(&certificate));
        Self { certificate, key }
    }

    /// What a client is set to that trusts this one and no other, and speaks these protocols (RFC 7301, 6).
    pub fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_file(&self.certificate).expect("a certificate");
        roots.add(root).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(client)
    }
}

#[expect(clippy::expect_used, reason = "a test without its certificate cannot go on")]
fn run(openssl: &mut Command) {
    let output = openssl.output().expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
