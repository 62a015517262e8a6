//! `cargo xtask package`: what is handed to those who install Tidemark. The scripts of packaging/ do it, so that a Dockerfile
//! can, too; here stands in which order.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace::{Workspace, output, run as run_command};

const USAGE: &str = "cargo xtask package deb|static|check [PROFILE]";
/// What is handed out is built with it.
const PROFILE: &str = "dist";

/// `deb` and `static` make one of them, `check` makes both and tries them, as root.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let (what, profile) = match args {
        [what] => (what.as_str(), PROFILE),
        [what, profile] => (what.as_str(), profile.as_str()),
        _ => bail!("{USAGE}"),
    };
    match what {
        "deb" => deb(workspace, profile).map(|_| ()),
        "static" => alone(workspace, profile).map(|_| ()),
        "check" => {
            let deb = deb(workspace, profile)?;
            run_command(script(workspace, "check-deb").arg(&deb))?;
            run_command(script(workspace, "check-unit").arg(&deb))?;
            run_command(script(workspace, "check-static").arg(alone(workspace, profile)?))
        }
        _ => bail!("{USAGE}"),
    }
}

/// The Debian package, in `package` of the target folder.
fn deb(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let build = ["build", "--locked", "--package", "tidemark", "--profile", profile];
    run_command(&mut workspace.cargo(&build))?;
    let target = workspace.target()?;
    let binary = target.join(if profile == "dev" { "debug" } else { profile }).join("tidemark");
    let made = output(script(workspace, "build-deb").arg(binary).arg(target.join("package")))?;
    said(&made)
}

/// The binary that needs no other file.
fn alone(workspace: &Workspace, profile: &str) -> Result<PathBuf> {
    let mut build = script(workspace, "build-static");
    said(&output(build.arg(profile).env("CARGO_TARGET_DIR", workspace.target()?))?)
}

fn script(workspace: &Workspace, name: &str) -> Command {
    Command::new(workspace.path("packaging").join(name))
}

/// The path that a script says last.
fn said(text: &str) -> Result<PathBuf> {
    let Some(path) = text.lines().last().map(Path::new).filter(|path| path.is_file()) else {
        bail!("a script of packaging/ made nothing: {text}");
    };
    println!("{}", path.display());
    Ok(path.to_owned())
}
