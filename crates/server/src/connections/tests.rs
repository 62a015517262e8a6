//! Clients that are slow, silent or rude: each ends alone, and others do not notice.

use std::sync::Mutex;

use axum::body::Bytes;
use futures_util::stream;
use rustls::pki_types::ServerName;
use testkit::{Certificate, Directory};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::Files;
use super::*;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_mins(10);
/// Far beyond what anything takes here, and far below `LONG`.
const AT_MOST: Duration = Duration::from_mins(1);
const ASK: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A server that answers "here", and ends with the test.
struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

async fn served(patience: Patience, tls: Option<Arc<Tls>>) -> Served {
    let router = Router::new().fallback(async || "here");
    served_by(router, patience, tls).await
}

#[expect(clippy::disallowed_methods, reason = "it ends with the runtime of the test")]
async fn served_by(router: Router, patience: Patience, tls: Option<Arc<Tls>>) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let ended = tokio::spawn(serve_with(patience, listener, tls, router, Until::at_once(&stop)));
    Served { address, stop, ended }
}

impl Served {
    async fn connect(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    }
}

/// What comes until the server hangs up, politely or not.
async fn rest(mut stream: impl AsyncRead + Unpin) -> String {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(AT_MOST, stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn certificate() -> (Directory, Certificate, Arc<Tls>) {
    let directory = Directory::new();
    let certificate = Certificate::new(directory.path(), "server", 1);
    let files = Files { certificate: certificate.certificate.clone(), key: certificate.key.clone() };
    (directory, certificate, Arc::new(Tls::of(files).unwrap()))
}

async fn protected(served: &Served, certificate: &Certificate, protocols: &[&str]) -> TlsStream<TcpStream> {
    let stream = served.connect(b"").await;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(certificate.client(protocols)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn who_does_not_get_to_the_end_of_a_request_s_head_is_cut_off() {
    let served = served(Patience { handshake: LONG, head: SHORT, answer: LONG }, None).await;
    for begun in [
        "",
        "G",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow:",
        // Neither HTTP/1 nor HTTP/2 yet.
        "PRI * HTTP/2.0\r\n",
        "P",
    ] {
        let slow = served.connect(begun.as_bytes()).await;
        assert!(rest(served.connect(ASK).await).await.ends_with("here"), "while another sends {begun:?}");
        let said = rest(slow).await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{begun:?}: {said}");
    }
}

#[tokio::test]
async fn a_connection_that_is_kept_for_a_next_request_ends_too() {
    let served = served(Patience { handshake: LONG, head: SHORT, answer: LONG }, None).await;
    let said = rest(served.connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await).await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

/// Says so when it is dropped.
struct Held(Mutex<Option<oneshot::Sender<()>>>);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.lock().unwrap().take().unwrap().send(());
    }
}

/// Whether an answer without an end is given up within a time, where the client takes nothing of it.
async fn is_given_up(patience: Duration, within: Duration, tls: Option<(&Certificate, Arc<Tls>)>) -> bool {
    let (dropped, gone) = oneshot::channel();
    let held = Mutex::new(Some(Held(Mutex::new(Some(dropped)))));
    let endless = Arc::new(async move || {
        let held = held.lock().unwrap().take();
        Body::from_stream(stream::unfold(held, async |held| {
            Some((Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 16_384])), held))
        }))
    });
    let router = Router::new().fallback(async move || endless().await);
    let (certificate, tls) = tls.map_or((None, None), |(certificate, tls)| (Some(certificate), Some(tls)));
    let served = served_by(router, Patience { handshake: LONG, head: LONG, answer: patience }, tls).await;
    let (mut plain, mut secret) = (None, None);
    if let Some(certificate) = certificate {
        let stream = secret.insert(protected(&served, certificate, &["http/1.1"]).await);
        stream.write_all(ASK).await.unwrap();
    } else {
        plain = Some(served.connect(ASK).await);
    }
    let is_gone = tokio::time::timeout(within, gone).await.is_ok();
    drop((plain, secret));
    is_gone
}

#[tokio::test]
async fn who_does_not_take_the_answer_is_cut_off() {
    let (_directory, certificate, tls) = certificate();
    assert!(is_given_up(SHORT, AT_MOST, None).await);
    assert!(is_given_up(SHORT, AT_MOST, Some((&certificate, tls))).await);
    assert!(!is_given_up(LONG, SHORT * 5, None).await, "and nobody before the time");
}

#[tokio::test]
async fn handshakes_that_stall_hold_up_no_other_and_end() {
    let (_directory, certificate, tls) = certificate();
    let served = served(Patience { handshake: LONG, head: LONG, answer: LONG }, Some(tls.clone())).await;
    let mut stalled = Vec::new();
    for _ in 0..200 {
        // The beginning of a ClientHello.
        stalled.push(served.connect(&[0x16, 3, 1, 2, 0, 1]).await);
        stalled.push(served.connect(b"").await);
    }
    let mut stream = protected(&served, &certificate, &["http/1.1"]).await;
    stream.write_all(ASK).await.unwrap();
    assert!(rest(stream).await.ends_with("here"));

    let served = self::served(Patience { handshake: SHORT, head: LONG, answer: LONG }, Some(tls)).await;
    for begun in [&b""[..], &[0x16, 3, 1, 2, 0, 1]] {
        rest(served.connect(begun).await).await;
    }
}

#[tokio::test]
async fn plain_http_on_the_tls_port_gets_no_answer_and_harms_nobody() {
    let (_directory, certificate, tls) = certificate();
    let served = served(Patience::USUAL, Some(tls)).await;
    let said = rest(served.connect(ASK).await).await;
    assert!(!said.contains("HTTP") && !said.contains("here"), "{said}");
    let mut stream = protected(&served, &certificate, &[]).await;
    stream.write_all(ASK).await.unwrap();
    assert!(rest(stream).await.ends_with("here"));
}

#[tokio::test]
async fn what_is_idle_or_shakes_hands_does_not_hold_up_the_end() {
    let (_directory, certificate, tls) = certificate();
    let served = served(Patience { handshake: LONG, head: LONG, answer: LONG }, Some(tls)).await;
    let _silent = served.connect(b"").await;
    let _idle_http_1 = protected(&served, &certificate, &["http/1.1"]).await;
    let mut kept = protected(&served, &certificate, &["http/1.1"]).await;
    kept.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    kept.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    served.stop.cancel();
    tokio::time::timeout(AT_MOST, served.ended).await.expect("an end").unwrap();
}
