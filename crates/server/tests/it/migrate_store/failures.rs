//! What is not moved whole is not moved at all, and may be tried again.

use domain::access::Actor;
use store::args;
use store::tables;
use testkit::Beside;

use super::scene::{Scene, migrate, moved};
use crate::process::harness::{Place, Process, refusal, tidemark};

/// Nothing of the source is in the target.
async fn assert_empty(scene: &Scene) {
    let db = scene.target.open().await;
    let mut conn = db.read().await.unwrap();
    for table in tables::all(&mut conn).await.unwrap() {
        let is_new = ["acceptance", "number_ranges"].contains(&table.name.as_str());
        assert_eq!(tables::count(&mut conn, &table).await.unwrap(), i64::from(is_new), "{}", table.name);
    }
    drop(conn);
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nul_in_a_text_is_named_and_nothing_is_moved_on_postgres() {
    let scene = Scene::plain().await;
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    let id = scene.test.top;
    tx.run("UPDATE tenants SET internal_tag = $2 WHERE id = $1", args![id, "a\0b"]).await.unwrap();
    tx.commit().await.unwrap();
    scene.test.app.db.close().await;
    let said = refusal(&mut migrate(&scene));
    let named =
        "the column internal_tag of tenants holds a NUL, which PostgreSQL has no room for, in the row no = 1";
    assert!(said.contains(named), "{said}");
    assert_empty(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_holds_an_installation_is_refused_on_postgres() {
    let scene = Scene::plain().await;
    scene.test.app.db.close().await;
    let mut init = tidemark("init");
    let elsewhere = scene.test.directory.path().join("elsewhere");
    init.arg("--data-dir").arg(elsewhere).args(scene.target.options());
    moved(init);
    let said = refusal(&mut migrate(&scene));
    assert!(said.contains("holds an installation already; nothing was changed"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_move_leaves_nothing_and_a_second_one_works_on_postgres() {
    let scene = Scene::plain().await;
    let mut tx = scene.test.app.write_as(Actor::System).await.unwrap();
    tx.run("INSERT INTO user_words (user_id, field, word) VALUES ('x', 1, 'y')", args![]).await.unwrap();
    tx.commit().await.unwrap();
    scene.test.app.db.close().await;
    scene.target.open().await.close().await;
    // The same row, not committed: whoever inserts it waits.
    let mut other = Beside::of(&scene.target).await;
    other.run("BEGIN; INSERT INTO user_words (user_id, field, word) VALUES ('x', 1, 'y')").await;
    let process = Process::start(&mut migrate(&scene));
    let mut watch = Beside::of(&scene.target).await;
    let inserting = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
        AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO user_words%'";
    watch.until(1, inserting).await;
    // SIGKILL.
    drop(process);
    drop(other);
    let connected = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
        AND application_name LIKE 'tidemark-%'";
    watch.until(0, connected).await;
    assert_empty(&scene).await;
    moved(migrate(&scene));
    let db = scene.target.open().await;
    let mut conn = db.read().await.unwrap();
    assert_eq!(conn.count("SELECT COUNT(*) AS n FROM tenants", args![]).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_came_out_different_is_found_and_nothing_is_moved_on_postgres() {
    let scene = Scene::plain().await;
    scene.test.app.db.close().await;
    scene.target.open().await.close().await;
    let mut other = Beside::of(&scene.target).await;
    other
        .run(
            "CREATE FUNCTION garble() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN NEW.name := upper(NEW.name); RETURN NEW; END';
             CREATE TRIGGER garble BEFORE INSERT ON tenants FOR EACH ROW EXECUTE FUNCTION garble()",
        )
        .await;
    let said = refusal(&mut migrate(&scene));
    assert!(
        said.contains("the table tenants came out different: 1 rows were written, 1 are there"),
        "{said}"
    );
    assert_empty(&scene).await;
}

#[test]
fn a_directory_that_is_served_is_not_moved() {
    let place = Place::new();
    let serving = place.serve();
    let mut migrate = place.command("migrate-store");
    let said = refusal(migrate.args(["--database-url", "postgres://nobody@127.0.0.1:1/none"]));
    assert!(
        said.contains(&format!("in use by another tidemark (process {})", serving.process.id())),
        "{said}"
    );
}

#[test]
fn a_move_needs_somewhere_to_go() {
    let place = Place::new();
    let said = refusal(&mut place.command("migrate-store"));
    assert!(said.contains("--database-url: required"), "{said}");
}
