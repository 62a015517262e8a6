//! A database that cannot be reached for a while: calls are told so at once, and nothing needs to be restarted.

use testkit::{Database, Directory};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::channel::{Channel, id, saved_files};
use super::harness::Place;

/// The way to a PostgreSQL server, which can be cut.
struct Way {
    port: u16,
    server: String,
    open: JoinSet<()>,
}

impl Way {
    /// To the server of this address, `postgres://user@host:port`, from a free port of this machine.
    async fn to(server: &str) -> Self {
        let (_, server) = server.rsplit_once('@').unwrap();
        let mut way = Self { port: 0, server: server.to_owned(), open: JoinSet::new() };
        way.mend().await;
        way
    }

    async fn mend(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        self.port = listener.local_addr().unwrap().port();
        let server = self.server.clone();
        self.open.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let server = server.clone();
                connections.spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    copy_bidirectional(&mut near, &mut far).await.ok()
                });
            }
        });
    }

    /// Ends all connections and refuses others.
    async fn cut(&mut self) {
        self.open.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_are_refused_while_the_database_is_away_and_go_on_when_it_is_back_on_postgres() {
    let directory = Directory::new();
    let database = Database::empty_on_server(directory.path()).await;
    let Database::Server { server, name } = &database else { panic!("a database of PostgreSQL") };
    let mut way = Way::to(server).await;
    let over = Database::Server {
        server: format!("postgres://tidemark@127.0.0.1:{}", way.port),
        name: name.clone(),
    };
    let place = Place::on(&over);
    let serving = place.serve();
    let top = place.first.tenant_id.to_string();
    let channel = Channel::make(&serving, &top);
    let ask = || serving.client.get(&format!("/api/2/tenants/{top}")).bearer(&serving.token).send();
    for _ in 0..2 {
        assert_eq!(ask().status, 200);
        way.cut().await;
        // More than there may be connections that are found broken; were each to wait for the database, this would take
        // minutes, and the test be ended.
        for _ in 0..20 {
            let away = ask();
            assert_eq!(away.status, 503, "{}", away.text());
            assert_ne!(away.header("Retry-After"), "");
        }
        assert_eq!(serving.client.get("/readyz").send().status, 503);
        way.mend().await;
        assert_eq!(ask().status, 200, "at once");
        let report = id(&serving.post("/reports", &channel.order("save")));
        assert_eq!(saved_files(&serving, &report).len(), 2, "the jobs go on");
    }
    std::mem::forget(over);
}
