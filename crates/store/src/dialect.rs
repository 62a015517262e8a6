//! What cannot be said in one SQL text: one function each.

use crate::Arg;

/// The most placeholders of rows that one statement inserts: SQLite's limit is 32,766, PostgreSQL's 65,535.
const MAX_VALUES: usize = 32_000;

/// The most placeholders of a list: the driver looks the place of each numbered one up among all before it, so that a list
/// of twenty thousand takes a second and twenty of a thousand some milliseconds.
pub(crate) const MAX_LIST: usize = 1_000;

/// The database's own clock in microseconds since 1970: for the age of leases, and for nothing else. PostgreSQL has SQLite's
/// function by its first migration.
macro_rules! lease_now {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS BIGINT)"
    };
}
pub(crate) use lease_now;

/// When the lease on a mail runs out that is taken or renewed now, in an hour: sending one, with every step at its time
/// limit, takes minutes.
macro_rules! mail_lease_end {
    () => {
        concat!(crate::dialect::lease_now!(), " + 3600000000")
    };
}
pub(crate) use mail_lease_end;

/// Rows of one width, as many at a time as a statement takes.
pub(crate) fn batches(rows: Vec<Vec<Arg>>) -> impl Iterator<Item = Vec<Vec<Arg>>> {
    let most = MAX_VALUES / width(&rows);
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let next = next_rows(rows.len(), most);
        (next > 0).then(|| rows.by_ref().take(next).collect())
    })
}

/// How many values each of the rows has.
pub(crate) fn width(rows: &[Vec<Arg>]) -> usize {
    rows.first().map_or(1, Vec::len).max(1)
}

/// How many of these rows the next statement takes: one of a few sizes, so that the database has seen its text before
/// and need not parse a long list of placeholders anew.
fn next_rows(left: usize, most: usize) -> usize {
    let at_most = left.min(most);
    [1000, 200, 40].into_iter().find(|rows| *rows <= at_most).unwrap_or_else(|| at_most.min(8))
}

/// `$first, $first+1, ...`: a list for `IN (...)`.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}

/// `(?, ?), (?, ?), ...`: rows for `VALUES` in SQLite. Without numbers, so that none has to be looked up.
pub(crate) fn value_rows(rows: usize, width: usize) -> String {
    let row = format!("({})", vec!["?"; width].join(", "));
    vec![row; rows].join(", ")
}

/// `($1, $2), ($3, $4), ...`: the same for PostgreSQL, which has only numbered ones.
pub(crate) fn numbered_value_rows(rows: usize, width: usize) -> String {
    let row = |at: usize| format!("({})", placeholders(at * width + 1, width));
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}
