//! TLS by this process itself: certificate and key from files, read again when they change.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use app::Clock;
use domain::time::Instant;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use super::certificate;

/// What ALPN calls HTTP/2 (RFC 9113, 3.2) and HTTP/1.1 (RFC 7301, 6).
pub(super) const HTTP_2: &[u8] = b"h2";
const HTTP_1: &[u8] = b"http/1.1";
/// How often the files are looked at.
const PERIOD: Duration = Duration::from_mins(1);

/// Where certificate and key are.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate and what leads from it to a root, PEM.
    pub certificate: PathBuf,
    /// Its private key, PEM, not encrypted.
    pub key: PathBuf,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    config: Arc<ServerConfig>,
    leaf: CertificateDer<'static>,
    /// From when it is good.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

/// Both files as they are, or why one of them cannot be read.
type Found = std::result::Result<(Vec<u8>, Vec<u8>), String>;

impl Files {
    fn look(&self) -> Found {
        let read = |key: &str, file: &Path| {
            std::fs::read(file).map_err(|why| format!("{key}: {} cannot be read: {why}", file.display()))
        };
        Ok((read("tls.certificate_file", &self.certificate)?, read("tls.key_file", &self.key)?))
    }

    fn identity(&self, certificate: &[u8], key: &[u8]) -> Result<Identity> {
        let of_certificate =
            |why: &dyn Display| anyhow!("tls.certificate_file: {} {why}", self.certificate.display());
        let of_key = |why: &dyn Display| anyhow!("tls.key_file: {} {why}", self.key.display());
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<std::result::Result<_, _>>()
            .map_err(|why| of_certificate(&format_args!("is no PEM: {why}")))?;
        let leaf = chain.first().cloned().ok_or_else(|| of_certificate(&"holds no certificate in PEM"))?;
        let (from, until) =
            certificate::validity(&leaf).ok_or_else(|| of_certificate(&"is no X.509 certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| of_key(&"holds no private key in PEM that is not encrypted"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key);
        let mut config = config.map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => {
                of_key(&format_args!("is not the key of {}", self.certificate.display()))
            }
            rustls::Error::InvalidCertificate(_) => of_certificate(&format_args!("cannot be used: {why}")),
            _ => of_key(&format_args!("cannot be used: {why}")),
        })?;
        config.alpn_protocols = vec![HTTP_2.to_vec(), HTTP_1.to_vec()];
        Ok(Identity { config: Arc::new(config), leaf, from, until })
    }

    /// What they hold; the error names the key of the configuration and the file.
    pub fn read(&self) -> Result<Identity> {
        let (certificate, key) = self.look().map_err(anyhow::Error::msg)?;
        self.identity(&certificate, &key)
    }
}

impl Identity {
    /// Fails where it is not good at this moment.
    pub fn check_time(&self, now: Instant) -> Result<()> {
        ensure!(now < self.until, "the certificate ended on {}", self.until);
        ensure!(self.from <= now, "the certificate begins on {} only", self.from);
        Ok(())
    }

    /// Whether it was made out for this host, so that clients that call it by that name accept it.
    pub fn names(&self, host: &str) -> bool {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let (Ok(certificate), Ok(host)) =
            (ParsedCertificate::try_from(&self.leaf), ServerName::try_from(host))
        else {
            return false;
        };
        verify_server_name(&certificate, &host).is_ok()
    }
}

/// The certificate that connections get, which is always a good one once there was one.
pub struct Tls {
    files: Files,
    seen: Mutex<Found>,
    current: RwLock<Identity>,
}

impl Tls {
    /// As the files have it now. One that has run out is served all the same: reports and mails do not depend on it.
    pub fn of(files: Files) -> Result<Self> {
        let found = files.look();
        let (certificate, key) = found.as_ref().map_err(|why| anyhow!("{why}"))?;
        let identity = files.identity(certificate, key)?;
        if let Err(why) = identity.check_time(Clock::System.now()) {
            tracing::error!(reason = %why, "clients will refuse the certificate");
        }
        Ok(Self { files, seen: Mutex::new(found), current: RwLock::new(identity) })
    }

    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config)
    }

    /// Takes what the files hold by now, where it is good; else what was in use stays, and the log says so, once.
    fn look_again(&self) {
        let found = self.files.look();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == found {
            return;
        }
        match self.renewed(&found) {
            Ok(identity) => {
                tracing::info!(until = %identity.until, "a new certificate is in use");
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = identity;
                self.measure();
            }
            Err(why) => {
                tracing::error!(reason = format!("{why:#}"), "the certificate before stays in use");
            }
        }
        *seen = found;
    }

    #[expect(clippy::cast_precision_loss, reason = "seconds of our centuries are exact in 53 bits")]
    fn measure(&self) {
        let until = self.current.read().unwrap_or_else(PoisonError::into_inner).until;
        metrics::gauge!("tidemark_tls_certificate_end_seconds").set(until.unix_seconds() as f64);
    }

    fn renewed(&self, found: &Found) -> Result<Identity> {
        let (certificate, key) = found.as_ref().map_err(|why| anyhow!("{why}"))?;
        let identity = self.files.identity(certificate, key)?;
        let file = self.files.certificate.display();
        identity.check_time(Clock::System.now()).with_context(|| format!("tls.certificate_file: {file}"))?;
        Ok(identity)
    }

    /// Looks at the files each minute and at each SIGHUP, until `stop`.
    pub async fn keep_fresh(self: Arc<Self>, mut hangups: Signal, stop: CancellationToken) {
        self.measure();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tokio::time::timeout(PERIOD, hangups.recv()) => {}
            }
            let tls = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || tls.look_again()).await;
            if let Err(error) = looked {
                tracing::error!(%error, "the certificate could not be looked at");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use testkit::{Certificate, Directory};

    use super::*;

    fn files(made: &Certificate) -> Files {
        Files { certificate: made.certificate.clone(), key: made.key.clone() }
    }

    fn refusal(files: &Files) -> String {
        format!("{:#}", files.read().unwrap_err())
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let directory = Directory::new();
        let (one, other) =
            (Certificate::new(directory.path(), "one", 1), Certificate::new(directory.path(), "other", 1));
        let text = directory.path().join("text");
        fs::write(&text, "no PEM").unwrap();
        let none = directory.path().join("none");
        let crossed = Files { key: other.key.clone(), ..files(&one) };
        for (files, key, file, why) in [
            (Files { certificate: none.clone(), ..files(&one) }, "certificate", "none", "cannot be read"),
            (Files { key: none, ..files(&one) }, "key", "none", "cannot be read"),
            (
                Files { certificate: text.clone(), ..files(&one) },
                "certificate",
                "text",
                "holds no certificate",
            ),
            (Files { key: text, ..files(&one) }, "key", "text", "holds no private key"),
            (Files { key: one.certificate.clone(), ..files(&one) }, "key", "one.pem", "holds no private key"),
            (crossed, "key", "other.key", "is not the key of"),
        ] {
            let said = refusal(&files);
            assert!(said.starts_with(&format!("tls.{key}_file: ")) && said.contains(file), "{said}");
            assert!(said.contains(why), "{said}");
        }
        let broken = directory.path().join("broken.pem");
        fs::write(&broken, "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n").unwrap();
        let said = refusal(&Files { certificate: broken, ..files(&one) });
        assert!(said.contains("is no X.509 certificate"), "{said}");
    }

    #[test]
    fn the_time_and_the_names_of_a_certificate_are_read() {
        let directory = Directory::new();
        let good = files(&Certificate::new(directory.path(), "good", 30)).read().unwrap();
        let now = Clock::System.now();
        good.check_time(now).unwrap();
        let days = now.until(good.until).as_secs() / 86_400;
        assert!((29..=30).contains(&days), "{days}");
        assert!(good.check_time(now.plus_seconds(31 * 86_400)).is_err());
        assert!(good.check_time(now.plus_seconds(-86_400)).is_err());
        assert!(good.names("localhost") && good.names("127.0.0.1"));
        assert!(!good.names("tide.example.com") && !good.names("127.0.0.2") && !good.names("[::1]"));
        let ended = files(&Certificate::new(directory.path(), "ended", -1)).read().unwrap();
        assert!(ended.check_time(now).unwrap_err().to_string().contains("ended on"));
    }

    #[test]
    fn a_new_certificate_is_taken_and_a_bad_one_leaves_the_one_before() {
        let directory = Directory::new();
        let one = Certificate::new(directory.path(), "one", 1);
        let tls = Tls::of(files(&one)).unwrap();
        let before = tls.current();
        tls.look_again();
        assert!(Arc::ptr_eq(&before, &tls.current()), "nothing has changed");

        let two = Certificate::new(directory.path(), "two", 1);
        // Between the two copies the files do not fit each other.
        fs::copy(&two.certificate, &one.certificate).unwrap();
        tls.look_again();
        assert!(Arc::ptr_eq(&before, &tls.current()));
        fs::copy(&two.key, &one.key).unwrap();
        tls.look_again();
        let after = tls.current();
        assert!(!Arc::ptr_eq(&before, &after));

        let ended = Certificate::new(directory.path(), "ended", -1);
        fs::copy(&ended.certificate, &one.certificate).unwrap();
        fs::copy(&ended.key, &one.key).unwrap();
        tls.look_again();
        fs::remove_file(&one.certificate).unwrap();
        tls.look_again();
        assert!(Arc::ptr_eq(&after, &tls.current()));
    }
}
