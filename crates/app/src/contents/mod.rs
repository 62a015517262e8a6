//! What the files of reports hold: kept once by its digest, in the database or in an object store (ADR 12).
//!
//! A content is [`staged`] first, as its name is its digest, then written whole ([`writing`]), and only then referred to.
//! Whoever reads one gets its last piece after the digest of all was found to be right ([`reading`]). What nothing refers
//! to leaves by [`upkeep`].

pub mod checking;
pub mod measures;
pub mod moving;
mod proof;
mod reading;
pub(crate) mod staged;
pub mod upkeep;
pub(crate) mod writing;

pub use reading::{Damaged, Reading};

use domain::ids::ArtefactId;
use domain::report::{Content, Place};
use store::{Db, Objects};

use crate::settings::Storage;
use crate::{App, Error, Result};

/// How large the pieces are that contents are written and read in.
pub(crate) const PIECE_BYTES: usize = 1024 * 1024;

/// The places that contents lie in.
#[derive(Debug, Clone)]
pub struct Places {
    db: Db,
    storage: Storage,
}

impl Places {
    /// The database and, where it is configured, the object store.
    pub const fn of(db: Db, storage: Storage) -> Self {
        Self { db, storage }
    }

    /// The object store.
    fn objects(&self) -> store::Result<&Objects> {
        let none = || store::Error::Away("none is configured (storage.bucket)".into());
        self.storage.objects.as_ref().ok_or_else(none)
    }

    /// A piece as it is stored, unchecked, from 0 on; `None` after the last. No snapshot stays open between pieces, so that
    /// a slow reader holds nothing up.
    async fn piece(&self, content: &Content, no: i64) -> store::Result<Option<Vec<u8>>> {
        match content.place {
            Place::Database => store::contents::chunk(&mut self.db.read().await?, content.id, no).await,
            Place::S3 => self.objects()?.piece(content, no).await,
        }
    }

    /// The content, to be read and checked.
    pub fn read(&self, content: Content) -> Reading {
        Reading::new(self.clone(), content)
    }
}

impl App {
    /// The places that this app's contents lie in.
    pub fn places(&self) -> Places {
        Places::of(self.db.clone(), self.settings.storage.clone())
    }
}

/// What a saved file holds, to be read; [`Error::NotFound`] where its bytes were kept long enough.
pub async fn of_file(app: &App, file: ArtefactId) -> Result<Reading> {
    let content = store::contents::of_artefact(&mut app.read().await?, file).await?;
    let content = content.ok_or(Error::NotFound { what: "stored report" })?;
    Ok(app.places().read(content))
}
