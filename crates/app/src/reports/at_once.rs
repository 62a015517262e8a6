//! A report made at once: one file, handed over as it is written. Nothing of it is stored.

use domain::access::Permission;
use domain::ids::{Seq, TenantId};
use domain::report::{Format, Kind, Level};
use domain::time::{Day, Period};
use store::report_input::Wanted;

use super::pieces::Flow;
use super::{content, depth};
use crate::access::Deleted;
use crate::cells::MAX_DAYS;
use crate::{App, Caller, Error, Result, brands};

/// What the file is to show, checked for form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// What is counted.
    pub kind: Kind,
    /// Which descendants have rows.
    pub level: Level,
    /// The form of the file.
    pub format: Format,
    /// The first day; `None` for the 1st of the last one's month.
    pub start: Option<Day>,
    /// The last day; `None` for the last one that is closed.
    pub end: Option<Day>,
    /// Drop rows of nine zeros.
    pub hide_zero_usage: bool,
    /// Add the SKU column.
    pub show_skus: bool,
    /// What was accepted after this number is not known; `None` for the newest.
    pub as_of: Option<Seq>,
}

/// The file.
#[derive(Debug)]
pub struct File {
    /// Its name (reports-api, section 13).
    pub name: String,
    /// Its form.
    pub format: Format,
    /// Its bytes.
    pub bytes: Flow,
}

/// Begins the file. The rights are those to read a report on the subject. Days that are not closed yet show what is
/// known of them, as in reports that are stored (reports-api, 3.2).
pub async fn make(app: &App, caller: &Caller, subject: TenantId, asked: &Asked) -> Result<File> {
    let mut conn = app.read().await?;
    let (permission, depth) = (Permission::ReportReader, depth(asked.level));
    let granted = app.allow_at(&mut conn, caller, permission, subject, depth, Deleted::Hidden).await?;
    let (subject, now) = (granted.tenant(), app.clock.now());
    let newest = store::history::newest(&mut conn).await?;
    let as_of = as_of(asked.as_of, newest)?;
    let frozen = store::history::days(&mut conn).await?.map_or(now.day(), |days| days.frozen);
    // Switches to production are known up to the last day on which `as_of` was the newest number.
    let superseded_on = store::history::superseded_on(&mut conn, as_of).await?;
    let wanted = Wanted {
        subject: subject.no,
        period: period(asked, frozen.previous(), now.day())?,
        kind: asked.kind,
        level: asked.level,
        hide_zero_usage: asked.hide_zero_usage,
        show_skus: asked.show_skus,
        leave_out_trial: false,
        as_known: superseded_on.map_or(now.day(), |day| day.min(now.day())),
        as_of,
    };
    let brand = store::brands::nearest(&mut conn, subject.no).await?;
    let look = brands::look(&mut conn, brand.as_ref()).await?;
    let content = content::load(conn, &wanted, None, now, subject.language, look).await?;
    let content = content.ok_or_else(|| Error::invalid("as_of", "the tenant was not there yet"))?;
    let format = asked.format;
    let name = content.file_name(format);
    Ok(File { name, format, bytes: Flow::of(move |out| content.write(format, out)) })
}

/// The acceptance number asked for, which must have been given out; the newest where none is.
pub(crate) fn as_of(asked: Option<Seq>, newest: Seq) -> Result<Seq> {
    let as_of = asked.unwrap_or(newest);
    if (0..=newest.0).contains(&as_of.0) {
        Ok(as_of)
    } else {
        Err(Error::invalid("as_of", format!("must be an acceptance number from 0 to {newest}, the newest")))
    }
}

fn period(asked: &Asked, last_closed: Day, today: Day) -> Result<Period> {
    let end = asked.end.unwrap_or(last_closed);
    // A clock that went back opens no closed day again.
    if end > today.max(last_closed) {
        let why = format!("lies in the future; the last closed day is {last_closed}");
        return Err(Error::invalid("end", why));
    }
    let start = asked.start.unwrap_or_else(|| end.first_of_month());
    if start > end {
        return Err(Error::invalid("start", format!("lies after the end, {end}")));
    }
    if asked.kind.is_per_day() && start.plus(MAX_DAYS) <= end {
        let why =
            format!("lies more than {MAX_DAYS} days before the end of {end}: too long for rows of each day");
        return Err(Error::invalid("start", why));
    }
    Ok(Period::inclusive(start, end))
}
