//! Contents on their way out, checked.
//!
//! The last piece is held back until the digest of all is known: whoever passes the pieces on under a length that was said
//! beforehand can never pass on all of a damaged one. Reading all first and again to send it would take twice as long, cost
//! twice at the object store, and prove nothing of the second reading.

use domain::report::Content;

use super::proof::Proof;
use super::{Places, measures};
use crate::{Error, Result};

/// A content that is read piece by piece.
pub struct Reading {
    places: Places,
    content: Content,
    next: i64,
    held: Option<Vec<u8>>,
    /// `None` once all is read.
    proof: Option<Proof>,
}

impl Reading {
    pub(super) fn new(places: Places, content: Content) -> Self {
        Self { places, content, next: 0, held: None, proof: Some(Proof::new()) }
    }

    /// What is read.
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The next piece; `None` after the last. An error in place of the last one where the bytes are not what they should
    /// be, which is logged and counted here.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while let Some(proof) = self.proof.take() {
            let piece = match self.places.piece(&self.content, self.next).await {
                Err(gone @ store::Error::Missing { .. }) => return Err(self.damaged(&gone.to_string())),
                piece => piece?,
            };
            self.next += 1;
            let Some(piece) = piece else {
                proof.end(&self.content).map_err(|why| self.damaged(&why))?;
                break;
            };
            let (proof, piece, taken) = take(proof, piece).await?;
            taken.map_err(|error| self.damaged(&error.to_string()))?;
            self.proof = Some(proof);
            if let Some(before) = self.held.replace(piece) {
                return Ok(Some(before));
            }
        }
        Ok(self.held.take())
    }

    fn damaged(&mut self, why: &str) -> Error {
        self.held = None;
        measures::damaged(&self.content, why);
        let Content { id, sha256, place, .. } = &self.content;
        Error::internal(Damaged(format!("the content {id} (SHA-256 {sha256}, in {place}) is damaged: {why}")))
    }
}

/// A content is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Damaged(String);

impl Damaged {
    /// What is wrong with the content, where that is why it could not be read; any other failure is handed on.
    pub(super) fn of(error: Error) -> Result<Self> {
        match error {
            Error::Internal(why) => match why.downcast() {
                Ok(damaged) => Ok(*damaged),
                Err(why) => Err(Error::Internal(why)),
            },
            error => Err(error),
        }
    }
}

/// Unpacking a piece takes some milliseconds: apart from the threads that requests wait for.
async fn take(mut proof: Proof, piece: Vec<u8>) -> Result<(Proof, Vec<u8>, std::io::Result<()>)> {
    let taking = tokio::task::spawn_blocking(move || {
        let taken = proof.take(&piece);
        (proof, piece, taken)
    });
    taking.await.map_err(Error::internal)
}
