//! Makes one file of a run: rendered and compressed on a thread of its own, and kept once it is whole.
//!
//! The thread and what takes its pieces are joined by a channel of two, so that memory does not grow with the file.

use std::io::{self, Write};
use std::sync::Arc;

use aws_lc_rs::digest;
use domain::ids::ContentId;
use domain::report::{Artefact, Format};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use store::runs::Claim;
use tokio::sync::mpsc;

use super::builder::held;
use crate::contents::PIECE_BYTES;
use crate::contents::staged::{Made, Staged};
use crate::contents::writing::{Holder, Source, keep};
use crate::ids::hex;
use crate::reports::content::Content;
use crate::reports::pieces::Pieces;
use crate::{App, Error, Result};

/// Pieces that may wait to be taken.
const PIECES_WAITING: usize = 2;
/// After how many pieces the lease of the run is renewed.
const PIECES_A_RENEWAL: usize = 16;

/// Makes the file and keeps it; `false` where the run is no longer this node's.
pub(super) async fn write(app: &App, claim: &Claim, file: &Artefact, content: Arc<Content>) -> Result<bool> {
    let (pieces, mut taken) = mpsc::channel(PIECES_WAITING);
    let format = file.format;
    let writing = tokio::task::spawn_blocking(move || compress(&content, format, pieces));
    let mut staged = Staged::new(&app.settings.uploads.folder, app.ids.other()?);
    while let Some(piece) = taken.recv().await {
        staged = staged.push(piece).await?;
        if staged.count().is_multiple_of(PIECES_A_RENEWAL) {
            let Some(tx) = held(app, claim).await? else { return Ok(false) };
            tx.commit().await?;
        }
    }
    let made = writing.await.map_err(Error::internal)?.map_err(Error::internal)?;
    let new = made.content(ContentId(app.ids.other()?), app.settings.storage.new_in);
    keep(&app.places(), &Holder::Run(app, claim, file), new, Source::Staged(staged)).await
}

/// Makes the gzip member. The same content gives the same bytes: its header names neither a time nor a file.
fn compress(content: &Content, format: Format, to_store: mpsc::Sender<Vec<u8>>) -> io::Result<Made> {
    let out = Pieces::new(PIECE_BYTES, to_store);
    let mut plain = Hashed {
        out: GzBuilder::new().mtime(0).write(out, Compression::default()),
        digest: digest::Context::new(&digest::SHA256),
        plain_bytes: 0,
    };
    content.write(format, &mut plain)?;
    Ok(Made {
        size_bytes: plain.out.finish()?.finish()?,
        plain_bytes: plain.plain_bytes,
        sha256: hex(plain.digest.finish().as_ref()),
    })
}

/// Hashes and counts what passes into the compression.
struct Hashed {
    out: GzEncoder<Pieces>,
    digest: digest::Context,
    plain_bytes: i64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        let (taken_bytes, _) = bytes.split_at(taken);
        self.digest.update(taken_bytes);
        self.plain_bytes += i64::try_from(taken).unwrap_or(i64::MAX);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Nothing to hurry out: a flush would cost compression.
        Ok(())
    }
}
