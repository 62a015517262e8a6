//! Connections that are used again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use std::time::Duration;

use domain::access::Actor;
use testkit::TestApp;

/// A refused request whose body comes in a packet of its own, then another request on the same connection: both answers.
fn refused_then_answered(address: SocketAddr, length: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let head = format!(
        "POST /api/2/reports HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::yield_now();
    let next = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    // Where the server has hung up, writing fails too; what was answered tells.
    let _ = stream.write_all(body.as_bytes()).and_then(|()| stream.write_all(next.as_bytes()));
    let mut answers = String::new();
    let _ = stream.read_to_string(&mut answers);
    answers
}

#[tokio::test]
async fn a_request_refused_unread_leaves_the_connection_fit_for_the_next() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let server = test.serve().await;
    let address = server.address();
    let body = "x".repeat(40_000);
    for (length, body) in [
        (format!("Content-Length: {}", body.len()), body.clone()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
        // What some clients send with a POST that has no body.
        ("Transfer-Encoding: chunked".to_owned(), "0\r\n\r\n".to_owned()),
    ] {
        for _ in 0..30 {
            let (length, body) = (length.clone(), body.clone());
            let calling = move || refused_then_answered(address, &length, &body);
            let answers = tokio::task::spawn_blocking(calling).await.unwrap();
            assert!(answers.starts_with("HTTP/1.1 401 "), "{answers}");
            assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
        }
    }
}

#[tokio::test]
async fn who_gives_up_waiting_for_the_turn_to_write_leaves_nothing_open() {
    let test = TestApp::at("2026-05-08T10:00:00Z").await;
    let writing = test.app.write_as(Actor::System).await.unwrap();
    // More of them than there are connections.
    for _ in 0..10 {
        let waiting = test.app.write_as(Actor::System);
        assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
    }
    writing.commit().await.unwrap();
    // A transaction left open would keep its lock or its connection from these, and for ever.
    for _ in 0..10 {
        test.app.write_as(Actor::System).await.unwrap().commit().await.unwrap();
        test.app.read().await.unwrap();
    }
}
