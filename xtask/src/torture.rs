//! `cargo xtask torture`: builds what is tortured and what tortures it, and starts it where it may mount a disk of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, Result, ensure};

use crate::needs::Machine;
use crate::postgres;
use crate::workspace::{Workspace, output, run as run_command, succeeds};

/// The kills of a run in `cargo xtask test`, and the seed that is the same in all of them.
const SHORT: [&str; 4] = ["--kills", "10", "--seed", "5"];
/// Tortures a Tidemark without what must not be missing.
const WITHOUT_EPOCHS: &str = "--without-epochs";
/// Where a job looks whether its lease is still its own.
const HELD_BY_EPOCH: [&str; 3] =
    ["crates/store/src/deliveries.rs", "crates/store/src/mailed_links.rs", "crates/store/src/runs/lease.rs"];
/// How it looks.
const EPOCH_CHECK: &str = "lease_epoch = $";
/// The database that a run is on.
const DATABASES: [&str; 2] = ["postgres", "sqlite"];

/// Where libfaketime is on this machine. Its file for programs with threads.
pub(crate) fn faketime() -> Option<PathBuf> {
    let name = "faketime/libfaketimeMT.so.1";
    let folders = fs::read_dir("/usr/lib").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Tortures as `args` say: `--release` builds so, `--without-epochs` tortures a Tidemark that does not check them, the others
/// are for the program (crates/torture/src/options.rs). Without a seed one is drawn.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    Machine::of(workspace)?.prepare()?;
    let (own, mut args): (Vec<&str>, Vec<&str>) =
        args.iter().map(String::as_str).partition(|arg| ["--release", WITHOUT_EPOCHS].contains(arg));
    let release: Vec<&str> = own.iter().copied().filter(|arg| *arg == "--release").collect();
    let programs = build(workspace, &release)?;
    let broken = if own.contains(&WITHOUT_EPOCHS) { Some(without_epochs(workspace)?) } else { None };
    if let Some(broken) = &broken {
        args.extend(["--tidemark", broken]);
    }
    let seed = drawn_seed()?;
    if !args.contains(&"--seed") {
        args.extend(["--seed", &seed]);
    }
    run_command(&mut command(workspace, &programs, &args)?)
}

/// Builds a Tidemark that does not look whether a lease is still its own, from a copy of the committed sources; gives the path
/// of the binary. What it proves: the torture fails on it.
fn without_epochs(workspace: &Workspace) -> Result<String> {
    let copy = workspace.target()?.join("without-epochs");
    let _ = fs::remove_dir_all(&copy);
    fs::create_dir_all(&copy)?;
    for path in workspace.files()?.iter().filter(|path| !path.starts_with("docs/")) {
        let to = copy.join(path);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::copy(workspace.path(path), to).with_context(|| path.clone())?;
    }
    let mut taken_out = 0;
    for path in HELD_BY_EPOCH {
        let text = fs::read_to_string(copy.join(path)).with_context(|| path.to_owned())?;
        taken_out += text.matches(EPOCH_CHECK).count();
        // An epoch only goes up: whoever had the lease once passes for ever.
        fs::write(copy.join(path), text.replace(EPOCH_CHECK, "lease_epoch >= $"))?;
    }
    ensure!(taken_out > 3, "only {taken_out} checks of epochs were found in {HELD_BY_EPOCH:?}");
    println!("{taken_out} checks of epochs are taken out in {}", copy.display());
    let mut cargo = workspace.cargo(&["build", "--package", "tidemark", "--target-dir"]);
    run_command(cargo.arg(copy.join("target")).current_dir(&copy))?;
    Ok(copy.join("target/debug/tidemark").display().to_string())
}

/// The short runs that are part of the tests: on each database one with the seed of every time and one with a new one.
pub(crate) fn short(workspace: &Workspace) -> Result<()> {
    let programs = build(workspace, &[])?;
    let seed = drawn_seed()?;
    let [kills, count, option, fixed] = SHORT;
    for seed in [fixed, &seed] {
        let mut both = Vec::new();
        for database in DATABASES {
            let args = [kills, count, option, seed, "--on", database];
            both.push(command(workspace, &programs, &args)?.spawn()?);
        }
        let ends: Vec<ExitStatus> = both.into_iter().map(|mut one| one.wait()).collect::<Result<_, _>>()?;
        ensure!(ends.iter().all(ExitStatus::success), "the torture found faults; its seed stands above");
    }
    Ok(())
}

/// The folder of the programs.
fn build(workspace: &Workspace, release: &[&str]) -> Result<PathBuf> {
    let words = [&["build", "--package", "torture", "--package", "tidemark"], release].concat();
    run_command(&mut workspace.cargo(&words))?;
    Ok(workspace.target()?.join(if release.is_empty() { "debug" } else { "release" }))
}

/// A number that nobody has chosen.
fn drawn_seed() -> Result<String> {
    let drawn = output(Command::new("od").args(["-An", "-N4", "-tu4", "/dev/urandom"]))?;
    Ok(drawn.trim().to_owned())
}

fn command(workspace: &Workspace, programs: &Path, args: &[&str]) -> Result<Command> {
    let root = output(Command::new("id").arg("-u"))?.trim() == "0";
    // A mount namespace of its own: what is mounted in it goes with the last process in it.
    let mounts =
        root && succeeds(Command::new("unshare").args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"]));
    let mut command = Command::new(if mounts { "unshare" } else { "env" });
    if mounts {
        command.args(["--mount", "--"]);
    }
    command.arg(programs.join("torture")).args(args);
    if mounts {
        command.arg("--mounts");
    }
    if root {
        let user = if succeeds(Command::new("id").arg("postgres")) { "postgres" } else { "nobody" };
        command.args(["--postgres-user", user]);
    }
    // Not below the target folder: a path to a socket has at most 107 bytes, and PostgreSQL's user must get there.
    let folder = output(Command::new("mktemp").args(["-d", "-t", "tidemark-torture-XXXXXX"]))?;
    run_command(Command::new("chmod").arg("0755").arg(folder.trim()))?;
    command.args(["--folder", folder.trim()]);
    if !args.contains(&"--tidemark") {
        command.arg("--tidemark").arg(programs.join("tidemark"));
    }
    command.arg("--faketime").arg(faketime().context("libfaketime is not here")?);
    command.arg("--postgres-programs").arg(postgres::programs().context("PostgreSQL is not here")?);
    command.current_dir(workspace.path("."));
    Ok(command)
}
