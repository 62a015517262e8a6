//! What the committed files themselves must hold to: short files, SQL in one crate, nothing outside the repository.

use std::path::Path;

use anyhow::{Context, Result};

use crate::check;
use crate::workspace::Workspace;

/// Longer files are no longer read as a whole. Functions are clippy's: `too-many-lines-threshold` in clippy.toml.
const MAX_LINES: usize = 400;

/// What only `crates/store` may say.
const SQL: [&str; 4] = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "CREATE TABLE "];

/// The folder that stands beside the repository where it is developed; put together so that this file is no hit.
const BESIDE: [&str; 2] = [concat!("..", "/shared"), concat!("/work", "/shared")];

/// The check: no Rust file is longer than [`MAX_LINES`].
pub(crate) fn lengths(workspace: &Workspace) -> Result<String> {
    let mut faults = Vec::new();
    let mut longest = 0;
    for path in rust_files(workspace)? {
        let lines = workspace.read(&path)?.lines().count();
        longest = longest.max(lines);
        if lines > MAX_LINES {
            faults.push(format!("{path}: {lines} lines; split it, {MAX_LINES} is the limit"));
        }
    }
    check::verdict(&faults, format!("the longest file has {longest} lines of {MAX_LINES}"))
}

/// What the store has no business with: what makes and drops the databases of tests, what looks at one from outside, and what
/// the store is measured against.
const BESIDE_THE_STORE: [&str; 3] =
    ["crates/testkit/src/database.rs", "crates/torture/src/rows.rs", "crates/bench/src/updates.rs"];

/// The check: statements stand in `crates/store`, as every other crate asks it instead.
pub(crate) fn sql(workspace: &Workspace) -> Result<String> {
    let mut faults = Vec::new();
    for path in rust_files(workspace)? {
        if path.starts_with("crates/")
            && path.contains("/src/")
            && !path.starts_with("crates/store/")
            && !BESIDE_THE_STORE.contains(&path.as_str())
        {
            let found = sql_lines(&workspace.read(&path)?);
            faults.extend(found.iter().map(|line| format!("{path}:{line}: SQL; move it to crates/store")));
        }
    }
    check::verdict(&faults, "only in crates/store".to_owned())
}

/// The check: the repository builds, tests and reads without what lies beside it on one machine.
pub(crate) fn alone(workspace: &Workspace) -> Result<String> {
    let mut faults = Vec::new();
    let files = workspace.files()?;
    for path in &files {
        let bytes = std::fs::read(workspace.path(path)).with_context(|| format!("cannot read {path}"))?;
        let text = String::from_utf8_lossy(&bytes);
        if BESIDE.iter().any(|beside| text.contains(beside)) {
            faults.push(format!("{path}: names a folder outside the repository; copy the facts instead"));
        }
    }
    check::verdict(&faults, format!("{} files", files.len()))
}

fn rust_files(workspace: &Workspace) -> Result<Vec<String>> {
    let mut files = workspace.files()?;
    files.retain(|path| {
        let ours = path.starts_with("crates/") || path.starts_with("xtask/");
        ours && Path::new(path).extension().is_some_and(|extension| extension == "rs")
    });
    Ok(files)
}

/// The numbers of the lines that hold SQL. In capitals these words occur in string literals and comments only, so it
/// is enough to leave the comments out.
fn sql_lines(source: &str) -> Vec<usize> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    let hits =
        source.lines().zip(1..).filter(|(line, _)| code(line) && SQL.iter().any(|word| line.contains(word)));
    hits.map(|(_, number)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_found_in_literals_and_not_in_comments() {
        let source = "// SELECT nothing\nlet a = \"SELECT id FROM runs\";\nlet b = r\"\n  INSERT INTO runs\";\n\
                      /// DELETE FROM is what we do not do.\nfn select() {}\n";
        assert_eq!(sql_lines(source), [2, 4]);
    }
}
