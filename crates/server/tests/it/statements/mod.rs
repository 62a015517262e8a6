//! Every statement of the product is prepared on a database with the schema of today: a name that one of the two databases
//! does not know, or a type that it does not take, is found though no test runs the statement.
//!
//! The statements are read from the source, so that none can be forgotten: whatever is given to a method of `store::Conn`
//! must be understood here, and every literal that begins as a statement must be part of one.

mod evaluate;
mod expand;
mod source;
mod template;

use std::collections::BTreeSet;
use std::path::Path;

use testkit::{Database, Directory, Kind};

use self::evaluate::{Evaluation, Rules, Texts};
use self::source::{Call, Source};
use self::template::{ROWS, numbered, products};

/// The methods that take a statement, as `store::Conn` and `store::Write` have them.
const METHODS: [&str; 7] = ["all", "all_of", "count", "each", "each_of", "one", "run"];

/// The module whose statements are made of the names in a database's own catalogue, for one database or the other: tests of
/// `migrate-store` run each of them, on every table.
const OF_CATALOGUES: &str = "tables.rs";

/// What `store::lists::Holding` adds: by kind alone, and by all.
const RULES: Rules = &[(
    "condition",
    &[
        "",
        " AND t.kind IN ($?, $?)",
        " AND t.kind IN ($?) AND EXISTS (SELECT 1 FROM access_policies a JOIN tenants x ON x.no = a.tenant_no
         WHERE a.user_id = u.id AND a.role_id IN ($?, $?) AND x.id IN ($?))",
    ],
)];

/// The values that statements are given which begin like this, where PostgreSQL cannot tell it from the statement alone: it
/// then takes what comes. Those of further placeholders it can tell.
const VALUES: &[(&str, &[Kind])] = &[
    ("WITH RECURSIVE own (no) AS (", &[Kind::Int]),
    ("WITH wanted (tenant_no, item_no, infra_no) AS (VALUES ", &[Kind::Int; 6]),
    ("SELECT t.no, t.id FROM tenants t WHERE t.no IN ($2, $3) AND ($1 IS NULL", &[Kind::Int]),
    (
        "SELECT c.seq, c.ordinal, c.object, c.object_id, ",
        &[Kind::Int, Kind::Int, Kind::Int, Kind::Text, Kind::Text, Kind::Text, Kind::Text],
    ),
    (
        "SELECT d.id, d.run_id, d.user_id, d.resend_no, ",
        &[
            Kind::Int,
            Kind::Int,
            Kind::Int,
            Kind::Int,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Text,
            Kind::Int,
        ],
    ),
];

/// The known values of a statement.
fn values(statement: &str) -> &'static [Kind] {
    VALUES.iter().find(|(beginning, _)| statement.starts_with(beginning)).map_or(&[], |(_, values)| values)
}

/// What a call runs; `None` where it is no call of the database.
fn statements(evaluation: &Evaluation<'_>, call: &Call) -> Option<Texts> {
    match (call.name.as_str(), call.arguments.as_slice()) {
        ("insert_many", [insert, conflict, _]) => Some((|| {
            let parts = [
                evaluation.texts(insert, &call.place)?,
                vec![format!(" VALUES {ROWS} ")],
                evaluation.texts(conflict, &call.place)?,
            ];
            Ok(products(&parts).into_iter().map(|parts| parts.concat()).collect())
        })()),
        // Iterators have methods of these names with fewer arguments.
        (name, [sql, _, ..]) if METHODS.contains(&name) => Some(evaluation.texts(sql, &call.place)),
        _ => None,
    }
}

#[tokio::test]
async fn every_statement_can_be_prepared() {
    let directory = Directory::new();
    let database = Database::new(directory.path()).await;
    let mut source = Source::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/src"));
    let of_catalogues = source.files.iter().position(|file| file.path.ends_with(OF_CATALOGUES)).unwrap();
    source.files[of_catalogues].literals.clear();
    source.calls.retain(|call| call.place.file != of_catalogues);
    let is_postgres = matches!(database, Database::Server { .. });
    let evaluation = Evaluation::new(&source, RULES, is_postgres);

    let (mut found, mut unknown) = (BTreeSet::new(), Vec::new());
    for call in &source.calls {
        match statements(&evaluation, call) {
            None => {}
            Some(Ok(texts)) => found.extend(texts.iter().map(|text| numbered(text))),
            Some(Err(reason)) => {
                let file = &source.files[call.place.file];
                unknown.push(format!("{}, a call of {}: {reason}", file.path.display(), call.name));
            }
        }
    }
    assert!(unknown.is_empty(), "statements that cannot be told from the source: {unknown:#?}");
    let used = evaluation.used.take();
    let literals = source.files.iter().flat_map(|file| &file.literals);
    let forgotten: Vec<&String> = literals.filter(|literal| !used.contains(*literal)).collect();
    assert!(forgotten.is_empty(), "statements that no method of the database takes: {forgotten:#?}");

    let idle = VALUES.iter().filter(|(beginning, _)| !found.iter().any(|text| text.starts_with(beginning)));
    assert_eq!(idle.count(), 0, "values are known of statements that are no more");

    let refused = database.refused(found.iter().map(|text| (text.as_str(), values(text)))).await;
    assert!(refused.is_empty(), "{} of {} statements are refused: {refused:#?}", refused.len(), found.len());
    println!("{} statements prepared", found.len());
}
