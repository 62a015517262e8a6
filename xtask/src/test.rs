//! `cargo xtask test`: every test, on a machine that is made ready for them first.

use anyhow::Result;

use crate::needs::Machine;
use crate::postgres::{self, Cluster, Disk};
use crate::torture;
use crate::workspace::{Workspace, run as run_command};

/// All tests of the server but those of one database by their nature: processes on a data directory, and what SQLite alone
/// does.
const ON_BOTH: &str = "package(tidemark) and binary(it) and not test(/^process::|_on_sqlite$/)";

/// Runs the doc tests, which nextest cannot run, then all others with nextest on SQLite, then short runs of the torture,
/// and then those of the server once more on PostgreSQL, with those that need it by their nature (`_on_postgres`;
/// .config/nextest.toml leaves them out of the first pass). `args` go to nextest; `--postgres` before them chooses PostgreSQL alone. nextest comes last,
/// also after a failure, so that what a reader sees at the end is its summary.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let machine = Machine::of(workspace)?;
    machine.prepare()?;
    if let [first, args @ ..] = args
        && first == "--postgres"
    {
        return on_postgres(&machine, args);
    }
    let docs = if args.is_empty() {
        run_command(&mut workspace.cargo(&["test", "--quiet", "--doc", "--workspace", "--all-features"]))
    } else {
        println!("doc tests and PostgreSQL are left out, as the arguments choose among nextest's");
        Ok(())
    };
    let mut nextest = machine.nextest();
    // nextest would let --workspace win over the packages that a person names.
    if !args.iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package")) {
        nextest.arg("--workspace");
    }
    let on_sqlite = run_command(nextest.args(args));
    let (tortured, on_postgres) = if args.is_empty() {
        (torture::short(workspace), on_postgres(&machine, &[]))
    } else {
        (Ok(()), Ok(()))
    };
    docs.and(tortured).and(on_sqlite).and(on_postgres)
}

fn on_postgres(machine: &Machine<'_>, args: &[String]) -> Result<()> {
    let cluster = Cluster::start(Disk::IsNotWaitedFor)?;
    println!("on PostgreSQL: the same tests of the server once more");
    let mut nextest = machine.nextest();
    // The default filter leaves out what needs PostgreSQL.
    nextest.args(["--workspace", "--ignore-default-filter"]).env(postgres::SERVER, cluster.address());
    if args.is_empty() {
        nextest.args(["--filterset", ON_BOTH]);
    }
    run_command(nextest.args(args))
}
