//! Writes one file of a run: rendered and compressed on a thread of its own, stored in pieces as they come.
//!
//! The thread and the database are joined by a channel of two pieces, so that memory does not grow with the file.

use std::io::{self, Write};
use std::sync::Arc;

use aws_lc_rs::digest;
use domain::report::{Artefact, Format};
use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use store::runs::{Claim, artefacts};
use tokio::sync::mpsc;

use super::builder::held;
use super::steps;
use crate::ids::hex;
use crate::reports::content::Content;
use crate::reports::pieces::Pieces;
use crate::{App, Error, Result};

/// How large a stored piece is.
const PIECE_BYTES: usize = 1024 * 1024;
/// Pieces that may wait for the database.
const PIECES_WAITING: usize = 2;

/// Writes the file; `false` where the run is no longer this node's.
pub(super) async fn write(app: &App, claim: &Claim, file: &Artefact, content: Arc<Content>) -> Result<bool> {
    let (pieces, mut stored) = mpsc::channel(PIECES_WAITING);
    let format = file.format;
    let writing = tokio::task::spawn_blocking(move || compress(&content, format, pieces));
    let (mut ordinal, mut last) = (0, None);
    while let Some(piece) = stored.recv().await {
        if let Some(piece) = last.replace(piece) {
            let Some(mut tx) = held(app, claim).await? else { return Ok(false) };
            artefacts::insert_chunk(&mut tx, file.id, ordinal, piece).await?;
            tx.commit().await?;
            steps::reached(app, "after-chunk");
            ordinal += 1;
        }
    }
    let written = writing.await.map_err(Error::internal)?.map_err(Error::internal)?;
    let Some(mut tx) = held(app, claim).await? else { return Ok(false) };
    // Most files have one piece: with it they are saved, and the disk is waited for once.
    if let Some(piece) = last {
        artefacts::insert_chunk(&mut tx, file.id, ordinal, piece).await?;
        steps::reached(app, "after-chunk");
    }
    artefacts::mark_saved(&mut tx, file.id, &written).await?;
    tx.commit().await?;
    steps::reached(app, "after-artefact");
    Ok(true)
}

/// Makes the gzip member. The same content gives the same bytes: its header names neither a time nor a file.
fn compress(
    content: &Content,
    format: Format,
    to_store: mpsc::Sender<Vec<u8>>,
) -> io::Result<artefacts::Written> {
    let out = Pieces::new(PIECE_BYTES, to_store);
    let mut plain = Hashed {
        out: GzBuilder::new().mtime(0).write(out, Compression::default()),
        digest: digest::Context::new(&digest::SHA256),
        plain_bytes: 0,
    };
    content.write(format, &mut plain)?;
    Ok(artefacts::Written {
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
