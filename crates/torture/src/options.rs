//! The command line. `cargo xtask torture` gives what this machine has; a person gives the rest.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::plan::Shape;

/// How long a node may say nothing before another takes over its work, in milliseconds.
const LEASE: u64 = 15_000;

/// What is tortured, and with which programs.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The seed of the run.
    pub seed: u64,
    /// What is tortured.
    pub shape: Shape,
    /// The binary under test.
    pub tidemark: PathBuf,
    /// libfaketime.
    pub faketime: PathBuf,
    /// The folder of PostgreSQL's server programs.
    pub postgres: Option<PathBuf>,
    /// Who runs PostgreSQL, where this process is root's.
    pub user: Option<String>,
    /// Where everything lies.
    pub folder: PathBuf,
}

/// What is asked for.
#[derive(Debug)]
pub struct Options {
    /// The run.
    pub setting: Setting,
    /// How long everything may take to come to its end.
    pub settle: Duration,
    /// Whether the folder stays also where all is well.
    pub keep: bool,
}

impl Options {
    /// Reads `--NAME VALUE` after `--NAME VALUE`.
    pub fn read(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut setting = Setting {
            seed: 1,
            shape: Shape { nodes: 3, on_postgres: true, fills_disk: false, kills: 12, lease: LEASE },
            tidemark: PathBuf::new(),
            faketime: PathBuf::new(),
            postgres: None,
            user: None,
            folder: PathBuf::new(),
        };
        let (mut keep, mut settle) = (false, 120);
        while let Some(name) = words.next() {
            let mut value = || words.next().with_context(|| format!("{name}: its value is missing"));
            let shape = &mut setting.shape;
            match name.as_str() {
                "--seed" => setting.seed = value()?.parse().context("--seed: a number")?,
                "--kills" => shape.kills = value()?.parse().context("--kills: a number")?,
                "--nodes" => shape.nodes = value()?.parse().context("--nodes: a number")?,
                "--settle-seconds" => settle = value()?.parse().context("--settle-seconds: a number")?,
                "--on" => match value()?.as_str() {
                    "postgres" => shape.on_postgres = true,
                    "sqlite" => shape.on_postgres = false,
                    other => bail!("--on: {other:?} is none of postgres, sqlite"),
                },
                "--keep" => keep = true,
                "--mounts" => shape.fills_disk = true,
                "--tidemark" => setting.tidemark = value()?.into(),
                "--faketime" => setting.faketime = value()?.into(),
                "--postgres-programs" => setting.postgres = Some(value()?.into()),
                "--postgres-user" => setting.user = Some(value()?),
                "--folder" => setting.folder = value()?.into(),
                other => bail!("{other}: no such option"),
            }
        }
        let shape = &mut setting.shape;
        if !shape.on_postgres {
            shape.nodes = 1;
        }
        ensure!((1..10).contains(&shape.nodes), "--nodes: from 1 to 9");
        Ok(Self { setting, settle: Duration::from_secs(settle), keep })
    }
}
