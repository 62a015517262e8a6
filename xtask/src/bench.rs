//! `cargo xtask bench history`: times reports in every engine. Python does the work (`bench/`); this gives it one with
//! its packages and a place for channels, stores and results.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, run as run_command};

/// Runs the benchmark that `args` name first, with the other arguments as its own.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let Some(("history", options)) = args.split_first().map(|(name, rest)| (name.as_str(), rest)) else {
        bail!("bench runs one benchmark: `cargo xtask bench history [OPTIONS]`; --help lists them");
    };
    run_command(&mut workspace.cargo(&["build", "--release", "--package", "bench"]))?;
    let target = workspace.target()?;
    let out = target.join("bench");
    let venv = out.join("venv");
    prepare(workspace, &venv)?;
    let mut python = Command::new(venv.join("bin/python"));
    // -B: the sources stay as they are committed, without compiled files beside them.
    python.arg("-B").arg(workspace.path("bench/history.py")).arg("--out").arg(out);
    python.arg("--tidemark").arg(target.join("release/bench")).args(options);
    run_command(&mut python)
}

/// Installs the packages that the benchmark names, unless exactly these are there.
fn prepare(workspace: &Workspace, venv: &Path) -> Result<()> {
    const PACKAGES: &str = "bench/requirements.txt";
    let wanted = workspace.read(PACKAGES)?;
    let installed = venv.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        return Ok(());
    }
    run_command(Command::new("python3").args(["-m", "venv", "--clear"]).arg(venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    run_command(pip.args(["-m", "pip", "install", "--quiet", "-r"]).arg(workspace.path(PACKAGES)))?;
    std::fs::write(&installed, wanted).with_context(|| format!("cannot write {}", installed.display()))
}
