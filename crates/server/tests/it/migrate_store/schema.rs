//! Both schemas are the same, table by table.

use std::collections::BTreeSet;

use store::{Conn, Row, args, tables};
use testkit::{Database, Directory};

/// Name, uniqueness, columns with their direction, and the words of its condition.
type Index = (String, bool, String, Vec<String>);

const INDEXES_IN_SQLITE: &str = "SELECT i.name, m.name AS table_name, i.\"unique\" AS is_unique,
    (SELECT group_concat(c.name || CASE c.\"desc\" WHEN 1 THEN ' desc' ELSE '' END, ',' ORDER BY c.seqno)
     FROM pragma_index_xinfo(i.name) c WHERE c.key = 1) AS columns,
    COALESCE((SELECT substr(s.sql, instr(s.sql, ' WHERE ') + 7) FROM sqlite_schema s
              WHERE s.name = i.name AND i.partial = 1), '') AS condition
    FROM sqlite_schema m JOIN pragma_index_list(m.name) i
    WHERE m.type = 'table' AND i.origin <> 'pk' AND m.name <> '_sqlx_migrations'";
const INDEXES_IN_POSTGRES: &str = "SELECT n.relname::text AS name, t.relname::text AS table_name,
    i.indisunique AS is_unique,
    (SELECT string_agg(a.attname || CASE i.indoption[k.place - 1] & 1 WHEN 1 THEN ' desc' ELSE '' END, ','
     ORDER BY k.place) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum) AS columns,
    COALESCE(pg_get_expr(i.indpred, i.indrelid), '') AS condition
    FROM pg_index i JOIN pg_class n ON n.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary AND t.relname <> '_sqlx_migrations'";

async fn indexes(conn: &mut Conn) -> BTreeSet<Index> {
    let sql = conn.in_dialect(INDEXES_IN_SQLITE, INDEXES_IN_POSTGRES);
    conn.all(sql, args![]).await.unwrap().iter().map(index).collect()
}

fn index(row: &Row) -> Index {
    let (name, table) = (row.text("name").unwrap(), row.text("table_name").unwrap());
    // Those of UNIQUE in a table have no name of ours: sqlite_autoindex_runs_1, runs_id_key.
    let is_named = !name.starts_with("sqlite_autoindex_") && !name.ends_with("_key");
    let name = if is_named { format!("{table}: {name}") } else { table };
    (
        name,
        row.flag("is_unique").unwrap(),
        row.text("columns").unwrap(),
        words(&row.text("condition").unwrap()),
    )
}

/// The words of a condition without those in which the databases write a list: `IN ('a')`, `= ANY (ARRAY['a'::text])`.
fn words(condition: &str) -> Vec<String> {
    let words = condition.split(|c: char| !(c.is_alphanumeric() || c == '_')).map(str::to_lowercase);
    words.filter(|word| !["", "in", "any", "array", "text"].contains(&word.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_schemas_are_the_same_on_postgres() {
    let directory = Directory::new();
    let file = Database::file(directory.path()).open().await;
    let database = Database::empty_on_server(directory.path()).await;
    let server = database.open().await;
    let (mut ours, mut theirs) = (file.read().await.unwrap(), server.read().await.unwrap());
    let (in_sqlite, in_postgres) =
        (tables::all(&mut ours).await.unwrap(), tables::all(&mut theirs).await.unwrap());
    assert!(in_sqlite.len() > 40, "{} tables", in_sqlite.len());
    assert_eq!(in_sqlite, in_postgres);
    for table in &in_sqlite {
        assert_ne!(table.key, [""; 0], "{} has a primary key", table.name);
    }
    let (in_sqlite, in_postgres) = (indexes(&mut ours).await, indexes(&mut theirs).await);
    assert!(in_sqlite.len() > 40, "{} indexes", in_sqlite.len());
    assert_eq!(in_sqlite, in_postgres);
}
