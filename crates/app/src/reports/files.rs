//! The stored files of reports (reports-api, 7).

use domain::access::Permission;
use domain::ids::{ArtefactId, ReportId};
use domain::report::Artefact;

use super::{depth, find};
use crate::access::Depth;
use crate::contents::{self, Reading};
use crate::{App, Caller, Error, Result};

/// The files of a report that saves them, oldest run first; none of one that sends them. Of files that show the inside of
/// a subject that the caller may not look into only those that never came to be are listed: a run that was skipped for it
/// is seen by them.
pub async fn stored(app: &App, caller: &Caller, id: ReportId) -> Result<Vec<Artefact>> {
    let mut conn = app.read().await?;
    let (_, granted) = find(app, &mut conn, caller, Permission::ReportReader, id).await?;
    Ok(store::runs::artefacts::kept(&mut conn, id, granted.may_look_inside()).await?)
}

/// A file ready for download.
pub struct StoredFile {
    reading: Reading,
    /// What was read so far: a fault before anything is sent is an answer, and no connection that breaks off.
    first: Option<Vec<u8>>,
}

/// The file, where it is saved, the report's own, and not kept long enough already; 404 where not, 403 where it shows what
/// the caller may not see, 503 where the place it lies in is away.
pub async fn stored_file(app: &App, caller: &Caller, id: ReportId, file: ArtefactId) -> Result<StoredFile> {
    let mut conn = app.read().await?;
    let (_, granted) = find(app, &mut conn, caller, Permission::ReportReader, id).await?;
    let saved = store::runs::artefacts::saved(&mut conn, id, file).await?;
    let (_, level) = saved.ok_or(Error::NotFound { what: "stored report" })?;
    if depth(level) == Depth::Inside && !granted.may_look_inside() {
        return Err(Error::Forbidden);
    }
    drop(conn);
    StoredFile::open(app, file).await
}

impl StoredFile {
    /// What a saved file holds, read as far as the first piece.
    pub(super) async fn open(app: &App, file: ArtefactId) -> Result<Self> {
        let mut reading = contents::of_file(app, file).await?;
        let first = reading.next().await?;
        Ok(Self { reading, first })
    }

    /// How many bytes its pieces have together.
    pub const fn size_bytes(&self) -> i64 {
        self.reading.content().size_bytes
    }

    /// The next piece of the gzip member; `None` after the last. Where the bytes are not what was written, an error comes
    /// in place of the last one.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        match self.first.take() {
            Some(first) => Ok(Some(first)),
            None => self.reading.next().await,
        }
    }
}
