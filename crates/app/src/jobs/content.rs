//! What a run says: its rows, loaded as they were known when it began, and what is written from them.

use std::io;

use domain::report::{Document, Format, Heading};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use render::mail::Occasion;
use store::report_input::Wanted;
use store::runs::{Pinned, Stored};

use crate::mail::Text;
use crate::{App, Error, Result};

pub(super) use render::RENDERER_VERSION;

/// A run's document with what stands above its rows. The same run gives the same content whenever it is loaded.
#[derive(Debug)]
pub(super) struct Content {
    heading: Heading,
    document: Document,
}

/// Loads the content of a run that has begun.
pub(super) async fn load(app: &App, stored: &Stored, pinned: &Pinned) -> Result<Content> {
    let run = &stored.run;
    let wanted = wanted(stored, pinned);
    let input = store::report_input::load(&mut app.read().await?, &wanted).await?;
    let document =
        tokio::task::spawn_blocking(move || Document::new(input)).await.map_err(Error::internal)?;
    // A damaged block is named in the log; its figures are not guessed.
    let document = document.map_err(Error::internal)?;
    let document = document.ok_or_else(|| Error::internal("the subject is not among its own tenants"))?;
    let heading = Heading {
        subject: document.subject(),
        period: run.period,
        kind: run.parameters.kind,
        level: run.parameters.level,
        show_skus: run.parameters.show_skus.unwrap_or(false),
        leave_out_trial: run.schedule == ScheduleType::Monthly,
        generated_at: pinned.generated_at,
        language: pinned.language,
    };
    Ok(Content { heading, document })
}

fn wanted(stored: &Stored, pinned: &Pinned) -> Wanted {
    let run = &stored.run;
    Wanted {
        subject: stored.subject,
        period: run.period,
        kind: run.parameters.kind,
        level: run.parameters.level,
        hide_zero_usage: run.parameters.hide_zero_usage.unwrap_or(false),
        show_skus: run.parameters.show_skus.unwrap_or(false),
        leave_out_trial: run.schedule == ScheduleType::Monthly,
        as_known: pinned.generated_at.day(),
        as_of: pinned.as_of,
    }
}

impl Content {
    /// Writes one file.
    pub(super) fn write(&self, format: Format, out: &mut dyn io::Write) -> io::Result<()> {
        render::write(format, &self.heading, &self.document, out)
    }

    /// The name of that file where it is attached.
    pub(super) fn file_name(&self, format: Format) -> String {
        render::file_name(format, &self.heading)
    }

    /// Composes the mail to one recipient.
    pub(super) fn compose_mail(
        &self,
        language: Language,
        ordered_by: &str,
        schedule: ScheduleType,
        formats: &[Format],
    ) -> io::Result<Text> {
        let occasion = Occasion { language, ordered_by, schedule, formats };
        let mail = render::mail::compose(&self.heading, &self.document, &occasion)?;
        Ok(Text { subject: mail.subject, html: mail.html, plain: mail.text })
    }
}
