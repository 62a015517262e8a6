//! What cannot be restored is refused by name, and changes nothing.

use app::backup::{Failure, Fault};
use domain::access::Actor;
use store::{args, tables};
use testkit::{Database, Directory, TestApp};

use super::{LATER, backed_up, restored};
use crate::process::harness::{Place, refusal};

const NOW: &str = "2026-05-08T10:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_in_use_is_not_restored_to() {
    let test = TestApp::at(NOW).await;
    let file = backed_up(&test.app.db, NOW).await;
    let refused = restored(file.as_slice(), &test.database, LATER).await;
    assert!(matches!(refused, Err(Failure::Occupied)), "{refused:?}");
    let mut conn = test.app.read().await.unwrap();
    assert_eq!(conn.count("SELECT COUNT(*) AS n FROM restores", args![]).await.unwrap(), 0);
}

/// Every part of the file, flipped: each is found before anything lasts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_leaves_nothing() {
    let test = TestApp::at(NOW).await;
    let whole = backed_up(&test.app.db, NOW).await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    for at in (20..whole.len()).step_by(whole.len() / 24) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        let refused = restored(flipped.as_slice(), &place, LATER).await;
        let is_fault = matches!(refused, Err(Failure::File(Fault::Damaged { .. } | Fault::CutOff(_))));
        assert!(is_fault, "byte {at}: {refused:?}");
        let cut = restored(&whole[..at], &place, LATER).await;
        assert!(matches!(cut, Err(Failure::File(Fault::CutOff(_)))), "cut at {at}: {cut:?}");
    }
    restored(whole.as_slice(), &place, LATER).await.unwrap();
    let db = place.open().await;
    assert!(store::history::days(&mut db.read().await.unwrap()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_refers_to_none_is_refused() {
    let test = TestApp::in_file_at(NOW).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    let put_off = tables::begin_filling(&mut tx).await.unwrap();
    let sql = "INSERT INTO key_pieces (run_id, first_key, entries) VALUES (4711, $1, $1)";
    tx.run(sql, args![vec![0_u8]]).await.unwrap();
    assert_eq!(tables::end_filling(&mut tx, put_off).await.unwrap().as_deref(), Some("key_pieces"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_has_no_room_on_postgres() {
    let test = TestApp::in_file_at(NOW).await;
    let mut tx = test.app.write_as(Actor::System).await.unwrap();
    tx.run("UPDATE tenants SET internal_tag = $1", args!["a\0b"]).await.unwrap();
    tx.commit().await.unwrap();
    let file = backed_up(&test.app.db, NOW).await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    let refused = restored(file.as_slice(), &place, LATER).await.unwrap_err().to_string();
    assert!(refused.contains("internal_tag of tenants holds a NUL"), "{refused}");
}

#[test]
fn what_is_there_is_not_replaced_on_sqlite() {
    let place = Place::new();
    let file = place.beside().join("kept.tidemark");
    let backup = |more: &[&str]| {
        let mut command = place.command("backup");
        command.args(more).arg(&file);
        command
    };
    let made = backup(&[]).output().unwrap();
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(said.contains("NOT in the backup") && said.contains("secret.key"), "{said}");
    assert!(refusal(&mut backup(&[])).contains("is there already; --force replaces it"));
    assert!(backup(&["--force"]).status().unwrap().success());
    assert!(backup(&["--check"]).status().unwrap().success());
    let mut restore = place.command("restore");
    let said = refusal(restore.arg(&file));
    assert!(said.contains("holds a database already; nothing was changed"), "{said}");
    std::fs::write(&file, "SQLite format 3").unwrap();
    let said = refusal(&mut backup(&["--check"]));
    assert!(said.contains("kept.tidemark: this is not a backup of Tidemark"), "{said}");
}

#[test]
fn another_key_file_is_found_before_anything_lasts_on_sqlite() {
    let (place, other) = (Place::new(), Place::new());
    let file = place.beside().join("one.tidemark");
    assert!(place.command("backup").arg(&file).status().unwrap().success());
    std::fs::remove_file(other.data().join("tidemark.db")).unwrap();
    let said = refusal(other.command("restore").arg(&file));
    assert!(said.contains("the key file does not open the signing keys of this backup"), "{said}");
    assert!(!other.data().join("tidemark.db").exists());
    std::fs::copy(place.data().join("secret.key"), other.data().join("secret.key")).unwrap();
    assert!(other.command("restore").arg(&file).status().unwrap().success());
}
