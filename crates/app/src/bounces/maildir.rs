//! Mails that came back, in a maildir: what is taken in moves from `new` to `cur`, marked as seen.

use std::io;
use std::path::Path;

use tokio::fs;
use tokio::io::AsyncReadExt as _;

use super::report::LOOKED_AT_BYTES;
use super::{MOST_MESSAGES, Outcome, Trouble, take_in};
use crate::App;

/// Takes in what lies in `new`, oldest first.
pub(super) async fn look(app: &App, folder: &Path) -> Result<(), Trouble> {
    let (new, cur) = (folder.join("new"), folder.join("cur"));
    let names = names(&new).await.map_err(|error| Trouble::Mailbox(format!("{}: {error}", new.display())))?;
    for name in names {
        let path = new.join(&name);
        let bytes = match beginning(&path).await {
            Ok(bytes) => bytes,
            // Another node was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                app.bounces.complain(&name, &error.to_string());
                continue;
            }
        };
        let Some(outcome) = take_in(app, &bytes).await? else { continue };
        // S: seen; F: flagged, for somebody to look at.
        let flag = if outcome == Outcome::Unreadable { 'F' } else { 'S' };
        if outcome == Outcome::Unreadable {
            app.bounces.complain(&name, "it cannot be read as a report");
        }
        let bare = name.split(':').next().unwrap_or(&name);
        match fs::rename(&path, cur.join(format!("{bare}:2,{flag}"))).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                app.bounces.complain(&name, &format!("it cannot be moved to cur: {error}"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The names of the files, in their order, which begins with the second of their arrival.
async fn names(new: &Path) -> io::Result<Vec<String>> {
    let (mut entries, mut names) = (fs::read_dir(new).await?, Vec::new());
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name().into_string().ok().filter(|name| !name.starts_with('.'));
        // Opening a pipe would wait for its other end.
        if let Some(name) = name.filter(|_| names.len() < MOST_MESSAGES)
            && entry.file_type().await.is_ok_and(|kind| kind.is_file())
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn beginning(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path).await?.take(LOOKED_AT_BYTES).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
