//! The stored files of reports (reports-api, 7).

use domain::access::Permission;
use domain::ids::{ArtefactId, ReportId};
use domain::report::{Artefact, ArtefactStatus};

use super::{depth, find};
use crate::access::Depth;
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
#[derive(Clone)]
pub struct StoredFile {
    app: App,
    id: ArtefactId,
    size_bytes: i64,
}

/// The file, where it is saved and the report's own; 404 where not, 403 where it shows what the caller may not see.
pub async fn stored_file(app: &App, caller: &Caller, id: ReportId, file: ArtefactId) -> Result<StoredFile> {
    let mut conn = app.read().await?;
    let (_, granted) = find(app, &mut conn, caller, Permission::ReportReader, id).await?;
    let saved = store::runs::artefacts::saved(&mut conn, id, file).await?;
    let (artefact, level) = saved.ok_or(Error::NotFound { what: "stored report" })?;
    if depth(level) == Depth::Inside && !granted.may_look_inside() {
        return Err(Error::Forbidden);
    }
    StoredFile::of(app, &artefact).ok_or(Error::NotFound { what: "stored report" })
}

impl StoredFile {
    /// A file of a run; `None` before it is saved.
    pub(super) fn of(app: &App, file: &Artefact) -> Option<Self> {
        let size_bytes = file.size_bytes.filter(|_| file.status == ArtefactStatus::Saved)?;
        Some(Self { app: app.clone(), id: file.id, size_bytes })
    }

    /// How many bytes its pieces have together.
    pub const fn size_bytes(&self) -> i64 {
        self.size_bytes
    }

    /// The n-th piece of the gzip member, from 0 on; `None` after the last. No snapshot stays open between pieces, so
    /// that a slow reader holds nothing up.
    pub async fn piece(&self, n: i64) -> Result<Option<Vec<u8>>> {
        let mut conn = self.app.read().await?;
        Ok(store::runs::artefacts::chunk(&mut conn, self.id, n).await?)
    }
}
