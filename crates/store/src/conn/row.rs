//! What comes back from a statement.

use std::str::FromStr;

use domain::time::{Day, Instant};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::driver;
use crate::{Error, Result};

/// A row of an answer.
#[derive(Debug)]
pub struct Row(pub(super) Columns);

#[derive(Debug)]
pub(super) enum Columns {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self(Columns::Sqlite(row))
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self(Columns::Postgres(row))
    }
}

/// The rows of a driver as they come.
pub(super) fn neutral<'a, R: 'a>(rows: BoxStream<'a, sqlx::Result<R>>) -> BoxStream<'a, Result<Row>>
where
    Row: From<R>,
{
    rows.map(|row| row.map(Row::from).map_err(driver)).boxed()
}

/// What a column holds, in a type that both drivers know.
macro_rules! get {
    ($row:expr, $column:expr) => {
        match &$row.0 {
            Columns::Sqlite(row) => row.try_get($column),
            Columns::Postgres(row) => row.try_get($column),
        }
        .map_err(driver)
    };
}

impl Row {
    /// A number.
    pub fn int(&self, column: &str) -> Result<i64> {
        let missing = || corrupt(column, "null".to_owned(), "a number");
        self.opt_int(column)?.ok_or_else(missing)
    }

    /// A number or null.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>> {
        match &self.0 {
            Columns::Sqlite(row) => row.try_get(column).map_err(driver),
            Columns::Postgres(row) => postgres_int(row, column).map_err(driver),
        }
    }

    /// A text.
    pub fn text(&self, column: &str) -> Result<String> {
        get!(self, column)
    }

    /// A text or null.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>> {
        get!(self, column)
    }

    /// Bytes.
    pub fn blob(&self, column: &str) -> Result<Vec<u8>> {
        get!(self, column)
    }

    /// Bytes or null.
    pub fn opt_blob(&self, column: &str) -> Result<Option<Vec<u8>>> {
        get!(self, column)
    }

    /// A truth value.
    pub fn flag(&self, column: &str) -> Result<bool> {
        Ok(self.int(column)? != 0)
    }

    /// A truth value or null.
    pub fn opt_flag(&self, column: &str) -> Result<Option<bool>> {
        Ok(self.opt_int(column)?.map(|value| value != 0))
    }

    /// An instant.
    pub fn instant(&self, column: &str) -> Result<Instant> {
        self.int(column).map(Instant)
    }

    /// An instant or null.
    pub fn opt_instant(&self, column: &str) -> Result<Option<Instant>> {
        Ok(self.opt_int(column)?.map(Instant))
    }

    /// A day.
    pub fn day(&self, column: &str) -> Result<Day> {
        day(column, self.int(column)?)
    }

    /// A day or null.
    pub fn opt_day(&self, column: &str) -> Result<Option<Day>> {
        self.opt_int(column)?.map(|value| day(column, value)).transpose()
    }

    /// An id, a word of an enumeration or another value with a text form.
    pub fn parsed<T: FromStr>(&self, column: &str) -> Result<T> {
        parse(column, self.text(column)?)
    }

    /// Such a value or null.
    pub fn opt_parsed<T: FromStr>(&self, column: &str) -> Result<Option<T>> {
        self.opt_text(column)?.map(|text| parse(column, text)).transpose()
    }

    /// A comma-separated list of such values, as [`crate::arg::list`] writes it.
    pub fn parsed_list<T: FromStr>(&self, column: &str) -> Result<Vec<T>> {
        let text = self.text(column)?;
        text.split(',').filter(|word| !word.is_empty()).map(|word| parse(column, word.to_owned())).collect()
    }
}

fn day(column: &str, value: i64) -> Result<Day> {
    i32::try_from(value).map(Day).map_err(|_| corrupt(column, value.to_string(), "a day"))
}

fn parse<T: FromStr>(column: &str, text: String) -> Result<T> {
    text.parse().map_err(|_| corrupt(column, text, std::any::type_name::<T>()))
}

/// A stored value that Tidemark never writes.
pub(crate) fn corrupt(column: &str, value: String, expected: &'static str) -> Error {
    Error::Corrupt { column: column.to_owned(), value, expected }
}

/// PostgreSQL tells truth values and literal numbers from stored numbers by type; SQLite has but one of them.
fn postgres_int(row: &PgRow, column: &str) -> sqlx::Result<Option<i64>> {
    let value = row.try_get_raw(column)?;
    match value.type_info().name() {
        "BOOL" => Ok(row.try_get::<Option<bool>, _>(column)?.map(i64::from)),
        "INT4" => Ok(row.try_get::<Option<i32>, _>(column)?.map(i64::from)),
        _ => row.try_get(column),
    }
}
