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

/// A foreign key that is checked at the end of each statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The table that it is of.
    pub from: String,
    /// The table whose rows must be there first.
    pub to: String,
}

const REFERENCES_IN_POSTGRES: &str = "SELECT t.relname::text AS from_table, r.relname::text AS to_table
    FROM pg_constraint f JOIN pg_class t ON t.oid = f.conrelid JOIN pg_class r ON r.oid = f.confrelid
    WHERE f.contype = 'f' AND NOT f.condeferrable AND t.relnamespace = current_schema()::regnamespace";

/// The foreign keys of a PostgreSQL database that cannot be deferred.
pub async fn references(conn: &mut Conn) -> Result<Vec<Reference>> {
    let rows = conn.all(REFERENCES_IN_POSTGRES, Vec::new()).await?;
    let reference = |row: &Row| Ok(Reference { from: row.text("from_table")?, to: row.text("to_table")? });
    rows.iter().map(reference).collect()
}

/// The tables in an order in which they can be filled, each after those that it refers to; by name where that leaves a
/// choice. `None` where there is no such order, as references go in a circle.
pub fn in_filling_order(tables: Vec<Table>, references: &[Reference]) -> Option<Vec<Table>> {
    let mut left = tables;
    let mut ordered: Vec<Table> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |table: &Table| {
            let mut needed = references.iter().filter(|it| it.from == table.name);
            needed.any(|it| left.iter().any(|other| other.name == it.to))
        };
        let next = left.iter().position(|table| !waits(table))?;
        ordered.push(left.remove(next));
    }
    Some(ordered)
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

/// Makes a transaction of PostgreSQL one that fills a database: it may be slow between statements, and what foreign keys can
/// be deferred are checked when it is committed.
pub async fn begin_filling(tx: &mut Write) -> Result<()> {
    tx.run("SET LOCAL idle_in_transaction_session_timeout = 0", Vec::new()).await?;
    tx.run("SET CONSTRAINTS ALL DEFERRED", Vec::new()).await.map(drop)
}

/// Removes all rows of a table.
pub async fn clear(tx: &mut Write, table: &Table) -> Result<()> {
    tx.all_of(format!("DELETE FROM {}", table.name), Vec::new()).await.map(drop)
}

/// Inserts rows as [`rows`] gives them.
pub async fn fill(tx: &mut Write, table: &Table, rows: Vec<Vec<Arg>>) -> Result<()> {
    tx.insert_many_of(&format!("INSERT INTO {} ({})", table.name, names(table)), "", rows).await
}

const COUNTERS_IN_POSTGRES: &str = "SELECT t.relname::text AS table_name, a.attname::text AS column_name,
    pg_get_serial_sequence(quote_ident(t.relname), a.attname) AS sequence
    FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attidentity <> '' AND NOT a.attisdropped
    WHERE t.relnamespace = current_schema()::regnamespace AND t.relkind = 'r'";

/// Lets the columns of PostgreSQL that number their rows go on behind the largest number: the largest that is there, or
/// the largest that SQLite has ever given.
pub async fn count_on(source: &mut Conn, tx: &mut Write) -> Result<()> {
    for counter in tx.all(COUNTERS_IN_POSTGRES, Vec::new()).await? {
        let (table, column) = (counter.text("table_name")?, counter.text("column_name")?);
        let largest = format!("SELECT COALESCE(MAX({column}), 0) AS n FROM {table}");
        let there = tx.all_of(largest, Vec::new()).await?.first().map_or(Ok(0), |row| row.int("n"))?;
        let given =
            source.count("SELECT seq AS n FROM sqlite_sequence WHERE name = $1", args![table]).await?;
        let next = there.max(given) + 1;
        let set = "SELECT setval($1::text::regclass, $2, false) AS n";
        tx.one(set, args![counter.text("sequence")?, next]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Reference, Table, in_filling_order};

    fn tables(names: &[&str]) -> Vec<Table> {
        let table = |name: &&str| Table { name: (*name).to_owned(), columns: Vec::new(), key: Vec::new() };
        names.iter().map(table).collect()
    }

    fn order(names: &[&str], references: &[(&str, &str)]) -> Option<Vec<String>> {
        let reference = |(from, to): &(&str, &str)| Reference { from: (*from).into(), to: (*to).into() };
        let references: Vec<Reference> = references.iter().map(reference).collect();
        let ordered = in_filling_order(tables(names), &references)?;
        Some(ordered.into_iter().map(|table| table.name).collect())
    }

    #[test]
    fn a_table_comes_after_what_it_refers_to() {
        let ordered = order(&["a", "b", "c", "d"], &[("a", "c"), ("c", "d"), ("a", "d")]);
        assert_eq!(ordered.unwrap(), ["b", "d", "c", "a"]);
    }

    #[test]
    fn references_out_of_the_list_do_not_count() {
        assert_eq!(order(&["a"], &[("a", "elsewhere")]).unwrap(), ["a"]);
    }

    #[test]
    fn a_circle_has_no_order() {
        assert_eq!(order(&["a", "b"], &[("a", "b"), ("b", "a")]), None);
        assert_eq!(order(&["a"], &[("a", "a")]), None);
    }
}
