//! `api/openapi.json`: the contract in one reviewed file. The code is its source; the binary prints it.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::workspace::{Workspace, output};

const FILE: &str = "api/openapi.json";

/// Writes the file from the code.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let document = generate(workspace)?;
    let path = workspace.path(FILE);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, document).with_context(|| format!("cannot write {FILE}"))?;
    println!("wrote {FILE}");
    Ok(())
}

/// The check: the file says what the code says.
pub(crate) fn check(workspace: &Workspace) -> Result<String> {
    let generated = generate(workspace)?;
    compare(&workspace.read(FILE)?, &generated)?;
    Ok(format!("{FILE} is what the code says"))
}

fn generate(workspace: &Workspace) -> Result<String> {
    let args = ["run", "--quiet", "--locked", "--package", "tidemark", "--", "openapi"];
    let document = output(&mut workspace.cargo(&args))?;
    let parsed: Value =
        serde_json::from_str(&document).context("`tidemark openapi` printed no JSON document")?;
    let version = parsed.get("openapi").and_then(Value::as_str).unwrap_or_default();
    ensure!(version.starts_with("3.1"), "`tidemark openapi` printed no OpenAPI 3.1 document");
    Ok(document)
}

fn compare(committed: &str, generated: &str) -> Result<()> {
    if committed == generated {
        return Ok(());
    }
    let differs = committed.lines().zip(generated.lines()).take_while(|(old, new)| old == new).count() + 1;
    bail!(
        "{FILE} differs from the code, first in line {differs}; run `cargo xtask openapi`, read the difference, \
         and commit it"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_is_named_by_its_line() {
        assert!(compare("{\n}\n", "{\n}\n").is_ok());
        let drift = compare("{\n  \"a\": 1\n}\n", "{\n  \"a\": 2\n}\n").unwrap_err().to_string();
        assert!(drift.contains("line 2") && drift.contains("cargo xtask openapi"), "{drift}");
        assert!(compare("{\n}\n", "{\n}").is_err());
    }
}
