//! Configuration: compiled defaults, then a file, then the environment, then the command line. Read here and nowhere else.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use app::settings::{Mail, Proxies, Requests, Storage, Uploads};
use config::{Config, Environment, File, FileFormat};
use domain::time::Instant;
use serde::Deserialize;
use store::Postgres;

use crate::cli::Common;
use crate::commands::serve::Patience;
use crate::connections::tls::Files;
use crate::data_dir;
use crate::database::Database;

mod limits;
mod log;
mod mail;
mod metrics;
mod secrets;
mod smtp;
mod storage;
mod tls;

use limits::RawLimits;
use log::RawLog;
pub use log::{Log, LogFormat};
use mail::{RawBounces, RawMail};
pub use metrics::Metrics;
use secrets::Secrets;
use smtp::RawSmtp;
use storage::{RawRetention, RawStorage};
use tls::RawTls;

/// The defaults: the file is the truth.
pub const DEFAULTS: &str = include_str!("../../../config/default.toml");

/// Set for tests and for clap, not keys of the configuration.
const NOT_KEYS: [&str; 2] = ["TIDEMARK_CONFIG", "TIDEMARK_TEST_"];

/// As it was written. Not to be printed: passwords stand in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    data_dir: PathBuf,
    database_url: String,
    database_url_file: PathBuf,
    postgres: RawPostgres,
    listen: String,
    public_url: String,
    secret_key_file: PathBuf,
    clock_start: String,
    shutdown_seconds: u64,
    shutdown_delay_seconds: u64,
    metrics: String,
    tls: RawTls,
    log: RawLog,
    mail: RawMail,
    smtp: RawSmtp,
    bounces: RawBounces,
    readings: RawReadings,
    limits: RawLimits,
    storage: RawStorage,
    retention: RawRetention,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReadings {
    max_upload_bytes: u64,
    max_upload_readings: u64,
    window_days: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPostgres {
    connections: u32,
    statement_timeout_seconds: u64,
}

/// The settings, checked.
#[derive(Debug)]
pub struct Settings {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Database,
    /// Where to serve.
    pub listen: SocketAddr,
    /// What clients call the server; `None` on loopback, where it follows from the port that was got.
    pub public_url: Option<String>,
    /// The key that seals secrets.
    pub secret_key_file: PathBuf,
    /// The instant a rehearsal begins at.
    pub clock_start: Option<Instant>,
    /// Patience at shutdown.
    pub patience: Patience,
    /// What is logged.
    pub log: Log,
    /// How mails leave.
    pub mail: Mail,
    /// What an upload of readings may be.
    pub uploads: Uploads,
    /// How many requests one client or user may make.
    pub requests: Option<Requests>,
    /// The proxies whose word on a client's address counts.
    pub proxies: Proxies,
    /// Certificate and key, where this process ends TLS itself.
    pub tls: Option<Files>,
    /// Who sees the metrics.
    pub metrics: Metrics,
    /// What is not as it should be, and no reason to stop.
    pub warnings: Vec<String>,
    /// Where files are kept, and for how long.
    pub storage: Storage,
}

impl Settings {
    /// Reads and checks them; the error names the key.
    pub fn read(common: &Common, flags: &[(&str, Option<&str>)]) -> Result<Self> {
        let environment: HashMap<String, String> = std::env::vars()
            .filter(|(name, _)| !NOT_KEYS.iter().any(|other| name.starts_with(other)))
            .collect();
        let mut settings = read(common, flags, environment)?.check()?;
        if common.database_url.as_deref().is_some_and(secrets::holds_password) {
            settings.warnings.push(secrets::ON_THE_COMMAND_LINE.to_owned());
        }
        Ok(settings)
    }

    /// What clients speak to this process itself.
    pub const fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// As [`Settings::read`], whatever the environment says.
    pub fn without_environment(common: &Common, flags: &[(&str, Option<&str>)]) -> Result<Self> {
        read(common, flags, HashMap::new())?.check()
    }
}

fn read(
    common: &Common,
    flags: &[(&str, Option<&str>)],
    environment: HashMap<String, String>,
) -> Result<Raw> {
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(file) = &common.config {
        builder = builder.add_source(File::from(file.as_path()).format(FileFormat::Toml));
    }
    let environment =
        Environment::with_prefix("TIDEMARK").prefix_separator("_").separator("__").source(Some(environment));
    builder = builder.add_source(environment);
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    builder = builder
        .set_override_option("data_dir", path(&common.data_dir))?
        .set_override_option("database_url", common.database_url.clone())?
        .set_override_option("database_url_file", common.database_url.as_ref().map(|_| ""))?
        .set_override_option("secret_key_file", path(&common.secret_key_file))?
        .set_override_option("clock_start", common.clock_start.clone())?;
    for (key, value) in flags {
        builder = builder.set_override_option(*key, value.map(str::to_owned))?;
    }
    builder.build().and_then(Config::try_deserialize).context("the configuration cannot be used")
}

impl Raw {
    fn check(self) -> Result<Settings> {
        ensure!(!self.data_dir.as_os_str().is_empty(), "data_dir: required; give --data-dir DIR");
        let listen: SocketAddr = self
            .listen
            .parse()
            .with_context(|| format!("listen: {:?} is not ADDR:PORT, such as 127.0.0.1:8080", self.listen))?;
        let public_url = check_public_url(&self.public_url)?;
        ensure!(
            public_url.is_some() || listen.ip().is_loopback(),
            "public_url: required, as {listen} can be reached from other machines; give the address that clients use, such as https://tide.example.com"
        );
        let clock_start = self.check_clock_start(listen)?;
        let tls = self.tls.check()?;
        let is_plain = public_url.as_deref().is_some_and(|url| url.starts_with("http://"));
        ensure!(
            tls.is_none() || !is_plain,
            "public_url: begins with http://, while tls.certificate_file is set"
        );
        let mut secrets = Secrets::default();
        if let Some(files) = &tls {
            secrets.look_at("tls.key_file", &files.key);
        }
        let secret_key_file = if self.secret_key_file.as_os_str().is_empty() {
            self.data_dir.join("secret.key")
        } else {
            self.secret_key_file
        };
        let transport = self.smtp.check(&self.data_dir, &mut secrets)?;
        let mail = self.mail.check(transport, self.bounces, &mut secrets)?;
        let uploads = Uploads {
            folder: data_dir::spool(&self.data_dir),
            max_bytes: self.readings.max_upload_bytes,
            max_readings: self.readings.max_upload_readings,
            window_days: self.readings.window_days,
        };
        let url = secrets.either("database_url", self.database_url, &self.database_url_file)?;
        let database = self.postgres.check(&url, &self.data_dir)?;
        let storage = self.storage.check(&self.retention, &mut secrets)?;
        ensure!(
            storage.kept_days.is_none_or(|days| i64::from(days.get()) >= i64::from(mail.link_days)),
            "retention.artefacts_days: at least mail.link_days, as links in mails lead to the files"
        );
        Ok(Settings {
            data_dir: self.data_dir,
            database,
            listen,
            public_url,
            secret_key_file,
            clock_start,
            patience: Patience::of_seconds(self.shutdown_delay_seconds, self.shutdown_seconds),
            log: self.log.check()?,
            mail,
            uploads,
            requests: self.limits.check_requests()?,
            proxies: self.limits.check_proxies()?,
            storage,
            tls,
            metrics: Metrics::from_word(&self.metrics)?,
            warnings: secrets.warnings,
        })
    }

    /// The instant a rehearsal begins at, which no stranger must notice.
    fn check_clock_start(&self, listen: SocketAddr) -> Result<Option<Instant>> {
        let clock_start = match self.clock_start.as_str() {
            "" => None,
            text => Some(text.parse::<Instant>().with_context(|| format!("clock_start: {text:?}"))?),
        };
        if clock_start.is_some() {
            ensure!(
                !self.smtp.is_set(),
                "clock_start: a rehearsal does not go with smtp.host, as it would mail real people"
            );
            ensure!(
                listen.ip().is_loopback(),
                "clock_start: a rehearsal serves on a loopback address only, not on {listen}"
            );
        }
        Ok(clock_start)
    }
}

impl RawPostgres {
    fn check(self, url: &str, data_dir: &Path) -> Result<Database> {
        if url.is_empty() {
            return Ok(Database::in_directory(data_dir));
        }
        let mut server = Postgres::at(url).map_err(|why| {
            anyhow::anyhow!(
                "database_url: {why}; such as postgres://tidemark@db.example.com/tidemark?sslmode=verify-full"
            )
        })?;
        ensure!(self.connections >= 2, "postgres.connections: at least 2, as one writes while others read");
        ensure!(self.statement_timeout_seconds > 0, "postgres.statement_timeout_seconds: more than 0");
        server.connections = self.connections;
        server.statement_timeout = Duration::from_secs(self.statement_timeout_seconds);
        Ok(Database::Server(Box::new(server)))
    }
}

fn check_public_url(url: &str) -> Result<Option<String>> {
    if url.is_empty() {
        return Ok(None);
    }
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_origin = host.is_some_and(|host| {
        !host.trim_end_matches('/').is_empty() && !host.trim_end_matches('/').contains(['/', '?', '#', '@'])
    });
    ensure!(
        is_origin,
        "public_url: {url:?} must be scheme, host and port alone, such as https://tide.example.com"
    );
    Ok(Some(url.trim_end_matches('/').to_owned()))
}

#[cfg(test)]
mod tests {
    use app::settings::Transport;

    use super::*;

    fn settings(environment: &[(&str, &str)]) -> Result<Settings> {
        let common = Common { data_dir: Some("/data".into()), ..Common::default() };
        let environment =
            environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(&common, &[], environment)?.check()
    }

    fn refusal(environment: &[(&str, &str)]) -> String {
        format!("{:#}", settings(environment).unwrap_err())
    }

    #[test]
    fn the_defaults_serve_loopback_and_write_mails_to_files() {
        let settings = settings(&[]).unwrap();
        assert!(settings.listen.ip().is_loopback());
        assert!(
            matches!(settings.mail.transport, Transport::Folder(folder) if folder == Path::new("/data/mail"))
        );
        assert_eq!(settings.secret_key_file, Path::new("/data/secret.key"));
        assert_eq!(settings.requests, None);
        assert!(settings.storage.objects.is_none() && settings.storage.kept_days.is_none());
        assert_eq!((settings.metrics, settings.tls.is_none()), (Metrics::Operator, true));
        assert!(settings.warnings.is_empty());
    }

    #[test]
    fn nothing_that_is_printed_of_settings_holds_a_secret() {
        let settings = settings(&[
            ("TIDEMARK_DATABASE_URL", "postgres://tide:s3cret-1@db.example/tidemark"),
            ("TIDEMARK_SMTP__HOST", "relay"),
            ("TIDEMARK_SMTP__USER", "u"),
            ("TIDEMARK_SMTP__PASSWORD", "s3cret-2"),
        ])
        .unwrap();
        let printed = format!("{settings:?} {}", settings.database);
        assert!(printed.contains("db.example") && !printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn refusals_name_the_key() {
        assert!(refusal(&[("TIDEMARK_LISTN", "x")]).contains("listn"));
        assert!(refusal(&[("TIDEMARK_LOG__FORMAT", "xml")]).starts_with("log.format:"));
        assert!(refusal(&[("TIDEMARK_LOG__FILTER", "a=b=c")]).starts_with("log.filter:"));
        let security = [("TIDEMARK_SMTP__HOST", "relay"), ("TIDEMARK_SMTP__SECURITY", "ssl")];
        assert!(refusal(&security).starts_with("smtp.security: \"ssl\" is none of"));
        assert!(refusal(&[("TIDEMARK_SMTP__HOTS", "x")]).contains("hots"));
        assert!(refusal(&[("TIDEMARK_LISTEN", "0.0.0.0:80")]).starts_with("public_url: required"));
        assert!(refusal(&[("TIDEMARK_PUBLIC_URL", "tide.example.com")]).starts_with("public_url:"));
        assert!(refusal(&[("TIDEMARK_PUBLIC_URL", "https://x/api")]).starts_with("public_url:"));
        assert!(refusal(&[("TIDEMARK_CLOCK_START", "yesterday")]).starts_with("clock_start:"));
        assert!(refusal(&[("TIDEMARK_MAIL__FROM", "Tidemark reports")]).starts_with("mail.from:"));
        let limited = ("TIDEMARK_LIMITS__REQUESTS_PER_SECOND", "5");
        let no_burst = refusal(&[limited, ("TIDEMARK_LIMITS__REQUEST_BURST", "0")]);
        assert!(no_burst.starts_with("limits.request_burst:"), "{no_burst}");
        assert!(
            refusal(&[("TIDEMARK_LIMITS__PROXIES", "::1, proxy")]).starts_with("limits.proxies: \"proxy\"")
        );
        assert!(refusal(&[("TIDEMARK_LIMITS__PROXY_HEADER", "via")]).starts_with("limits.proxy_header:"));
        assert!(refusal(&[("TIDEMARK_METRICS", "all")]).starts_with("metrics: \"all\""));
        let (certificate, key) =
            (("TIDEMARK_TLS__CERTIFICATE_FILE", "/c.pem"), ("TIDEMARK_TLS__KEY_FILE", "/k.pem"));
        assert!(refusal(&[certificate]).starts_with("tls.key_file: required"));
        assert!(refusal(&[key]).starts_with("tls.certificate_file: required"));
        let plain = refusal(&[certificate, key, ("TIDEMARK_PUBLIC_URL", "http://tide.example.com")]);
        assert!(plain.starts_with("public_url: begins with http://"), "{plain}");
        let rehearsal = ("TIDEMARK_CLOCK_START", "2026-05-08T00:00:00Z");
        assert!(refusal(&[rehearsal, ("TIDEMARK_SMTP__HOST", "relay")]).starts_with("clock_start:"));
        let open = [rehearsal, ("TIDEMARK_LISTEN", "0.0.0.0:80"), ("TIDEMARK_PUBLIC_URL", "https://x")];
        assert!(refusal(&open).starts_with("clock_start:"));
        let away = [("TIDEMARK_BOUNCES__MAILDIR", "/mail")];
        assert!(refusal(&away).starts_with("bounces.maildir: needs mail.bounce_address"));
        let address = ("TIDEMARK_MAIL__BOUNCE_ADDRESS", "bounces@example.com");
        let both = [address, away[0], ("TIDEMARK_BOUNCES__IMAP_HOST", "imap")];
        assert!(refusal(&both).starts_with("bounces.maildir: given together"));
        let nobody = [address, ("TIDEMARK_BOUNCES__IMAP_HOST", "imap")];
        assert!(refusal(&nobody).starts_with("bounces.imap_user: required"));
        let no_room = ("TIDEMARK_MAIL__BOUNCE_ADDRESS", "bounces+x@example.com");
        assert!(refusal(&[no_room]).starts_with("mail.bounce_address:"));
        let plain = [
            ("TIDEMARK_SMTP__HOST", "relay"),
            ("TIDEMARK_SMTP__SECURITY", "none"),
            ("TIDEMARK_SMTP__USER", "u"),
            ("TIDEMARK_SMTP__PASSWORD", "p"),
        ];
        assert!(refusal(&plain).starts_with("smtp.security:"));
    }

    #[test]
    fn an_all_digit_password_stays_a_text() {
        let settings = settings(&[
            ("TIDEMARK_SMTP__HOST", "relay"),
            ("TIDEMARK_SMTP__USER", "u"),
            ("TIDEMARK_SMTP__PASSWORD", "0123"),
        ])
        .unwrap();
        let Transport::Smtp(smtp) = settings.mail.transport else { panic!("no relay") };
        let (_, password) = smtp.credentials.unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&password), "0123");
    }
}
