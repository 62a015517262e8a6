//! `cargo xtask fuzz`: every target of `fuzz/`, each for some seconds, on the compiler at hand.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::workspace::{Workspace, output, run as run_command};

/// What cargo-fuzz gives a target without sanitizers: the fuzzer sees which branches an input takes.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing";
/// For how many seconds each target runs, unless another number is given.
const SECONDS: u32 = 20;

/// Builds the targets and runs them one after the other. What they learn stays in `target/fuzz/corpus` for the next time; an input
/// that breaks one is written beside it, and named.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let seconds = match args {
        [] => SECONDS,
        [seconds] => seconds.parse().context("fuzz takes a number of seconds for each target")?,
        _ => bail!("fuzz takes one number: seconds for each target"),
    };
    let target = workspace.target()?.join("fuzz");
    let host = host()?;
    let mut build = workspace.cargo(&["build", "--target", &host]);
    // A target of its own: with it the flags are not those of build scripts.
    run_command(
        build.current_dir(workspace.path("fuzz")).env("RUSTFLAGS", FLAGS).env("CARGO_TARGET_DIR", &target),
    )?;
    let programs = target.join(host).join("debug");
    for name in names(workspace)? {
        let corpus = target.join("corpus").join(&name);
        std::fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        println!("fuzz: {name} for {seconds} s");
        let mut fuzz = Command::new(programs.join(&name));
        fuzz.arg(format!("-max_total_time={seconds}")).args(["-verbosity=0", "-print_final_stats=1"]);
        run_command(fuzz.arg(format!("-artifact_prefix={}/{name}-", target.display())).arg(&corpus))?;
    }
    Ok(())
}

fn names(workspace: &Workspace) -> Result<Vec<String>> {
    let files = workspace.files()?.into_iter();
    let names = files
        .filter_map(|path| Some(path.strip_prefix("fuzz/fuzz_targets/")?.strip_suffix(".rs")?.to_owned()));
    Ok(names.collect())
}

fn host() -> Result<String> {
    let told = output(Command::new("rustc").arg("-vV"))?;
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_owned())
}
