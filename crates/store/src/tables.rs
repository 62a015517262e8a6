//! Whole tables, as the databases' own catalogues name them: for what moves an installation from one database to another
//! and must not know what later migrations add.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use crate::conn::corrupt;
use crate::{Arg, Conn, Result, Row, Write, args};

/// A table but for those that the driver keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// All columns, by name.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in its order.
    pub key: Vec<String>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may hold nothing.
    pub is_nullable: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Numbers of 64 bits.
    Int,
    /// Texts.
    Text,
    /// Bytes.
    Blob,
}

const COLUMNS_IN_SQLITE: &str = "SELECT m.name AS table_name, c.name AS column_name, c.type AS kind,
    c.\"notnull\" = 0 AND c.pk = 0 AS is_nullable, c.pk AS key_place
    FROM sqlite_schema m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> '_sqlx_migrations'";
const COLUMNS_IN_POSTGRES: &str = "SELECT t.relname::text AS table_name, a.attname::text AS column_name,
    CASE format_type(a.atttypid, NULL) WHEN 'bigint' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB'
    ELSE format_type(a.atttypid, NULL) END AS kind,
    NOT a.attnotnull AS is_nullable, COALESCE(array_position(k.conkey, a.attnum), 0) AS key_place
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_constraint k ON k.conrelid = t.oid AND k.contype = 'p'
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' AND t.relname <> '_sqlx_migrations'";

/// All tables of a database, by name.
pub async fn all(conn: &mut Conn) -> Result<Vec<Table>> {
    let sql = conn.in_dialect(COLUMNS_IN_SQLITE, COLUMNS_IN_POSTGRES);
    let mut found: BTreeMap<String, Vec<(i64, Column)>> = BTreeMap::new();
    for row in conn.all(sql, Vec::new()).await? {
        let kind = match row.text("kind")?.as_str() {
            "INTEGER" => Kind::Int,
            "TEXT" => Kind::Text,
            "BLOB" => Kind::Blob,
            other => return Err(corrupt("kind", other.to_owned(), "a type of Tidemark's columns")),
        };
        let (name, is_nullable) = (row.text("column_name")?, row.flag("is_nullable")?);
        let column = Column { name, kind, is_nullable };
        found.entry(row.text("table_name")?).or_default().push((row.int("key_place")?, column));
    }
    Ok(found.into_iter().map(|(name, columns)| table(name, columns)).collect())
}

/// A table of columns with their places in the primary key, counted from 1.
fn table(name: String, mut columns: Vec<(i64, Column)>) -> Table {
    columns.sort_by_key(|(place, _)| *place);
    let in_key = columns.iter().filter(|(place, _)| *place > 0);
    let key = in_key.map(|(_, column)| column.name.clone()).collect();
    let mut columns: Vec<Column> = columns.into_iter().map(|(_, column)| column).collect();
    columns.sort_by(|a, b| a.name.cmp(&b.name));
    Table { name, columns, key }
}

/// How many rows a table has.
pub async fn count(conn: &mut Conn, table: &Table) -> Result<i64> {
    let sql = format!("SELECT COUNT(*) AS n FROM {}", table.name);
    conn.all_of(sql, Vec::new()).await?.first().map_or(Ok(0), |row| row.int("n"))
}

/// All rows of a table as they come, in the order of its key: the values in the order of [`Table::columns`].
pub fn rows<'a>(conn: &'a mut Conn, table: &'a Table) -> BoxStream<'a, Result<Vec<Arg>>> {
    let sql = format!("SELECT {} FROM {} ORDER BY {}", names(table), table.name, table.key.join(", "));
    conn.stream_of(sql).map(|row| row.and_then(|row| values(&row, table))).boxed()
}

fn values(row: &Row, table: &Table) -> Result<Vec<Arg>> {
    let value = |column: &Column| {
        Ok(match column.kind {
            Kind::Int => Arg::Int(row.opt_int(&column.name)?),
            Kind::Text => Arg::Text(row.opt_text(&column.name)?),
            Kind::Blob => Arg::Blob(row.opt_blob(&column.name)?),
        })
    };
    table.columns.iter().map(value).collect()
}

fn names(table: &Table) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    names.join(", ")
}

const STRICT_REFERENCES_IN_POSTGRES: &str = "SELECT conrelid::regclass::text AS table_name,
    quote_ident(conname) AS name FROM pg_constraint
    WHERE contype = 'f' AND NOT condeferrable AND connamespace = current_schema()::regnamespace ORDER BY oid";

/// Foreign keys that are put off until tables are filled.
#[derive(Debug)]
pub struct PutOff(Vec<(String, String)>);

/// Makes a transaction one that fills a database, table by table in any order: it may be slow between statements, and
/// foreign keys are checked by [`end_filling`].
pub async fn begin_filling(tx: &mut Write) -> Result<PutOff> {
    if !tx.is_postgres() {
        tx.run("PRAGMA defer_foreign_keys = ON", Vec::new()).await?;
        return Ok(PutOff(Vec::new()));
    }
    tx.run("SET LOCAL idle_in_transaction_session_timeout = 0", Vec::new()).await?;
    let strict = tx.all(STRICT_REFERENCES_IN_POSTGRES, Vec::new()).await?;
    let strict = strict.iter().map(|row| Ok((row.text("table_name")?, row.text("name")?)));
    let strict: Vec<(String, String)> = strict.collect::<Result<_>>()?;
    for (table, name) in &strict {
        tx.all_of(format!("ALTER TABLE {table} ALTER CONSTRAINT {name} DEFERRABLE"), Vec::new()).await?;
    }
    tx.run("SET CONSTRAINTS ALL DEFERRED", Vec::new()).await?;
    Ok(PutOff(strict))
}

/// Checks all foreign keys, and lets them be checked as always from here on. Gives the table that has a row whose
/// reference leads nowhere, where there is one.
pub async fn end_filling(tx: &mut Write, put_off: PutOff) -> Result<Option<String>> {
    if !tx.is_postgres() {
        let lost = tx.one("PRAGMA foreign_key_check", Vec::new()).await?;
        return lost.map(|row| row.text("table")).transpose();
    }
    tx.run("SET CONSTRAINTS ALL IMMEDIATE", Vec::new()).await?;
    for (table, name) in put_off.0 {
        let as_before = format!("ALTER TABLE {table} ALTER CONSTRAINT {name} NOT DEFERRABLE");
        tx.all_of(as_before, Vec::new()).await?;
    }
    Ok(None)
}

/// Removes all rows of a table.
pub async fn clear(tx: &mut Write, table: &Table) -> Result<()> {
    tx.all_of(format!("DELETE FROM {}", table.name), Vec::new()).await.map(drop)
}

/// Inserts rows as [`rows`] gives them.
pub async fn fill(tx: &mut Write, table: &Table, rows: Vec<Vec<Arg>>) -> Result<()> {
    tx.insert_many_of(&format!("INSERT INTO {} ({})", table.name, names(table)), "", rows).await
}

const COUNTERS_IN_SQLITE: &str = "SELECT name AS table_name, seq AS given FROM sqlite_sequence ORDER BY name";
const UNCOUNTED_IN_SQLITE: &str = "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_schema
    WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' AND name NOT IN (SELECT name FROM sqlite_sequence)";
const COUNTERS_IN_POSTGRES: &str = "SELECT t.relname::text AS table_name, a.attname::text AS column_name,
    pg_get_serial_sequence(quote_ident(t.relname), a.attname) AS sequence,
    COALESCE(pg_sequence_last_value(pg_get_serial_sequence(quote_ident(t.relname), a.attname)::regclass), 0) AS given
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attidentity <> '' AND NOT a.attisdropped
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r' ORDER BY t.relname";

/// The largest number that each table has given to a row, of those tables that number their rows and never give a number
/// twice.
pub async fn counters(conn: &mut Conn) -> Result<BTreeMap<String, i64>> {
    let rows = conn.all(conn.in_dialect(COUNTERS_IN_SQLITE, COUNTERS_IN_POSTGRES), Vec::new()).await?;
    rows.iter().map(|row| Ok((row.text("table_name")?, row.int("given")?))).collect()
}

/// Lets tables go on numbering their rows behind the largest number: the largest that is there, or the largest that was
/// ever given.
pub async fn count_on(tx: &mut Write, given: &BTreeMap<String, i64>) -> Result<()> {
    let largest_given = |table: &str| given.get(table).copied().unwrap_or(0);
    if !tx.is_postgres() {
        // What was filled has moved the counters as far as the rows go; a table without rows has none yet.
        tx.run(UNCOUNTED_IN_SQLITE, Vec::new()).await?;
        for table in counters(tx).await?.into_keys() {
            let sql = "UPDATE sqlite_sequence SET seq = MAX(seq, $2) WHERE name = $1";
            tx.run(sql, args![table.as_str(), largest_given(&table)]).await?;
        }
        return Ok(());
    }
    for counter in tx.all(COUNTERS_IN_POSTGRES, Vec::new()).await? {
        let (table, column) = (counter.text("table_name")?, counter.text("column_name")?);
        let largest = format!("SELECT COALESCE(MAX({column}), 0) AS n FROM {table}");
        let there = tx.all_of(largest, Vec::new()).await?.first().map_or(Ok(0), |row| row.int("n"))?;
        let largest = there.max(largest_given(&table));
        if largest > 0 {
            let set = "SELECT setval($1::text::regclass, $2, true) AS n";
            tx.one(set, args![counter.text("sequence")?, largest]).await?;
        }
    }
    Ok(())
}
