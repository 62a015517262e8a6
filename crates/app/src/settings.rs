//! What the operator set, as far as the use cases need it. Read and checked by the server.

use std::net::IpAddr;
use std::num::NonZero;
use std::path::PathBuf;

use domain::network::Network;
use domain::report::Place;
use secrecy::SecretString;
use store::Objects;

pub use crate::bounces::BounceAddress;

/// The settings of the use cases.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme, host and port that clients use, without a path and without a slash at the end: the issuer of tokens and
    /// the base of links. Never taken from the Host header.
    pub public_url: String,
    /// How mails leave.
    pub mail: Mail,
    /// What an upload of readings may be.
    pub uploads: Uploads,
    /// How many requests one client or user may make; `None`: any number.
    pub requests: Option<Requests>,
    /// The proxies whose word on a client's address counts.
    pub proxies: Proxies,
    /// Where files are kept, and for how long.
    pub storage: Storage,
}

/// Where files are kept, and for how long.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Where new ones are put.
    pub new_in: Place,
    /// The object store, where one is configured: what was put there once can be read as long as it is.
    pub objects: Option<Objects>,
    /// How many days after its run was inserted a file's bytes go; `None`: with its report.
    pub kept_days: Option<NonZero<u32>>,
}

impl Default for Storage {
    /// In the database, for ever.
    fn default() -> Self {
        Self { new_in: Place::Database, objects: None, kept_days: None }
    }
}

/// The proxies in front.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Where they are.
    pub networks: Vec<Network>,
    /// Where they put the address that they were called from.
    pub header: ProxyHeader,
}

impl Proxies {
    /// Whether somebody at this address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

/// The header that proxies keep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, a list of addresses.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// A limit of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requests {
    /// Per second, over time; at most a million.
    pub per_second: NonZero<u32>,
    /// At once, after a pause.
    pub burst: NonZero<u32>,
}

/// The limits of uploads of readings.
#[derive(Debug, Clone)]
pub struct Uploads {
    /// Where those that are too large for memory wait until they have come whole.
    pub folder: PathBuf,
    /// The most bytes of one, counted before and after decompression.
    pub max_bytes: u64,
    /// The most readings of one.
    pub max_readings: u64,
    /// How many days back a reading may be for without a reason.
    pub window_days: u32,
}

impl Default for Uploads {
    /// As config/default.toml has it, in the folder `spool`.
    fn default() -> Self {
        Self { folder: PathBuf::from("spool"), max_bytes: 1 << 30, max_readings: 5_000_000, window_days: 400 }
    }
}

impl Settings {
    /// Whether clients come over TLS, whoever ends it.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    /// The host name in `public_url`: the audience of tokens, and the right side of Message-IDs.
    pub fn host(&self) -> &str {
        host_of(&self.public_url)
    }
}

/// The host name in a `public_url`.
pub fn host_of(public_url: &str) -> &str {
    let rest = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest);
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// How mails leave.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender, such as `Tidemark <reports@example.com>`.
    pub from: String,
    /// The relay, or the folder that takes mails as files.
    pub transport: Transport,
    /// The largest mail that is tried, in bytes, attachments included.
    pub max_message_bytes: u64,
    /// Whether brands may name mail servers at private and loopback addresses.
    pub private_brand_servers: bool,
    /// How long after it was due a report or mail counts as late.
    pub late_after_seconds: i64,
    /// The largest mail that brings files, in bytes, as they are encoded in it; a larger one brings a link to them.
    pub max_attachment_bytes: u64,
    /// How many days such a link works.
    pub link_days: u32,
    /// How mails come back that could not be delivered; `None`: to the sender, and Tidemark does not hear of it.
    pub bounces: Option<Bounces>,
}

impl Mail {
    /// As config/default.toml has it, from this sender into a folder.
    pub fn to_folder(from: impl Into<String>, folder: PathBuf) -> Self {
        Self {
            from: from.into(),
            transport: Transport::Folder(folder),
            max_message_bytes: 25 << 20,
            private_brand_servers: false,
            max_attachment_bytes: 10 << 20,
            link_days: 30,
            bounces: None,
            late_after_seconds: 6 * 3600,
        }
    }
}

/// How mails come back that could not be delivered (RFC 3464).
#[derive(Debug, Clone)]
pub struct Bounces {
    /// The address whose subaddresses they come back to, one for each delivery.
    pub address: BounceAddress,
    /// Where they are read; `None`: by people only.
    pub mailbox: Option<Mailbox>,
}

/// Where mails that came back are read.
#[derive(Debug, Clone)]
pub enum Mailbox {
    /// A maildir on this machine: its folders `new` and `cur`.
    Maildir(PathBuf),
    /// A folder on an IMAP server.
    Imap(Imap),
}

/// A folder on an IMAP server.
#[derive(Debug, Clone)]
pub struct Imap {
    /// The server's name, also checked against its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// The login.
    pub user: String,
    /// The password.
    pub password: SecretString,
    /// The folder, such as `INBOX`.
    pub mailbox: String,
    /// A further root certificate to trust, PEM.
    pub ca_file: Option<PathBuf>,
}

/// Where mails go.
#[derive(Debug, Clone)]
pub enum Transport {
    /// One `.eml` file per mail in this folder.
    Folder(PathBuf),
    /// An SMTP relay.
    Smtp(Smtp),
}

/// An SMTP relay.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its name, also checked against its certificate.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Login and password, where it wants them.
    pub credentials: Option<(String, SecretString)>,
    /// A further root certificate to trust, PEM.
    pub ca_file: Option<PathBuf>,
    /// Seconds that one step of the conversation may take.
    pub timeout_seconds: u64,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all: for a relay on this machine.
    None,
    /// STARTTLS (RFC 3207), required.
    Starttls,
    /// TLS from the first byte (RFC 8314).
    Tls,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_taken_from_public_url() {
        let host = |url: &str| {
            let mail = Mail::to_folder("", PathBuf::new());
            let uploads = Uploads::default();
            let settings = Settings {
                public_url: url.to_owned(),
                mail,
                uploads,
                requests: None,
                proxies: Proxies::default(),
                storage: Storage::default(),
            };
            settings.host().to_owned()
        };
        assert_eq!(host("https://tide.example.com"), "tide.example.com");
        assert_eq!(host("http://127.0.0.1:8080"), "127.0.0.1");
        assert_eq!(host("http://[::1]:8080"), "[::1]");
        assert_eq!(host("http://[::1]"), "[::1]");
    }
}
