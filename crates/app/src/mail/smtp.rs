//! Mails over SMTP, step by step, so that the step that failed is known: a relay that cannot be used at all is not the
//! fault of the mail that happened to be next.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use domain::brand::is_inner;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{self, response::Response};
use secrecy::ExposeSecret as _;

use super::{Message, Outcome};
use crate::nodes::Hold;
use crate::settings::{Security, Smtp};

/// The slowest line that a long mail may crawl over, in bytes per second.
const SLOWEST_BYTES_PER_SECOND: usize = 32 * 1024;
/// How long the relay may take to say goodbye: nothing depends on it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a step failed.
enum Fault {
    /// A 5xx.
    Permanent(String),
    /// A 4xx, a broken connection, no answer in time.
    Passing(String),
}

impl Fault {
    fn words(self) -> String {
        match self {
            Self::Permanent(words) | Self::Passing(words) => words,
        }
    }

    /// The outcome where it is this one mail's fault.
    fn of_this_mail(self, step: &str) -> Outcome {
        match self {
            Self::Permanent(words) => Outcome::Bounced { why: format!("{step}: {words}") },
            Self::Passing(words) => Outcome::Again { why: format!("{step}: {words}") },
        }
    }
}

/// Brings one mail to the relay; with `outer_only` to none at an address of the operator's own network. Whether it is still
/// this node's is asked before DATA and once more when the relay has said to go on: a pause before that does no harm.
pub(super) async fn deliver(
    relay: &Smtp,
    outer_only: bool,
    message: &Message,
    mut hold: Hold<'_>,
) -> Outcome {
    let limit = Duration::from_secs(relay.timeout_seconds);
    let mut connection = match open(relay, outer_only, message, limit).await {
        Ok(connection) => connection,
        Err(why) => return Outcome::Pause { why },
    };
    let info = connection.server_info();
    let mut parameters = Vec::new();
    if !(message.to.to_string().is_ascii() && message.from.to_string().is_ascii()) {
        if !info.supports_feature(Extension::SmtpUtfEight) {
            return Outcome::Bounced { why: "the relay takes ASCII addresses only (no SMTPUTF8)".to_owned() };
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.bytes.is_ascii() && info.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    let mail = Mail::new(Some(message.from.clone()), parameters);
    if let Err(fault) = timed(limit, connection.command(mail)).await {
        return Outcome::Pause { why: format!("MAIL: {}", fault.words()) };
    }
    if let Err(fault) = timed(limit, connection.command(Rcpt::new(message.to.clone(), Vec::new()))).await {
        return fault.of_this_mail("RCPT");
    }
    if let Err(outcome) = hold.ask().await {
        return outcome;
    }
    if let Err(fault) = timed(limit, connection.command(Data)).await {
        return fault.of_this_mail("DATA");
    }
    if let Err(outcome) = hold.check() {
        return outcome;
    }
    let seconds = u64::try_from(message.bytes.len() / SLOWEST_BYTES_PER_SECOND).unwrap_or(0);
    match timed(limit + Duration::from_secs(seconds), connection.message(&message.bytes)).await {
        Ok(answer) => {
            let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
            Outcome::Sent { answer: words(&answer) }
        }
        Err(fault) => fault.of_this_mail("DATA"),
    }
}

/// Connects, reads the greeting, protects the connection and signs in.
async fn open(
    relay: &Smtp,
    outer_only: bool,
    message: &Message,
    limit: Duration,
) -> Result<AsyncSmtpConnection, String> {
    let own_name = ClientId::Domain(message.id.rsplit('@').next().unwrap_or("localhost").to_owned());
    let tls = match relay.security {
        Security::None => None,
        Security::Starttls | Security::Tls => Some(tls(relay).await?),
    };
    let (first, later) = if relay.security == Security::Tls { (tls, None) } else { (None, tls) };
    let server = (relay.host.as_str(), relay.port);
    let connected = if outer_only {
        let addresses = outer_addresses(server, limit).await?;
        let connecting =
            AsyncSmtpConnection::connect_tokio1(&*addresses, Some(limit), &own_name, first, None);
        timed(limit, connecting).await
    } else {
        let connecting = AsyncSmtpConnection::connect_tokio1(server, Some(limit), &own_name, first, None);
        timed(limit, connecting).await
    };
    let mut connection = connected.map_err(|fault| format!("connection: {}", fault.words()))?;
    if let Some(tls) = later {
        let protecting = connection.starttls(tls, &own_name);
        timed(limit, protecting).await.map_err(|fault| format!("STARTTLS: {}", fault.words()))?;
    }
    if let Some((login, password)) = &relay.credentials {
        let credentials = Credentials::new(login.clone(), password.expose_secret().to_owned());
        let signing_in = connection.auth(DEFAULT_MECHANISMS, &credentials);
        timed(limit, signing_in).await.map_err(|fault| format!("AUTH: {}", fault.words()))?;
    }
    Ok(connection)
}

/// Where a name leads, once and for this connection: asked twice, it could lead elsewhere the second time.
async fn outer_addresses((host, port): (&str, u16), limit: Duration) -> Result<Vec<SocketAddr>, String> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((bare, port))).await;
    let found = found.map_err(|_| format!("{host} does not resolve in time"))?;
    let addresses: Vec<_> = found.map_err(|error| format!("{host} does not resolve: {error}"))?.collect();
    if addresses.iter().any(|address| is_inner(address.ip())) {
        return Err(format!("{host} leads to a private or loopback address"));
    }
    Ok(addresses)
}

async fn tls(relay: &Smtp) -> Result<TlsParameters, String> {
    let mut parameters = TlsParameters::builder(relay.host.clone());
    if let Some(file) = &relay.ca_file {
        parameters = parameters.add_root_certificate(root(file).await?);
    }
    parameters.build().map_err(|error| format!("TLS: {error}"))
}

async fn root(file: &Path) -> Result<Certificate, String> {
    let pem = tokio::fs::read(file).await.map_err(|error| format!("{}: {error}", file.display()))?;
    Certificate::from_pem(&pem).map_err(|error| format!("{}: {error}", file.display()))
}

async fn timed<T>(limit: Duration, step: impl Future<Output = Result<T, smtp::Error>>) -> Result<T, Fault> {
    match tokio::time::timeout(limit, step).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_permanent() => Err(Fault::Permanent(words_of(&error))),
        Ok(Err(error)) => Err(Fault::Passing(words_of(&error))),
        Err(_) => Err(Fault::Passing(format!("no answer within {} seconds", limit.as_secs()))),
    }
}

/// The server's own words, with the code before them.
fn words_of(error: &smtp::Error) -> String {
    let said = std::error::Error::source(error).map(ToString::to_string);
    match (error.status(), said) {
        (Some(code), Some(said)) => format!("{code} {said}"),
        _ => error.to_string(),
    }
}

fn words(answer: &Response) -> String {
    let said: Vec<&str> = answer.message().collect();
    format!("{} {}", answer.code(), said.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of this machine and of inner addresses in every form that a resolver takes.
    #[tokio::test]
    async fn no_spelling_of_an_inner_address_gets_through() {
        for host in [
            "localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "10.0.0.7",
            "169.254.169.254",
            "2852039166",
            "[::1]",
            "::1",
            "[::ffff:127.0.0.1]",
            "::ffff:a9fe:a9fe",
            "[64:ff9b::a9fe:a9fe]",
            "fd00:ec2::254",
        ] {
            let found = outer_addresses((host, 25), Duration::from_secs(10)).await;
            let why = found.expect_err(host);
            assert!(why.contains("private or loopback") || why.contains("does not resolve"), "{host}: {why}");
        }
    }

    #[tokio::test]
    async fn what_was_checked_is_what_is_connected_to() {
        let found = outer_addresses(("[2606:4700::1111]", 25), Duration::from_secs(10)).await.unwrap();
        assert_eq!(found, ["[2606:4700::1111]:25".parse().unwrap()]);
        let found = outer_addresses(("192.88.99.1", 465), Duration::from_secs(10)).await.unwrap();
        assert_eq!(found, ["192.88.99.1:465".parse().unwrap()]);
    }
}
