//! `cargo xtask bench`: times Tidemark beside other engines, and its server by itself. Python makes channels and asks the
//! engines (`bench/`); this gives it one with its packages and a place for channels, stores and results.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::postgres::{self, Cluster, Disk};
use crate::workspace::{Workspace, run as run_command};

const USAGE: &str = "\
cargo xtask bench history [OPTIONS]    the same questions to every engine; --help lists the options
cargo xtask bench server [TENANTS]     reports, ingest and day close of a running server [default: 200000]
cargo xtask bench calls [TENANTS]      the commonest calls, one after the other [default: 200000]
cargo xtask bench batch [TENANTS]      the first of a month: a report of every partner [default: 200000]
cargo xtask bench growth [MONTHS]      20,000 tenants, month by month [default: 24]
cargo xtask bench tokens               signatures a second of one core, against its raw rate
cargo xtask bench updates              PUT /reports/{id} by 64 clients on both databases, against bare transactions
cargo xtask bench nodes                runs of reports a second by 1, 2 and 4 nodes on one PostgreSQL
cargo xtask bench idle                 cold start and memory at rest, on both databases";

/// Runs the benchmark that `args` name first, with the other arguments as its own.
pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["history", options @ ..] => Bench::prepare(workspace)?.history(workspace, options),
        [name @ ("server" | "calls" | "batch"), tenants @ ..] if tenants.len() < 2 => {
            Bench::prepare(workspace)?.of_store(workspace, name, tenants.first().unwrap_or(&"200000"))
        }
        ["growth", months @ ..] if months.len() < 2 => {
            Bench::prepare(workspace)?.growth(workspace, months.first().unwrap_or(&"24"))
        }
        [name @ ("tokens" | "updates" | "nodes" | "idle")] => {
            Bench::build(workspace)?.of_few_tenants(workspace, name)
        }
        _ => bail!("bench runs one benchmark:\n\n{USAGE}"),
    }
}

/// What all benchmarks need.
struct Bench {
    /// Where channels, stores and results lie.
    out: PathBuf,
    /// Where the release binaries lie.
    programs: PathBuf,
}

impl Bench {
    /// Builds the programs.
    fn build(workspace: &Workspace) -> Result<Self> {
        let build = ["build", "--release", "--package", "bench", "--package", "tidemark"];
        run_command(&mut workspace.cargo(&build))?;
        let target = workspace.target()?;
        Ok(Self { out: target.join("bench"), programs: target.join("release") })
    }

    /// Builds the programs and makes the Python environment.
    fn prepare(workspace: &Workspace) -> Result<Self> {
        let bench = Self::build(workspace)?;
        prepare_packages(workspace, &bench.out.join("venv"))?;
        Ok(bench)
    }

    /// Those that make an installation of their own.
    fn of_few_tenants(&self, workspace: &Workspace, name: &str) -> Result<()> {
        let ours = || {
            let mut bench = Command::new(self.programs.join("bench"));
            bench.arg(name).arg(self.programs.join("tidemark")).arg(self.out.join(name));
            bench
        };
        match name {
            "tokens" => return run_command(ours().arg(self.oha(workspace)?)),
            "nodes" => {}
            _ => run_command(&mut ours())?,
        }
        let programs =
            postgres::programs().context("PostgreSQL is not here: install the package postgresql")?;
        let cluster = Cluster::start(Disk::IsWaitedFor)?;
        let mut on_server = ours();
        on_server.arg(format!("{}/postgres", cluster.address()));
        if name == "updates" {
            on_server.arg(programs);
        }
        run_command(&mut on_server)
    }

    fn history(&self, workspace: &Workspace, options: &[&str]) -> Result<()> {
        let mut python = Command::new(self.out.join("venv/bin/python"));
        // -B: the sources stay as they are committed, without compiled files beside them.
        python.arg("-B").arg(workspace.path("bench/history.py")).arg("--out").arg(&self.out);
        run_command(python.arg("--tidemark").arg(self.programs.join("bench")).args(options))
    }

    /// The channel, made where it is missing, and with it Tidemark's store.
    fn channel(&self, workspace: &Workspace, tenants: &str) -> Result<PathBuf> {
        self.history(workspace, &["--tenants", tenants, "--engine", "tidemark", "--fill-only"])?;
        Ok(self.out.join(format!("{tenants}x31-small")))
    }

    fn of_store(&self, workspace: &Workspace, name: &str, tenants: &str) -> Result<()> {
        let channel = self.channel(workspace, tenants)?;
        let mut bench = Command::new(self.programs.join("bench"));
        bench.arg(name);
        if name != "batch" {
            bench.arg(self.programs.join("tidemark"));
        }
        bench.arg(&channel).arg(channel.join("stores/tidemark-month"));
        if name == "calls" {
            bench.arg(self.oha(workspace)?);
        }
        run_command(&mut bench)
    }

    /// oha, built and kept beside the channels where it is missing.
    fn oha(&self, workspace: &Workspace) -> Result<PathBuf> {
        const VERSION: &str = "1.16.0";
        let place = self.out.join(format!("oha-{VERSION}"));
        let program = place.join("bin/oha");
        if !program.is_file() {
            println!("missing   oha: it makes the calls whose times count; installing it");
            let mut install = workspace.cargo(&["install", "oha", "--locked", "--version", VERSION]);
            run_command(install.arg("--root").arg(&place))?;
        }
        Ok(program)
    }

    fn growth(&self, workspace: &Workspace, months: &str) -> Result<()> {
        let channel = self.channel(workspace, "20000")?;
        let mut bench = Command::new(self.programs.join("bench"));
        run_command(bench.arg("growth").arg(&channel).arg(channel.join("stores/growth")).arg(months))
    }
}

/// Installs the packages that the benchmarks name, unless exactly these are there.
fn prepare_packages(workspace: &Workspace, venv: &Path) -> Result<()> {
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
