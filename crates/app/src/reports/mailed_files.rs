//! The files that were too large for their mail, behind the link that it brought.
//!
//! The link is the right, for its recipient alone and for its time: it ends at once with the report, and does not open
//! while its recipient may not see what lies behind it.

use domain::access::Actor;
use domain::ids::{ArtefactId, DeliveryId, UserId};
use domain::report::{Artefact, ArtefactStatus};
use domain::tenant::Language;
use domain::time::Instant;
use render::pages::{self, File};
use store::Conn;
use store::runs::{Stored, artefacts};

use super::StoredFile;
use crate::auth::pages::Page;
use crate::jobs::{content, standing};
use crate::mail::token::{self, Purpose};
use crate::{App, Error, Result, brands};

/// What a link leads to.
#[derive(Debug, Clone)]
pub enum Behind<T> {
    /// What was asked for.
    There(T),
    /// The link has ended, or what it led to is gone: a page that says so.
    Ended(Page),
    /// Its recipient may no longer see it: a page that says so.
    Refused(Page),
}

/// A file to be saved under its name.
pub struct Named {
    /// Its name: ASCII letters, digits, hyphens and dots (reports-api, 13).
    pub name: String,
    /// The file, compressed.
    pub file: StoredFile,
}

const WRONG: Error = Error::NotFound { what: "report link" };

/// The address of the page with the files of a delivery.
pub(crate) fn address(app: &App, delivery: DeliveryId) -> String {
    format!("{}{}", app.settings.public_url, path(&token::write(&app.sealing, Purpose::Files, delivery)))
}

fn path(token: &str) -> String {
    format!("/api/tidemark/1/report-links/{token}")
}

/// The page that lists the files.
pub async fn page(app: &App, token: &str) -> Result<Behind<Page>> {
    let mut conn = app.read().await?;
    let link = match find(app, &mut conn, token).await? {
        Behind::There(link) => link,
        Behind::Ended(page) => return Ok(Behind::Ended(page)),
        Behind::Refused(page) => return Ok(Behind::Refused(page)),
    };
    let look = look(&mut conn, &link.stored).await?;
    let file = |file: &Artefact| File {
        name: link.file_name(file),
        address: format!("{}/files/{}", path(token), file.id),
    };
    let files: Vec<File> = link.files.iter().map(file).collect();
    let of = (link.subject.as_str(), link.stored.run.period);
    let page = Page::of(pages::mailed_files(link.language, &look, of, &files, link.until))?;
    Ok(Behind::There(page))
}

/// One of the files; 404 where it is none of them.
pub async fn file(app: &App, token: &str, id: ArtefactId) -> Result<Behind<Named>> {
    let mut conn = app.read().await?;
    let link = match find(app, &mut conn, token).await? {
        Behind::There(link) => link,
        Behind::Ended(page) => return Ok(Behind::Ended(page)),
        Behind::Refused(page) => return Ok(Behind::Refused(page)),
    };
    let wanted = link.files.iter().find(|file| file.id == id).ok_or(WRONG)?;
    drop(conn);
    let file = StoredFile::open(app, id).await?;
    tracing::info!(run = %link.stored.run.id, user = %link.user, file = %id, "a file is fetched by a mailed link");
    Ok(Behind::There(Named { name: link.file_name(wanted), file }))
}

/// A link that works.
struct Link {
    stored: Stored,
    user: UserId,
    language: Language,
    /// The name of whom the report is about.
    subject: String,
    files: Vec<Artefact>,
    until: Instant,
}

impl Link {
    fn file_name(&self, file: &Artefact) -> String {
        let run = &self.stored.run;
        render::file_name_of(file.format, &self.subject, run.subject_id, run.period)
    }
}

/// Finds what a link leads to; fails with 404 where nobody was ever mailed it, or its report is deleted.
async fn find(app: &App, conn: &mut Conn, token: &str) -> Result<Behind<Link>> {
    let id = token::read(&app.sealing, Purpose::Files, token).ok_or(WRONG)?;
    let delivery = store::deliveries::by_id(conn, id).await?.ok_or(WRONG)?;
    let until = store::deliveries::link_until(conn, id).await?.ok_or(WRONG)?;
    app.admit(Actor::User(delivery.user_id))?;
    let stored = store::runs::by_id(conn, delivery.run_id).await?.ok_or(WRONG)?;
    let (user, now) = (delivery.user_id, app.clock.now());
    let Ok(recipient) = standing::entitled(conn, &stored, user, now).await? else {
        return refused(Language::ENGLISH);
    };
    let language = recipient.language;
    if standing::subject(conn, &stored).await?.is_some() {
        return refused(language);
    }
    let files = artefacts::of_run(conn, stored.run.id).await?;
    let files: Vec<Artefact> =
        files.into_iter().filter(|file| file.status == ArtefactStatus::Saved).collect();
    let subject = store::tenants::by_no(conn, stored.subject).await?.ok_or(WRONG)?.name;
    if now >= until || files.is_empty() {
        let look = look(conn, &stored).await?;
        return Ok(Behind::Ended(Page::of(pages::mailed_files_ended(language, &look))?));
    }
    Ok(Behind::There(Link { stored, user, language, subject, files, until }))
}

fn refused(language: Language) -> Result<Behind<Link>> {
    Ok(Behind::Refused(Page::of(pages::mailed_files_refused(language))?))
}

/// As the mail looked.
async fn look(conn: &mut Conn, stored: &Stored) -> Result<domain::brand::Look> {
    let pinned = store::runs::pinned(conn, stored.run.id).await?.ok_or(WRONG)?;
    let brand = content::brand(conn, &pinned).await?;
    brands::look(conn, brand.as_ref()).await
}
