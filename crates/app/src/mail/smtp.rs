//! Mails over SMTP, step by step, so that the step that failed is known: a relay that cannot be used at all is not the
//! fault of the mail that happened to be next.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use domain::brand::is_inner;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{self, response::Response};
use secrecy::ExposeSecret as _;

use super::{Message, Outcome};
use crate::nodes::Hold;
use crate::settings::{Security, Smtp};

/// The slowest line that a long mail may crawl over, in bytes per second.
const SLOWEST_BYTES_PER_SECOND: usize = 32 * 1024;
/// Every server takes mails of this size (RFC 5321, 4.5.3.1.7): only beyond it the relay is asked for its limit.
const EVERYBODY_TAKES_BYTES: usize = 64 * 1024;
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

    /// Whether it is the size that the relay minds: the code of RFC 1870, or one of RFC 3463 (5.3.4, and 5.2.3 of a
    /// mailbox). 552 is also said of a full mailbox, which takes a small mail perhaps.
    fn is_of_size(&self) -> bool {
        let Self::Permanent(words) = self else { return false };
        let said = |code| words.split_whitespace().any(|word| word == code);
        words.starts_with("552") || said("5.3.4") || said("5.2.3")
    }

    /// The outcome where it is this one mail's fault.
    fn of_this_mail(self, step: &str, message: &Message) -> Outcome {
        match self {
            Self::Permanent(ref words) if message.has_files && self.is_of_size() => {
                Outcome::TooLarge { why: format!("{step}: {words}") }
            }
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
    let parameters = match parameters(&mut connection, message, limit).await {
        Ok(parameters) => parameters,
        Err(outcome) => return outcome,
    };
    let mail = Mail::new(Some(message.from.clone()), parameters);
    if let Err(fault) = timed(limit, connection.command(mail)).await {
        if message.has_files && fault.is_of_size() {
            return fault.of_this_mail("MAIL", message);
        }
        return Outcome::Pause { why: format!("MAIL: {}", fault.words()) };
    }
    if let Err(fault) = timed(limit, connection.command(Rcpt::new(message.to.clone(), Vec::new()))).await {
        return fault.of_this_mail("RCPT", message);
    }
    if let Err(outcome) = hold.ask().await {
        return outcome;
    }
    if let Err(fault) = timed(limit, connection.command(Data)).await {
        return fault.of_this_mail("DATA", message);
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
        Err(fault) => fault.of_this_mail("DATA", message),
    }
}

/// What MAIL says of a mail beside its sender; what becomes of the mail where the relay cannot take it.
async fn parameters(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
    limit: Duration,
) -> Result<Vec<MailParameter>, Outcome> {
    let size = size_taken(connection, message, limit).await;
    let size = size.map_err(|fault| Outcome::Pause { why: format!("EHLO: {}", fault.words()) })?;
    let own_size = message.bytes.len();
    if let Some(most) = size.filter(|most| (1..own_size).contains(most)) {
        let why = format!("the relay takes {most} bytes at most (SIZE), the mail has {own_size}");
        return Err(Outcome::TooLarge { why });
    }
    let info = connection.server_info();
    let mut parameters = Vec::new();
    if !(message.to.to_string().is_ascii() && message.from.to_string().is_ascii()) {
        if !info.supports_feature(Extension::SmtpUtfEight) {
            let why = "the relay takes ASCII addresses only (no SMTPUTF8)".to_owned();
            return Err(Outcome::Bounced { why });
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !message.bytes.is_ascii() && info.supports_feature(Extension::EightBitMime) {
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    parameters.extend(size.map(|_| MailParameter::Size(own_size)));
    Ok(parameters)
}

/// The largest mail that the relay says it takes (RFC 1870), 0 where it names no limit; `None` where it does not say, or is
/// not asked, as the mail is small or could not be made smaller.
async fn size_taken(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
    limit: Duration,
) -> Result<Option<usize>, Fault> {
    if !message.has_files || message.bytes.len() <= EVERYBODY_TAKES_BYTES {
        return Ok(None);
    }
    // The library keeps of the answer to its own EHLO what it knows itself.
    let answer = timed(limit, connection.command(Ehlo::new(own_name(message)))).await?;
    let size = answer.message().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_size = words.next().is_some_and(|word| word.eq_ignore_ascii_case("SIZE"));
        is_size.then(|| words.next().and_then(|most| most.parse().ok()).unwrap_or(0))
    });
    Ok(size)
}

fn own_name(message: &Message) -> ClientId {
    ClientId::Domain(message.id.rsplit('@').next().unwrap_or("localhost").to_owned())
}

/// Connects, reads the greeting, protects the connection and signs in.
async fn open(
    relay: &Smtp,
    outer_only: bool,
    message: &Message,
    limit: Duration,
) -> Result<AsyncSmtpConnection, String> {
    let own_name = own_name(message);
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
