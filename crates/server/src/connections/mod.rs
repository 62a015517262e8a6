//! Connections: taken, protected, spoken HTTP on, and closed.
//!
//! Each has a task of its own from its first byte, so that one that is slow, or means ill, holds up no other. What the
//! other end may take its time for is bounded: the TLS handshake, the head of a request, the taking of an answer.

mod certificate;
pub mod tls;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use tls::Tls;
use watched::Watched;

/// How long to wait where the system gives no more connections: some will be closed.
const OUT_OF_CONNECTIONS: Duration = Duration::from_secs(1);

/// How long the other end of a connection may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For the whole TLS handshake.
    handshake: Duration,
    /// For the head of a request, from the first moment that one may come: so it is for a connection without any, too.
    head: Duration,
    /// For taking something of an answer that waits for it.
    answer: Duration,
}

impl Patience {
    /// Proxies keep idle connections for a minute; it must not be this end that closes one as a request comes.
    const USUAL: Self = Self {
        handshake: Duration::from_secs(10),
        head: Duration::from_secs(75),
        answer: Duration::from_mins(1),
    };
}

/// When to come to an end.
#[derive(Debug, Clone, Default)]
pub struct Until {
    /// From then on no connection is taken any more; the socket is given back, so that the next process gets those that
    /// come, or they are refused.
    pub closing: CancellationToken,
    /// From then on connections are closed as soon as nothing is under way on them.
    pub hanging_up: CancellationToken,
}

impl Until {
    /// Both at the same moment.
    pub fn at_once(stop: &CancellationToken) -> Self {
        Self { closing: stop.clone(), hanging_up: stop.clone() }
    }
}

/// What every connection is served by.
struct Server {
    tls: Option<Arc<Tls>>,
    router: Router,
    http: Builder<TokioExecutor>,
    patience: Patience,
    hanging_up: CancellationToken,
}

/// Serves what comes to this listener, and at the end what is under way to its end.
pub async fn serve(listener: TcpListener, tls: Option<Arc<Tls>>, router: Router, until: Until) {
    serve_with(Patience::USUAL, listener, tls, router, until).await;
}

async fn serve_with(
    patience: Patience,
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    router: Router,
    until: Until,
) {
    let mut http = Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(patience.head);
    // Whoever has gone without a word does not answer.
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(patience.head)
        .keep_alive_timeout(patience.answer);
    let Until { closing, hanging_up } = until;
    let server = Arc::new(Server { tls, router, http, patience, hanging_up });
    let open = TaskTracker::new();
    while let Some((stream, peer)) = closing.run_until_cancelled(next(&listener)).await {
        open.spawn(Arc::clone(&server).talk(stream, peer));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// The next connection.
async fn next(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) => {
            }
            Err(error) => {
                tracing::error!(%error, "no connection can be taken");
                app::clock::patience(OUT_OF_CONNECTIONS).await;
            }
        }
    }
}

impl Server {
    async fn talk(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // An answer goes out in several writes. Without this the last would wait for the client to acknowledge the first,
        // which it may put off for 40 ms.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection sends with delay");
        }
        let stream = Watched::new(stream, self.patience);
        let Some(tls) = &self.tls else { return self.speak_http(&self.http, stream, peer).await };
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        let handshake = tokio::time::timeout(self.patience.handshake, handshake);
        let stream = match self.hanging_up.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => stream,
            Some(Ok(Err(error))) => return tracing::debug!(%error, "no TLS handshake"),
            Some(Err(_)) => return tracing::debug!("a TLS handshake took too long"),
            None => return,
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::HTTP_2);
        let http = self.http.clone();
        let http = if is_http2 { http.http2_only() } else { http.http1_only() };
        self.speak_http(&http, stream, peer).await;
    }

    async fn speak_http<S>(&self, http: &Builder<TokioExecutor>, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let router = self.router.clone().map_request(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.hanging_up.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests;
