//! Files that do not come to their end: a writer that fails, and a client that hangs up.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use app::reports::Flow;
use axum::Router;
use axum::routing::get;
use http_api::api::reports::at_once;
use http_api::serve::Routes;
use testkit::TestApp;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

static PIECE: [u8; 64 * 1024] = [b'7'; 64 * 1024];

/// A server whose only route answers with what this writes, and the tasks that serve.
async fn serving(
    write: impl Fn(&mut dyn io::Write) -> io::Result<()> + Clone + Send + Sync + 'static,
) -> (TestApp, SocketAddr, JoinSet<()>) {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let answer = move || {
        let write = write.clone();
        async move { at_once::body(Flow::of(move |out| write(out))) }
    };
    #[expect(clippy::disallowed_methods, reason = "a server of this test alone")]
    let routes = Routes { whole: Router::new().route("/file", get(answer)), streamed: Router::new() };
    let router = http_api::serve::around(routes, test.app.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (test, address, tasks)
}

fn connect(address: SocketAddr, encoding: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "GET /file HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Whether the whole answer came, by the last chunk of its body (RFC 9112, 7.1).
fn came_whole(address: SocketAddr, encoding: &str) -> bool {
    let mut answer = Vec::new();
    // A reset is as good a break as an end without the last chunk.
    let _ = connect(address, encoding).read_to_end(&mut answer);
    // Compressed, it may break before its first byte.
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
    answer.ends_with(b"\r\n0\r\n\r\n")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_writer_fails_half_way_never_ends_as_if_it_were_whole() {
    let fault = Arc::new(Mutex::new("none"));
    let next = fault.clone();
    let (_test, address, _tasks) = serving(move |out| {
        for _ in 0..4 {
            out.write_all(&PIECE)?;
        }
        let fault = *next.lock().unwrap();
        match fault {
            "error" => Err(io::Error::other("a fault")),
            "panic" => panic!("a fault of ours"),
            _ => Ok(()),
        }
    })
    .await;
    for (now, whole) in [("none", true), ("error", false), ("panic", false)] {
        *fault.lock().unwrap() = now;
        for encoding in ["identity", "gzip"] {
            let came = tokio::task::spawn_blocking(move || came_whole(address, encoding)).await.unwrap();
            assert_eq!(came, whole, "{now}, {encoding}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_hangs_up_ends_the_writing() {
    let (ended, end) = oneshot::channel();
    let ended = Arc::new(Mutex::new(Some(ended)));
    let (_test, address, _tasks) = serving(move |out| {
        loop {
            if let Err(fault) = out.write_all(&PIECE) {
                ended.lock().unwrap().take().unwrap().send(fault.kind()).unwrap();
                return Err(fault);
            }
        }
    })
    .await;
    let reading = tokio::task::spawn_blocking(move || {
        let mut some = vec![0; 1024 * 1024];
        connect(address, "identity").read_exact(&mut some).unwrap();
    });
    reading.await.unwrap();
    assert_eq!(end.await.unwrap(), io::ErrorKind::BrokenPipe);
}
