//! What a report says, and the one way there from what is asked for: loaded, arranged, rendered.

use std::io;
use std::sync::Arc;

use domain::brand::Look;
use domain::report::{Document, Format, Heading, Pass};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use domain::time::Instant;
use render::mail::{Link, Occasion};
use store::Conn;
use store::report_input::Wanted;
use tokio::runtime::Handle;

use crate::mail::Text;
use crate::{Error, Result};

pub(crate) use render::RENDERER_VERSION;

/// A document with what stands above its rows. The same question gives the same content whenever it is loaded.
#[derive(Debug)]
pub(crate) struct Content {
    heading: Heading,
    document: Document,
}

/// Loads from this snapshot, which is let go before the figures are summed up; a pass as known at the same number may
/// have them already. `None` where the subject was not there yet at the number.
pub(crate) async fn load(
    mut conn: Conn,
    wanted: &Wanted,
    shared: Option<Arc<Pass>>,
    generated_at: Instant,
    language: Language,
    look: Look,
) -> Result<Option<Content>> {
    let (runtime, asked) = (Handle::current(), *wanted);
    // Rows become timelines and timelines a document on a thread where no request waits behind it.
    let arranging = tokio::task::spawn_blocking(move || -> Result<Option<Document>> {
        let input = runtime.block_on(store::report_input::load(&mut conn, &asked))?;
        let archive = move || Ok(runtime.block_on(store::report_input::archive(&mut conn, &asked))?);
        Document::sharing(input, shared, archive)
    });
    let document = arranging.await.map_err(Error::internal)??;
    Ok(document.map(|document| Content {
        heading: Heading {
            subject: document.subject(),
            period: wanted.period,
            kind: wanted.kind,
            level: wanted.level,
            show_skus: wanted.show_skus,
            leave_out_trial: wanted.leave_out_trial,
            cells: document.cells(),
            generated_at,
            language,
            look,
        },
        document,
    }))
}

impl Content {
    /// Writes one file.
    pub(crate) fn write(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        render::write(format, &self.heading, &self.document, out)
    }

    /// The name of that file (reports-api, section 13).
    pub(crate) fn file_name(&self, format: Format) -> String {
        render::file_name(format, &self.heading)
    }

    /// How its pages and mails look.
    pub(crate) fn look(&self) -> &Look {
        &self.heading.look
    }

    /// Composes the mail to one recipient, with the files or with a link to them and when it ends.
    pub(crate) fn compose_mail(
        &self,
        language: Language,
        ordered_by: &str,
        schedule: ScheduleType,
        formats: &[Format],
        link: Option<(&str, Instant)>,
    ) -> io::Result<Text> {
        let link = link.map(|(address, until)| Link { address, until });
        let occasion = Occasion { language, ordered_by, schedule, formats, link };
        let mail = render::mail::compose(&self.heading, &self.document, &occasion)?;
        Ok(Text { subject: mail.subject, html: mail.html, plain: mail.text })
    }
}
