//! `tidemark pages`: what packages install beside the binary. Nothing of it is written by hand.

use std::fs;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{Cli, Pages};

/// Writes `tidemark.1`, a page for each command such as `tidemark-serve.1`, and completions for bash, zsh and fish.
pub fn run(options: &Pages) -> Result<()> {
    let folder = &options.folder;
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "tidemark", folder)?;
    }
    Ok(())
}
