//! Mails that came back, on an IMAP server: what is taken in is marked as seen, what cannot be read as flagged, and
//! nothing is ever deleted.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_imap::{Client, Session};
use futures_util::{TryStream, TryStreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::report::LOOKED_AT_BYTES;
use super::{MOST_MESSAGES, Outcome, Trouble, take_in};
use crate::App;
use crate::settings::{Imap, Security};

/// How long one step of the conversation may take.
const STEP: Duration = Duration::from_secs(30);

/// A connection, protected or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Wire for T {}

type Open = Session<Box<dyn Wire>>;

/// Takes in what is neither seen nor flagged, oldest first.
pub(super) async fn look(app: &App, imap: &Imap) -> Result<(), Trouble> {
    let mut session = open(imap).await.map_err(|why| in_words(imap, &why))?;
    let looked = read(app, &mut session).await;
    // Nothing depends on the goodbye.
    let _ = tokio::time::timeout(STEP, session.logout()).await;
    looked.map_err(|trouble| match trouble {
        Trouble::Mailbox(why) => in_words(imap, &why),
        other @ Trouble::App(_) => other,
    })
}

fn in_words(imap: &Imap, why: &str) -> Trouble {
    Trouble::Mailbox(format!("{}:{}: {why}", imap.host, imap.port))
}

async fn read(app: &App, session: &mut Open) -> Result<(), Trouble> {
    let found = timed("SEARCH", session.uid_search("UNSEEN UNFLAGGED UNDELETED")).await?;
    let mut found: Vec<u32> = found.into_iter().collect();
    found.sort_unstable();
    for uid in found.into_iter().take(MOST_MESSAGES) {
        let name = format!("UID {uid}");
        let Some(bytes) = beginning(session, uid).await? else {
            // Gone since, or not given out.
            app.bounces.complain(&name, "the server does not give it out");
            continue;
        };
        let Some(outcome) = take_in(app, &bytes).await? else { continue };
        let flag = if outcome == Outcome::Unreadable { "\\Flagged" } else { "\\Seen" };
        if outcome == Outcome::Unreadable {
            app.bounces.complain(&name, "it cannot be read as a report");
        }
        let marking =
            async { all(session.uid_store(uid.to_string(), format!("+FLAGS.SILENT ({flag})")).await?).await };
        timed("STORE", marking).await?;
    }
    Ok(())
}

/// The beginning of a message, which stays unseen by that.
async fn beginning(session: &mut Open, uid: u32) -> Result<Option<Vec<u8>>, Trouble> {
    let what = format!("(UID BODY.PEEK[]<0.{LOOKED_AT_BYTES}>)");
    let fetching = async { all(session.uid_fetch(uid.to_string(), what).await?).await };
    let fetched = timed("FETCH", fetching).await?;
    let wanted = fetched.iter().find(|fetch| fetch.uid == Some(uid));
    Ok(wanted.and_then(|fetch| fetch.body()).map(<[u8]>::to_vec))
}

async fn all<S: TryStream>(stream: S) -> Result<Vec<S::Ok>, S::Error> {
    std::pin::pin!(stream.into_stream()).try_collect().await
}

async fn timed<T>(
    step: &str,
    doing: impl Future<Output = Result<T, async_imap::error::Error>>,
) -> Result<T, Trouble> {
    match tokio::time::timeout(STEP, doing).await {
        Ok(done) => done.map_err(|error| Trouble::Mailbox(format!("{step}: {error}"))),
        Err(_) => Err(Trouble::Mailbox(late(step))),
    }
}

fn late(step: &str) -> String {
    format!("{step}: no answer within {} seconds", STEP.as_secs())
}

/// Connects, protects the connection, signs in and opens the folder.
async fn open(imap: &Imap) -> Result<Open, String> {
    let opening = async {
        let client = connect(imap).await?;
        let signed_in = client.login(&imap.user, imap.password.expose_secret()).await;
        let mut session = signed_in.map_err(|(error, _)| format!("LOGIN: {error}"))?;
        session.select(&imap.mailbox).await.map_err(|error| format!("{}: {error}", imap.mailbox))?;
        Ok(session)
    };
    tokio::time::timeout(STEP, opening).await.map_err(|_| late("connection"))?
}

async fn connect(imap: &Imap) -> Result<Client<Box<dyn Wire>>, String> {
    let bare = TcpStream::connect((imap.host.as_str(), imap.port)).await;
    let bare = bare.map_err(|error| format!("connection: {error}"))?;
    match imap.security {
        Security::None => greeted::<Box<dyn Wire>>(Box::new(bare)).await,
        Security::Tls => greeted::<Box<dyn Wire>>(Box::new(protected(imap, bare).await?)).await,
        Security::Starttls => {
            let mut client = greeted(bare).await?;
            let begun = client.run_command_and_check_ok("STARTTLS", None).await;
            begun.map_err(|error| format!("STARTTLS: {error}"))?;
            // What came unprotected so far is forgotten with the client, and the server greets no second time.
            let protected: Box<dyn Wire> = Box::new(protected(imap, client.into_inner()).await?);
            Ok(Client::new(protected))
        }
    }
}

async fn greeted<W: Wire>(wire: W) -> Result<Client<W>, String> {
    let mut client = Client::new(wire);
    match client.read_response().await {
        Ok(Some(_)) => Ok(client),
        Ok(None) => Err("connection: the server hangs up".to_owned()),
        Err(error) => Err(format!("connection: {error}")),
    }
}

async fn protected(imap: &Imap, bare: TcpStream) -> Result<impl Wire + use<>, String> {
    let name = ServerName::try_from(imap.host.clone()).map_err(|error| format!("TLS: {error}"))?;
    let connector = TlsConnector::from(Arc::new(trust(imap.ca_file.as_deref()).await?));
    connector.connect(name, bare).await.map_err(|error| format!("TLS: {error}"))
}

/// The roots of this machine, and one of the operator's own.
async fn trust(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let known = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(known.map_err(|error| error.to_string())?.certs);
    if let Some(file) = ca_file {
        let named = |why: String| format!("{}: {why}", file.display());
        let pem = tokio::fs::read(file).await.map_err(|error| named(error.to_string()))?;
        for root in CertificateDer::pem_slice_iter(&pem) {
            let root = root.map_err(|error| named(error.to_string()))?;
            roots.add(root).map_err(|error| named(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("TLS: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
