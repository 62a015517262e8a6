//! What cannot be said in one SQL text: one function each.

/// The most placeholders one statement may have: SQLite's limit is 32,766, PostgreSQL's 65,535.
pub(crate) const MAX_ARGS: usize = 32_000;

/// The database's own clock in microseconds since 1970: for the age of leases, and for nothing else.
macro_rules! lease_now {
    () => {
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    };
}
pub(crate) use lease_now;

/// How many of these rows the next statement takes: one of a few sizes, so that the database has seen its text before
/// and need not parse a long list of placeholders anew.
pub(crate) fn next_rows(left: usize, width: usize) -> usize {
    let most = MAX_ARGS / width.max(1);
    [1000, 200, 40, 8, 1].into_iter().find(|rows| *rows <= left.min(most)).unwrap_or(1)
}

/// `$first, $first+1, ...`: a list for `IN (...)`.
pub(crate) fn placeholders(first: usize, count: usize) -> String {
    (first..first + count).map(|at| format!("${at}")).collect::<Vec<_>>().join(", ")
}

/// `($1, $2), ($3, $4), ...`: rows for `VALUES`.
pub(crate) fn value_rows(rows: usize, width: usize) -> String {
    (0..rows).map(|row| format!("({})", placeholders(row * width + 1, width))).collect::<Vec<_>>().join(", ")
}
