//! A disk of its own for the data: a tmpfs, which can be full at once and have room again at once.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// How much room there is when it is not full, in MiB.
const ROOM: u64 = 2_048;
/// How often one tries to leave no room, as others write meanwhile.
const TRIES: usize = 20;

/// A folder that is a disk, or a folder like others where this process may not mount one.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Makes it. `mounts` says that this process has a mount namespace of its own (`unshare --mount`): the disk is gone
    /// with it.
    pub fn new(folder: &Path, mounts: bool) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        if mounts {
            let size = format!("size={ROOM}m,mode=0755");
            run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tidemark-torture"]).arg(folder))?;
        }
        Ok(Self { folder: folder.to_owned(), mounted: mounts })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves no room.
    pub fn fill(&self) -> Result<()> {
        if self.mounted {
            for _ in 0..TRIES {
                if self.remount(self.used()?).is_ok() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Gives room again.
    pub fn free(&self) -> Result<()> {
        if self.mounted { self.remount(ROOM * 1_024) } else { Ok(()) }
    }

    /// Limits it to so many KiB.
    fn remount(&self, kibibytes: u64) -> Result<()> {
        let option = format!("remount,size={kibibytes}k");
        run(Command::new("mount").args(["-o", &option]).arg(&self.folder))
    }

    fn used(&self) -> Result<u64> {
        let output =
            Command::new("df").args(["--block-size=1K", "--output=used"]).arg(&self.folder).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let used = text.lines().nth(1).and_then(|line| line.trim().parse().ok());
        used.with_context(|| format!("df says {text:?}"))
    }
}

/// Runs a program that must succeed; what it says belongs to the error.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
