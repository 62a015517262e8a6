//! The rows of every table, and how two moments differ.

use std::collections::BTreeMap;

use app::App;
use store::Conn;

/// All that the database holds at one moment.
pub(super) struct Snapshot {
    tables: BTreeMap<String, Table>,
    /// The acceptance number of the newest line.
    seq: i64,
}

#[derive(Default)]
struct Table {
    columns: Vec<String>,
    /// Values by primary key, as SQL writes them.
    rows: BTreeMap<String, Vec<String>>,
}

/// A row that came, went, or has another value in a column.
#[derive(Debug, Clone)]
pub(super) struct Difference {
    pub(super) table: String,
    /// `None`: the whole row.
    pub(super) column: Option<String>,
    /// The row's `uuid` or `id`, where it has one, without quotes.
    pub(super) id: Option<String>,
}

/// A line of the audit log.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) object: String,
    pub(super) object_id: String,
    pub(super) field: String,
    pub(super) actor: String,
}

async fn texts(conn: &mut Conn, sql: String) -> Vec<String> {
    let rows = conn.all_of(sql, Vec::new()).await.unwrap();
    rows.iter().map(|row| row.text("value").unwrap()).collect()
}

const APART: char = '\u{1f}';

impl Snapshot {
    pub(super) async fn take(app: &App) -> Self {
        let mut conn = app.read().await.unwrap();
        let mut tables = BTreeMap::new();
        let names =
            "SELECT name AS value FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                     AND name NOT LIKE '\\_%' ESCAPE '\\' AND name <> 'changes'";
        for name in texts(&mut conn, names.to_owned()).await {
            tables.insert(name.clone(), table(&mut conn, &name).await);
        }
        let seq = conn.count("SELECT COALESCE(MAX(seq), 0) AS n FROM changes", Vec::new()).await.unwrap();
        Self { tables, seq }
    }

    /// The lines that were written since.
    pub(super) async fn lines_since(&self, app: &App) -> Vec<Line> {
        let sql = format!(
            "SELECT object, object_id, field, actor_id FROM changes WHERE seq > {} ORDER BY seq, ordinal",
            self.seq
        );
        let rows = app.read().await.unwrap().all_of(sql, Vec::new()).await.unwrap();
        let line = |row: &store::Row| Line {
            object: row.text("object").unwrap(),
            object_id: row.text("object_id").unwrap(),
            field: row.text("field").unwrap(),
            actor: row.text("actor_id").unwrap(),
        };
        rows.iter().map(line).collect()
    }

    /// How a later moment differs.
    pub(super) fn differences(&self, later: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        for (name, new) in &later.tables {
            let old = &self.tables[name];
            let keys = old.rows.keys().chain(new.rows.keys().filter(|key| !old.rows.contains_key(*key)));
            for key in keys {
                found.extend(row_differences(name, new, (old.rows.get(key), new.rows.get(key))));
            }
        }
        found
    }
}

async fn table(conn: &mut Conn, name: &str) -> Table {
    let names = |which: &str| format!("SELECT name AS value FROM pragma_table_info('{name}') {which}");
    let columns = texts(conn, names("ORDER BY cid")).await;
    let key = texts(conn, names("WHERE pk > 0 ORDER BY pk")).await;
    assert!(!key.is_empty(), "{name} has no primary key");
    let quoted: Vec<String> = key.iter().chain(&columns).map(|column| format!("quote({column})")).collect();
    let sql = format!("SELECT {} AS value FROM {name}", quoted.join(" || char(31) || "));
    let mut rows = BTreeMap::new();
    for row in texts(conn, sql).await {
        let values: Vec<String> = row.split(APART).map(str::to_owned).collect();
        let (its_key, values) = values.split_at(key.len());
        rows.insert(its_key.join(" "), values.to_vec());
    }
    Table { columns, rows }
}

fn row_differences(
    name: &str,
    table: &Table,
    rows: (Option<&Vec<String>>, Option<&Vec<String>>),
) -> Vec<Difference> {
    let named = |name: &str| table.columns.iter().position(|column| column == name);
    let at = named("uuid").or_else(|| named("id"));
    let row = rows.0.or(rows.1).unwrap();
    let id = at.map(|at| row[at].trim_matches('\'').to_owned());
    let difference = |column| Difference { table: name.to_owned(), column, id: id.clone() };
    let (Some(old), Some(new)) = rows else { return vec![difference(None)] };
    let changed = table.columns.iter().zip(old.iter().zip(new)).filter(|(_, (old, new))| old != new);
    changed.map(|(column, _)| difference(Some(column.clone()))).collect()
}
