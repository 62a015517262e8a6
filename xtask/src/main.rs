//! The project's chores: `cargo xtask test`, `check`, `openapi`, `bench`, `failover`, `fuzz`, `torture` and `package`.
//!
//! Plain programs are called by name and their output is shown as it is; what a chore decides by itself (arrows,
//! licences, file lengths) is a pure function with tests beside it.

mod arrows;
mod bench;
mod check;
mod failover;
mod fuzz;
mod licences;
mod needs;
mod openapi;
mod package;
mod policy;
mod postgres;
mod sources;
mod test;
mod torture;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use workspace::Workspace;

const HELP: &str = "\
The project's chores.

Usage: cargo xtask <CHORE>

  test [ARGS]  Install what the tests need and this machine lacks, then run every test.
               ARGS go to `cargo nextest run`; with them the doc tests are left out.
  check        Judge everything but behaviour: the arrows between crates, file lengths, formatting, clippy,
               drift of api/openapi.json, licences, where dependencies come from. All checks run; the exit code is 1 if one fails.
  openapi      Write api/openapi.json from the code.
  bench NAME [ARGS]
               Time Tidemark: `bench history` beside other engines (needs PostgreSQL's server programs), `bench server`,
               `bench batch`, `bench growth` by itself. `bench` alone says more.
  failover [ROUNDS] [SEED]
               Install Patroni, etcd and HAProxy where they are missing; then kill the primary of three PostgreSQL
               nodes under load, round by round, and look what is left [default: 5 rounds, seed 1].
  fuzz [SECONDS]
               Run every fuzz target of fuzz/ for so many seconds [default: 20], on the compiler at hand.
  package deb|static|check [PROFILE]
               Make the Debian package, or the static binary that the image holds, or both and try them as root: on copies of
               this machine, one of them with a systemd of its own, and in an empty root. PROFILE is cargo's [default: dist].
  torture [OPTIONS]
               Kill, stop and cut real nodes and PostgreSQL under load, by a seed, and look what is left.
               --kills N --seed N --on postgres|sqlite --nodes N --release; docs/reliability.md says more.
  help         Print this.
";

fn main() -> ExitCode {
    match chore() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn chore() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next();
    let rest: Vec<String> = args.collect();
    match (name.as_deref(), rest.is_empty()) {
        (None | Some("help" | "--help" | "-h"), _) => print!("{HELP}"),
        (Some("test"), _) => test::run(&Workspace::here()?, &rest)?,
        (Some("check"), true) => check::run(&Workspace::here()?)?,
        (Some("bench"), _) => bench::run(&Workspace::here()?, &rest)?,
        (Some("failover"), _) => failover::run(&Workspace::here()?, &rest)?,
        (Some("fuzz"), _) => fuzz::run(&Workspace::here()?, &rest)?,
        (Some("package"), _) => package::run(&Workspace::here()?, &rest)?,
        (Some("torture"), _) => torture::run(&Workspace::here()?, &rest)?,
        (Some("openapi"), true) => openapi::write(&Workspace::here()?)?,
        (Some(name @ ("check" | "openapi")), false) => bail!("{name} takes no arguments"),
        (Some(other), _) => bail!("no chore is called {other}; `cargo xtask help` lists them"),
    }
    Ok(())
}
