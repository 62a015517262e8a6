//! Files cut into pieces while they are written, on a thread of their own.
//!
//! The writer and whoever takes the pieces are joined by a channel of a few of them: memory does not grow with the
//! file, and a writer whose pieces nobody takes any more ends with `BrokenPipe`.

use std::io::{self, Write};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::{Error, Result};

/// Cuts what is written into pieces of one size and sends them, waiting while the other end is behind.
pub(crate) struct Pieces {
    filling: Vec<u8>,
    piece_bytes: usize,
    to: mpsc::Sender<Vec<u8>>,
    sent_bytes: i64,
}

impl Pieces {
    pub(crate) fn new(piece_bytes: usize, to: mpsc::Sender<Vec<u8>>) -> Self {
        Self { filling: Vec::with_capacity(piece_bytes), piece_bytes, to, sent_bytes: 0 }
    }

    /// Sends the last piece, which may be a smaller one; gives the number of all bytes. What is dropped without this
    /// leaves its last piece out.
    pub(crate) fn finish(mut self) -> io::Result<i64> {
        if !self.filling.is_empty() {
            self.send(Vec::new())?;
        }
        Ok(self.sent_bytes)
    }

    fn send(&mut self, next: Vec<u8>) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.filling, next);
        self.sent_bytes += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        self.to
            .blocking_send(piece)
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "nobody takes the file any more"))
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (taken, _) = bytes.split_at(bytes.len().min(self.piece_bytes - self.filling.len()));
        self.filling.extend_from_slice(taken);
        if self.filling.len() == self.piece_bytes {
            self.send(Vec::with_capacity(self.piece_bytes))?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How large a piece of a [`Flow`] is.
const FLOW_PIECE_BYTES: usize = 64 * 1024;
/// Pieces of a [`Flow`] that may wait for their taker.
const FLOW_PIECES_WAITING: usize = 2;

/// A file on its way to whoever asked for it. Dropped, it ends its writer.
#[derive(Debug)]
#[must_use = "nobody else takes the file"]
pub struct Flow {
    pieces: mpsc::Receiver<Vec<u8>>,
    writing: JoinHandle<io::Result<()>>,
}

impl Flow {
    /// Lets `write` run on a thread for blocking work.
    pub fn of(write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static) -> Self {
        let (to, pieces) = mpsc::channel(FLOW_PIECES_WAITING);
        let writing = tokio::task::spawn_blocking(move || {
            let mut out = Pieces::new(FLOW_PIECE_BYTES, to);
            write(&mut out)?;
            out.finish().map(|_| ())
        });
        Self { pieces, writing }
    }

    /// The next piece and what follows it; `None` only where the file is whole. Where the writer failed or panicked the
    /// last thing that comes is an error, so that no half of a file passes for all of it.
    pub async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>> {
        if let Some(piece) = self.pieces.recv().await {
            return Ok(Some((piece, self)));
        }
        self.writing.await.map_err(Error::internal)?.map_err(Error::internal)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    /// All that comes, and how it ends.
    async fn taken(mut flow: Flow) -> (Vec<usize>, Result<()>) {
        let mut sizes = Vec::new();
        loop {
            match flow.next().await {
                Ok(Some((piece, rest))) => {
                    sizes.push(piece.len());
                    flow = rest;
                }
                Ok(None) => return (sizes, Ok(())),
                Err(error) => return (sizes, Err(error)),
            }
        }
    }

    #[tokio::test]
    async fn a_file_comes_whole_in_pieces_of_one_size_and_a_rest() {
        let (sizes, end) = taken(Flow::of(|out| out.write_all(&vec![7; 2 * FLOW_PIECE_BYTES + 3]))).await;
        assert!(end.is_ok());
        assert_eq!(sizes, [FLOW_PIECE_BYTES, FLOW_PIECE_BYTES, 3]);
        let (sizes, end) = taken(Flow::of(|_| Ok(()))).await;
        assert!(sizes.is_empty() && end.is_ok(), "an empty file is a file");
    }

    #[tokio::test]
    async fn a_writer_that_fails_or_panics_half_way_is_an_error_and_no_end() {
        let failing = Flow::of(|out| {
            out.write_all(&vec![7; FLOW_PIECE_BYTES + 3])?;
            Err(io::Error::other("a fault"))
        });
        let (sizes, end) = taken(failing).await;
        assert!(end.is_err());
        assert_eq!(sizes, [FLOW_PIECE_BYTES]);
        let panicking = Flow::of(|out| {
            out.write_all(&vec![7; FLOW_PIECE_BYTES + 3])?;
            panic!("a fault of ours")
        });
        let (sizes, end) = taken(panicking).await;
        assert!(end.is_err());
        assert_eq!(sizes, [FLOW_PIECE_BYTES]);
    }

    #[tokio::test]
    async fn a_writer_whose_taker_is_gone_ends() {
        let (ended, end) = oneshot::channel();
        let flow = Flow::of(move |out| {
            let fault = loop {
                if let Err(fault) = out.write_all(&[7; 1024]) {
                    break fault;
                }
            };
            let _ = ended.send(fault.kind());
            Err(fault)
        });
        let (_, rest) = flow.next().await.unwrap().unwrap();
        drop(rest);
        assert_eq!(end.await.unwrap(), io::ErrorKind::BrokenPipe);
    }
}
