//! `cargo xtask check`: everything that can be judged without running the product. All checks run, also after one
//! has failed; each ends in one line, `ok` or `FAILED`, and says what to do.

use anyhow::{Result, bail};

use crate::workspace::{Workspace, run as run_command};
use crate::{arrows, licences, openapi, policy, sources};

type Check = fn(&Workspace) -> Result<String>;

/// Cheap ones first.
const CHECKS: [(&str, Check); 9] = [
    ("arrows", arrows::check),
    ("file lengths", sources::lengths),
    ("SQL", sources::sql),
    ("stands alone", sources::alone),
    ("licences", licences::check),
    ("dependencies", policy::check),
    ("format", format),
    ("clippy", clippy),
    ("openapi", openapi::check),
];

pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        match check(workspace) {
            Ok(note) => println!("ok      {name}: {note}"),
            Err(error) => {
                println!("FAILED  {name}: {error:#}");
                failed.push(name);
            }
        }
    }
    if !failed.is_empty() {
        bail!("{} of {} checks failed: {}", failed.len(), CHECKS.len(), failed.join(", "));
    }
    Ok(())
}

/// The note when nothing is wrong, else an error with one fault a line.
pub(crate) fn verdict(faults: &[String], note: String) -> Result<String> {
    match faults {
        [] => Ok(note),
        [one] => bail!("{one}"),
        many => bail!("{} faults\n        {}", many.len(), many.join("\n        ")),
    }
}

fn format(workspace: &Workspace) -> Result<String> {
    match run_command(&mut workspace.cargo(&["fmt", "--all", "--check"])) {
        Ok(()) => Ok("as rustfmt.toml has it".to_owned()),
        Err(error) => bail!("{error}; run `cargo fmt --all`"),
    }
}

/// Without the optional features first, and then with them, as the tests are built.
fn clippy(workspace: &Workspace) -> Result<String> {
    for features in [&[][..], &["--all-features"]] {
        let mut clippy = workspace.cargo(&["clippy", "--quiet", "--locked", "--workspace", "--all-targets"]);
        if let Err(error) = run_command(clippy.args(features).args(["--", "-D", "warnings"])) {
            bail!("{error}; its reasons stand above");
        }
    }
    Ok("no warnings, with the optional features and without".to_owned())
}
