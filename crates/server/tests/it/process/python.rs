//! The interpreter for programs of others: a mail server, a reader of Parquet.

use std::path::{Path, PathBuf};

/// The interpreter that has their packages: `cargo xtask test` makes it and names it.
pub(crate) fn python() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    let named = std::env::var_os("TIDEMARK_TEST_PYTHON").map_or(made, PathBuf::from);
    assert!(
        named.exists(),
        "{} is missing: run the tests with cargo xtask test, which makes it",
        named.display()
    );
    named
}
