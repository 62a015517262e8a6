//! A real server on a socket of this machine.

use std::net::SocketAddr;
use std::ops::Deref;

use ::app::App;
use tokio::task::JoinHandle;

use crate::{Client, TestApp};

/// A server that ends when it is dropped, and a client of it.
#[derive(Debug)]
pub struct Server {
    client: Client,
    task: JoinHandle<()>,
}

impl TestApp {
    /// Serves this app on a free port.
    pub async fn serve(&self) -> Server {
        Server::of(&self.app).await
    }
}

impl Server {
    /// Serves an app on a free port.
    #[expect(clippy::expect_used, reason = "a test without its server cannot go on")]
    pub async fn of(app: &App) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let service = http_api::router(app.clone()).into_make_service_with_connect_info::<SocketAddr>();
        #[expect(clippy::disallowed_methods, reason = "the server ends with the test, not with a tracker")]
        let task = tokio::spawn(async move {
            axum::serve(listener, service).await.expect("a server");
        });
        Self { client: Client::new(address), task }
    }
}

impl Deref for Server {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
