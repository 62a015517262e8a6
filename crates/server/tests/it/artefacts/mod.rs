//! What stored files hold: kept once, whole before anything refers to it, checked when it is read, gone when nothing does.

mod faults;
mod kept;
mod objects;
mod peer;
mod races;
mod reading;

use app::contents::upkeep;
use app::ids::hex;
use app::{App, reports};
use aws_lc_rs::digest::{SHA256, digest};
use domain::access::Actor;
use domain::ids::{ArtefactId, ContentId, ReportId};
use domain::report::{Content, Place};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use store::{args, contents};

use crate::desk::Desk;

/// Lets the time of grace pass: whatever is to be looked at some day is looked at now.
async fn after_grace(desk: &Desk) {
    desk.sql("UPDATE contents SET look_at = 0 WHERE look_at IS NOT NULL", args![]).await;
    while upkeep::tend(&desk.test.app).await.unwrap() {}
}

async fn count(app: &App, sql: &'static str) -> i64 {
    app.read().await.unwrap().count(sql, args![]).await.unwrap()
}

/// The only stored file of a report, and what it holds.
async fn only_file(desk: &Desk, report: ReportId) -> (ArtefactId, Content) {
    let app = &desk.test.app;
    let files = reports::stored(app, &desk.caller, report).await.unwrap();
    let [file] = &files[..] else { panic!("{files:?}") };
    let content = contents::of_artefact(&mut app.read().await.unwrap(), file.id).await.unwrap();
    (file.id, content.expect("a saved file"))
}

/// All bytes of a stored file as they are sent.
async fn download(desk: &Desk, report: ReportId, file: ArtefactId) -> app::Result<Vec<u8>> {
    let mut file = reports::stored_file(&desk.test.app, &desk.caller, report, file).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = file.next().await? {
        bytes.extend(piece);
    }
    assert_eq!(i64::try_from(bytes.len()).unwrap(), file.size_bytes());
    Ok(bytes)
}

/// A gzip member of about as many bytes as the text that it holds, and the digest and length of that.
fn packed(bytes: usize) -> (Vec<u8>, String, i64) {
    let words = (0..bytes / 16).map(|n| format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let plain = words.collect::<Vec<_>>().concat();
    let mut packing = GzEncoder::new(Vec::new(), Compression::none());
    packing.write_all(plain.as_bytes()).unwrap();
    (
        packing.finish().unwrap(),
        hex(digest(&SHA256, plain.as_bytes()).as_ref()),
        i64::try_from(plain.len()).unwrap(),
    )
}

/// Puts a content of this size in the place of what the report's only file holds, in the database.
async fn enlarge(desk: &Desk, report: ReportId, bytes: usize) -> (ArtefactId, Vec<u8>) {
    let (file, _) = only_file(desk, report).await;
    let (packed, sha256, plain_bytes) = packed(bytes);
    let content = Content {
        id: ContentId(desk.test.app.ids.other().unwrap()),
        sha256,
        place: Place::Database,
        size_bytes: i64::try_from(packed.len()).unwrap(),
        plain_bytes,
    };
    let mut tx = desk.test.app.write_as(Actor::System).await.unwrap();
    contents::begin(&mut tx, &content, None).await.unwrap();
    for (no, piece) in (0..).zip(packed.chunks(1 << 20)) {
        contents::insert_chunk(&mut tx, content.id, no, piece.to_vec()).await.unwrap();
    }
    assert!(contents::finish(&mut tx, content.id).await.unwrap());
    store::runs::artefacts::mark_saved(&mut tx, file, &content).await.unwrap();
    tx.run("UPDATE contents SET look_at = 0 WHERE id <> $1", args![content.id]).await.unwrap();
    tx.commit().await.unwrap();
    (file, packed)
}
