//! The stored files: whether each is what was written, and what nothing refers to.

use std::fmt;

use anyhow::Result;
use app::contents::Places;
use app::contents::checking::{self, Orphans};
use domain::time::Instant;

use crate::progress;
use crate::say::say;

/// What became of the check.
#[derive(Debug, Default)]
pub(super) struct Files {
    contents: u64,
    bytes: i64,
    damaged: u64,
    orphans: usize,
    are_removed: bool,
}

impl Files {
    /// Whether there is nothing to say.
    pub(super) const fn are_none(&self) -> bool {
        self.contents == 0 && self.orphans == 0
    }

    /// Whether all is well now.
    pub(super) const fn is_well(&self) -> bool {
        self.damaged == 0 && (self.orphans == 0 || self.are_removed)
    }
}

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { contents, bytes, damaged, orphans, .. } = self;
        let files = if *contents == 1 { "stored file" } else { "stored files" };
        write!(f, "{contents} {files}, {bytes} bytes: ")?;
        match (damaged, orphans) {
            (0, 0) => return f.write_str("all are what was written"),
            (0, _) => f.write_str("all are what was written")?,
            (1, _) => f.write_str("1 IS DAMAGED")?,
            _ => write!(f, "{damaged} ARE DAMAGED")?,
        }
        match (orphans, self.are_removed) {
            (0, _) => Ok(()),
            (_, true) => write!(f, "; {orphans} that nothing referred to were removed"),
            (_, false) => write!(f, "; {orphans} that nothing refers to (--remove-orphans removes them)"),
        }
    }
}

/// Reads every content, looks for orphans, and says what is wrong as it is found.
pub(super) async fn check(places: &Places, now: Instant, remove: bool) -> Result<Files> {
    let (count, bytes) = checking::count(places).await?;
    let count = u64::try_from(count).unwrap_or(0);
    let bar = progress::bar(count, "reading {wide_bar} {pos} of {len} stored files, {eta} left")?;
    let mut files = Files { bytes, are_removed: remove, ..Files::default() };
    let mut last = None;
    loop {
        let batch = checking::after(places, last).await?;
        let Some(end) = batch.last() else { break };
        last = Some(end.id);
        for content in batch {
            files.contents += 1;
            if let Some(damage) = checking::damage(places, content).await? {
                files.damaged += 1;
                bar.suspend(|| say(damage));
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let orphans = checking::orphans(places, now).await?;
    files.orphans = orphans.contents.len() + orphans.objects.len();
    tell(&orphans);
    if remove {
        checking::remove(places, &orphans, now).await?;
    }
    Ok(files)
}

fn tell(orphans: &Orphans) {
    for content in &orphans.contents {
        say(format_args!("nothing refers to the content {} in {}", content.id, content.place));
    }
    for object in &orphans.objects {
        say(format_args!("no content is known of the object {}", object.key));
    }
}
