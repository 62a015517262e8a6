//! Mails as `.eml` files in a folder.

use std::io;
use std::path::Path;

use tokio::fs;
use tokio::io::AsyncWriteExt as _;

use super::{Message, Outcome};

/// Writes the mail under another name, makes it last and renames it: a reader never sees half of one. The name follows
/// from the Message-ID, so that a repeated try replaces its own file.
pub(super) async fn deliver(folder: &Path, message: &Message) -> Outcome {
    match write(folder, message).await {
        Ok(name) => Outcome::Sent { answer: format!("written to {name}") },
        Err(error) => Outcome::Pause { why: format!("{}: {error}", folder.display()) },
    }
}

async fn write(folder: &Path, message: &Message) -> io::Result<String> {
    let own = message.id.split('@').next().unwrap_or(&message.id);
    let (name, unfinished) = (format!("{own}.eml"), folder.join(format!(".{own}.part")));
    fs::create_dir_all(folder).await?;
    let mut file = fs::File::create(&unfinished).await?;
    file.write_all(&message.bytes).await?;
    file.sync_all().await?;
    fs::rename(&unfinished, folder.join(&name)).await?;
    // The new name lasts once the folder is on the disk.
    fs::File::open(folder).await?.sync_all().await?;
    Ok(name)
}
