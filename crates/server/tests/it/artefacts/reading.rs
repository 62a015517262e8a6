//! Bytes that are not what was written go to nobody as if they were.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use app::Error;
use app::contents::checking;
use domain::delivery::DeliveryState;
use domain::ids::{ArtefactId, ReportId};
use store::args;
use testkit::Server;

use super::{after_grace, download, enlarge, only_file};
use crate::desk::{Desk, once, sent};
use crate::process::harness::tidemark;

const LARGE: usize = 5 << 20;

/// Changes one byte of a piece of everything stored.
async fn spoil(desk: &Desk, ordinal: i64, at: usize) {
    let mut conn = desk.test.app.read().await.unwrap();
    let sql = "SELECT content_id, bytes FROM content_chunks WHERE ordinal = $1";
    let rows = conn.all(sql, args![ordinal]).await.unwrap();
    drop(conn);
    for row in rows {
        let mut bytes = row.blob("bytes").unwrap();
        bytes[at] ^= 1;
        let sql = "UPDATE content_chunks SET bytes = $3 WHERE content_id = $1 AND ordinal = $2";
        desk.sql(sql, args![row.text("content_id").unwrap(), ordinal, bytes]).await;
    }
}

/// The head of an answer and what came of its body, until the server or the length ended it.
fn raw(server: &Server, token: &str, report: ReportId, file: ArtefactId) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "GET /api/2/reports/{report}/stored/{file} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    (String::from_utf8_lossy(&answer[..end]).to_lowercase(), answer[end + 4..].to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_download_never_ends_as_a_good_one() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let (file, packed) = enlarge(&desk, id, LARGE).await;
    after_grace(&desk).await;
    let (head, body) = raw(&server, &token, id, file);
    assert!(head.starts_with("http/1.1 200") && body == packed, "{head}");

    // In the middle, in the checksum of the gzip member at the end, and one byte short.
    let last = i64::try_from(packed.len() >> 20).unwrap();
    for (ordinal, at) in [(2, 77), (last, (packed.len() & 0xf_ffff) - 1)] {
        spoil(&desk, ordinal, at).await;
        assert!(matches!(download(&desk, id, file).await, Err(Error::Internal(_))));
        let (head, body) = raw(&server, &token, id, file);
        assert!(head.starts_with("http/1.1 200"), "it was found out on the way: {head}");
        let length = format!("content-length: {}", packed.len());
        assert!(head.contains(&length) && body.len() < packed.len(), "{} of {length}", body.len());
        spoil(&desk, ordinal, at).await;
    }
    download(&desk, id, file).await.unwrap();
    desk.sql("DELETE FROM content_chunks WHERE ordinal = $1", args![last]).await;
    assert!(matches!(download(&desk, id, file).await, Err(Error::Internal(_))), "a piece is missing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_damaged_file_is_an_error_and_nothing_of_it_is_sent() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let server = desk.test.serve().await;
    let token = server.token(&desk.test.client_id, &desk.test.client_secret).await;
    let (file, _) = only_file(&desk, id).await;
    spoil(&desk, 0, 30).await;
    let (head, body) = raw(&server, &token, id, file);
    assert!(head.starts_with("http/1.1 500"), "{head}\n{}", String::from_utf8_lossy(&body));
}

#[tokio::test]
async fn no_mail_leaves_with_a_damaged_file() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let ann = desk.user(desk.customer, "ann@harbour.example").await;
    let id = desk.create(&sent(once(), &[ann])).await.unwrap().report.id;
    assert!(app::jobs::builder::build_next(&desk.test.app).await.unwrap());
    spoil(&desk, 0, 30).await;
    desk.drain().await;
    assert!(desk.folder().is_empty());
    let deliveries = desk.deliveries(id).await;
    assert!(matches!(deliveries[0].state, DeliveryState::Pending) && deliveries[0].attempts == 1);
    spoil(&desk, 0, 30).await;
    desk.pass("2020-03-05T10:00:00Z").await;
    assert_eq!(desk.folder().len(), 1, "once the bytes are right again");
}

#[tokio::test]
async fn verify_reads_all_files_and_names_the_damaged_one() {
    let desk = Desk::at("2020-03-04T10:00:00Z").await;
    let id = desk.create(&once()).await.unwrap().report.id;
    desk.drain().await;
    let verify = |more: &[&str]| {
        let mut command = tidemark("verify");
        command.arg("--data-dir").arg(desk.test.directory.path()).args(desk.test.database.options());
        let output = command.args(more).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (said, code) = verify(&[]);
    assert!(
        said.contains("1 stored file, ") && said.contains(" bytes: all are what was written\n"),
        "{said}"
    );
    assert_eq!(code, Some(0), "{said}");
    let (_, content) = only_file(&desk, id).await;
    spoil(&desk, 0, 30).await;
    let (said, code) = verify(&[]);
    assert!(said.contains(&format!("the content {} (SHA-256 {}", content.id, content.sha256)), "{said}");
    assert!(said.contains("1 IS DAMAGED"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(verify(&["--without-files"]).1, Some(0));
    let damage = checking::damage(&desk.test.app.places(), content).await.unwrap();
    assert!(damage.is_some_and(|damage| damage.contains("is damaged")));
    desk.sql("UPDATE artefacts SET content_id = NULL", args![]).await;
    spoil(&desk, 0, 30).await;
    let (said, code) = verify(&[]);
    assert!(said.contains("nothing refers to the content") && said.contains("--remove-orphans"), "{said}");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(verify(&["--remove-orphans"]).1, Some(0));
}
