//! A file on its way into a place: whole, so that its digest is known. In memory, and beyond a piece in a file.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use domain::ids::ContentId;
use domain::report::{Content, Place};
use uuid::Uuid;

use super::PIECE_BYTES;
use crate::spool::nameless;
use crate::{Error, Result};

/// What is known of a file once it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Made {
    /// Compressed.
    pub(crate) size_bytes: i64,
    /// Uncompressed.
    pub(crate) plain_bytes: i64,
    /// SHA-256 of the uncompressed bytes, in hex.
    pub(crate) sha256: String,
}

impl Made {
    /// It as a new content in this place.
    pub(crate) fn content(self, id: ContentId, place: Place) -> Content {
        let Self { size_bytes, plain_bytes, sha256 } = self;
        Content { id, sha256, place, size_bytes, plain_bytes }
    }
}

/// The pieces of a file: first they are pushed, then taken in the same order.
#[derive(Debug)]
pub(crate) struct Staged {
    folder: PathBuf,
    name: Uuid,
    /// The first one: most files have no other.
    first: Option<Vec<u8>>,
    rest: Option<File>,
    count: usize,
}

impl Staged {
    pub(crate) fn new(folder: &Path, name: Uuid) -> Self {
        Self { folder: folder.to_owned(), name, first: None, rest: None, count: 0 }
    }

    /// How many pieces were pushed.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// Adds a piece; all but the last are of [`PIECE_BYTES`].
    pub(crate) async fn push(mut self, piece: Vec<u8>) -> Result<Self> {
        self.count += 1;
        if self.count == 1 {
            self.first = Some(piece);
            return Ok(self);
        }
        apart(move || {
            let file = match &mut self.rest {
                Some(file) => file,
                none => none.insert(nameless(&self.folder, self.name)?),
            };
            file.write_all(&piece)?;
            Ok(self)
        })
        .await
    }

    /// The next piece, from the first on; `None` after the last.
    pub(crate) async fn next(mut self) -> Result<(Option<Vec<u8>>, Self)> {
        if let Some(first) = self.first.take() {
            if let Some(file) = &mut self.rest {
                file.rewind().map_err(fault)?;
            }
            return Ok((Some(first), self));
        }
        apart(move || {
            let Some(file) = &mut self.rest else { return Ok((None, self)) };
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            file.take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
            Ok((Some(piece).filter(|piece| !piece.is_empty()), self))
        })
        .await
    }
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?.map_err(fault)
}

fn fault(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Unavailable(store::Error::Full),
        _ => Error::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_come_back_in_their_order_and_leave_nothing() {
        let folder = std::env::temp_dir().join(format!("tidemark-staged-{}", std::process::id()));
        for sizes in [&[][..], &[1], &[PIECE_BYTES, 7], &[PIECE_BYTES, PIECE_BYTES, PIECE_BYTES, 1]] {
            let pieces: Vec<Vec<u8>> = (1..).zip(sizes).map(|(no, size)| vec![no; *size]).collect();
            let mut staged = Staged::new(&folder, Uuid::nil());
            for piece in pieces.clone() {
                staged = staged.push(piece).await.unwrap();
            }
            let mut found = Vec::new();
            while let (Some(piece), rest) = staged.next().await.unwrap() {
                found.push(piece);
                staged = rest;
            }
            assert!(found == pieces, "{sizes:?}");
            assert_eq!(std::fs::read_dir(&folder).map_or(0, Iterator::count), 0);
        }
        let _ = std::fs::remove_dir(&folder);
    }
}
