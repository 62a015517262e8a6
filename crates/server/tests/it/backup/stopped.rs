//! A backup or restore that is stopped half way: nothing that looks whole is left, and a second one works.

use std::io::Write as _;
use std::process::{Command, Stdio};

use domain::access::Actor;
use store::{Db, args};
use testkit::{Database, Directory, TestApp};

use super::backed_up;
use crate::migrate_store::scene::moved;
use crate::process::full_disk::SmallDisk;
use crate::process::harness::{Place, Process, refusal, tidemark, wait_for};

const NOW: &str = "2026-05-08T10:00:00Z";

/// Fills a database with blocks that cannot be compressed.
async fn with_mebibytes(db: &Db, mebibytes: i64) {
    let mut random = 1_u64;
    let mut tx = db.write(Actor::System, || testkit::at(NOW)).await.unwrap();
    for range in 0..mebibytes {
        let next = |_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            random.to_be_bytes()[0]
        };
        let bytes: Vec<u8> = (0..1 << 20).map(next).collect();
        let sql = "INSERT INTO tree_blocks (range_no, seq, bytes) VALUES ($1, 0, $2)";
        tx.run(sql, args![1_000 + range, bytes]).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_restore_leaves_nothing_and_a_second_one_works() {
    let test = TestApp::at(NOW).await;
    with_mebibytes(&test.app.db, 12).await;
    let file = backed_up(&test.app.db, NOW).await;
    let directory = Directory::new();
    let place = Database::place(directory.path()).await;
    let restore = || {
        let mut command = tidemark("restore");
        command.arg("--data-dir").arg(directory.path()).args(place.options()).arg("-");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut process = restore().spawn().unwrap();
    let mut input = process.stdin.take().unwrap();
    // The pipe holds 64 KiB: what was written here was read there, but for those.
    input.write_all(&file[..file.len() - 1_000]).unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
    match &place {
        Database::File(file) => assert!(!file.exists()),
        Database::Server { .. } => {
            let db = Db::postgres_as_it_is(&place.postgres()).await.unwrap();
            assert_eq!(db.read().await.unwrap().schema().await.unwrap(), None);
        }
    }
    let serve = |more: &[&str]| {
        let mut command = tidemark("serve");
        command.arg("--data-dir").arg(directory.path()).args(place.options()).args(more);
        command
    };
    let said = refusal(&mut serve(&["--listen", "127.0.0.1:0"]));
    assert!(said.contains("holds no"), "{said}");

    let mut process = restore().spawn().unwrap();
    process.stdin.take().unwrap().write_all(&file).unwrap();
    let output = process.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("MISSING: put the installation's secret.key to"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backup_leaves_nothing_under_its_name_and_a_second_one_works() {
    let test = TestApp::at(NOW).await;
    with_mebibytes(&test.app.db, 64).await;
    let (directory, out) = (test.directory.path(), Directory::new());
    let file = out.path().join("a.tidemark");
    let part = out.path().join("a.tidemark.part");
    let backup = || {
        let mut command = tidemark("backup");
        command.arg("--data-dir").arg(directory).args(test.database.options()).arg(&file);
        command
    };
    let process = Process::start(&mut backup());
    wait_for("some of it", || part.metadata().ok().filter(|file| file.len() > 1 << 20));
    // SIGKILL.
    drop(process);
    assert!(part.exists() && !file.exists());
    moved(backup());
    assert!(!part.exists() && file.metadata().unwrap().len() > 64 << 20);
    let mut check: Command = tidemark("backup");
    check.arg("--check").arg(&file);
    assert!(moved(check).contains("every checksum is right"));
}

#[test]
fn a_full_disk_keeps_no_half_of_a_backup_on_sqlite() {
    let (place, disk) = (Place::new(), SmallDisk::new(1));
    let file = disk.file("a.tidemark");
    disk.fill();
    let said = refusal(place.command("backup").arg(&file));
    assert!(said.contains("a.tidemark was not written: it cannot be written: No space left"), "{said}");
    assert!(!file.exists() && !disk.file("a.tidemark.part").exists());
    disk.make_room();
    let mut backup = place.command("backup");
    backup.arg(&file);
    moved(backup);
    assert!(file.exists());
}
