//! `tidemark pages`: what packages install beside the binary. Nothing of it is written by hand.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::Cli;

/// Options of `pages`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder, made where it is missing
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Writes `tidemark.1`, a page for each command such as `tidemark-serve.1`, and completions for bash, zsh and fish.
pub fn run(options: &Options) -> Result<()> {
    let folder = &options.folder;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "tidemark", folder)?;
    }
    Ok(())
}
