//! How the database walks what lists are made of: always from an index on, and in the order of the wire where a list is
//! long, so that a page costs what it returns.

use std::path::PathBuf;

use crate::{Arg, Db, lists, search};

/// A database of its own in a file that goes with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("tidemark-plans-{}.db", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for end in ["db", "db-wal", "db-shm"] {
            let _ = std::fs::remove_file(self.0.with_extension(end));
        }
    }
}

/// The steps of a statement, each with what it stands below.
async fn plan(db: &Db, sql: &str) -> Vec<String> {
    let count = (1..40).take_while(|at| sql.contains(&format!("${at}"))).count();
    let args = (0..count).map(|_| Arg::from(0_i64)).collect();
    let rows = db.read().await.unwrap().all_of(format!("EXPLAIN QUERY PLAN {sql}"), args).await.unwrap();
    rows.iter().map(|row| row.text("detail").unwrap()).collect()
}

/// Tables that hold a row for a tenant, user or item, or more: none is ever read from end to end. What is open, and so in an
/// index of its own, may be.
fn reads_a_table_through(step: &str) -> bool {
    let small = ["SCAN own", "SCAN c", "SCAN few", "SCAN x", "SCAN CONSTANT ROW"];
    let open = ["SCAN r USING INDEX runs_open", "SCAN d USING INDEX deliveries_open"];
    step.starts_with("SCAN ") && !small.contains(&step) && !open.contains(&step)
}

#[tokio::test]
async fn every_list_begins_at_an_index() {
    let scratch = Scratch::new();
    let db = Db::open(&scratch.0).await.unwrap();
    let statements = lists::statements()
        .into_iter()
        .chain(search::statements())
        .chain(crate::clients::statements())
        .chain(crate::moments_due::statements())
        .chain(crate::deliveries::ledger::statements())
        .chain(crate::alerts::statements());
    for (name, first, sql) in statements {
        let steps = plan(&db, &sql).await;
        let through: Vec<_> = steps.iter().filter(|step| reads_a_table_through(step)).collect();
        assert!(through.is_empty(), "{name} reads {through:?} through: {steps:#?}");
        let begins = steps.iter().find(|step| step.starts_with("SEARCH ") || step.ends_with("_open"));
        assert!(
            begins.is_some_and(|step| step.contains(first)),
            "{name} should begin with {first}: {steps:#?}"
        );
    }
}

#[tokio::test]
async fn a_long_list_is_walked_in_its_order() {
    let scratch =
        Scratch(Scratch::new().0.with_file_name(format!("tidemark-walks-{}.db", std::process::id())));
    let db = Db::open(&scratch.0).await.unwrap();
    for (name, first, sql) in lists::statements().into_iter().filter(|(name, ..)| name.ends_with(" in order"))
    {
        let steps = plan(&db, &sql).await;
        // What was moved meanwhile stands in the other half, and is sorted.
        let walk = steps.split(|step| step == "RIGHT").next().unwrap();
        assert!(walk.iter().any(|step| step.contains(first)), "{name}: {steps:#?}");
        let sorted = walk.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{name} is sorted: {steps:#?}");
    }
}
