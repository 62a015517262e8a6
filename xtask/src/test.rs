//! `cargo xtask test`: every test, on a machine that is made ready for them first.

use anyhow::Result;

use crate::needs::{CHROMIUM, Machine, PYTHON};
use crate::workspace::{Workspace, run as run_command, variable};

/// Runs the doc tests, which nextest cannot run, and then all others with nextest, which gets `args`. nextest comes
/// last, also after a failure, so that what a reader sees at the end is its summary.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let machine = Machine::of(workspace)?;
    machine.prepare()?;

    let docs = if args.is_empty() {
        run_command(&mut workspace.cargo(&["test", "--quiet", "--doc", "--workspace", "--all-features"]))
    } else {
        println!("doc tests are left out, as the arguments choose among nextest's");
        Ok(())
    };

    let mut nextest = workspace.cargo(&["nextest", "run", "--all-features"]);
    // nextest would let --workspace win over the packages that a person names.
    if !args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package")) {
        nextest.arg("--workspace");
    }
    if variable("CI").is_some_and(|value| value == "true") {
        nextest.args(["--profile", "ci"]);
    }
    nextest.args(args).env(PYTHON, machine.python()).env(CHROMIUM, &machine.chromium);
    run_command(&mut nextest).and(docs)
}
