//! The mail that brings a report (reports-api, section 13): the figures that matter in the body, the files attached.

use std::io;

use askama::Template;
use domain::brand::Look;
use domain::report::{Format, Heading, Rows};
use domain::schedule::ScheduleType;
use domain::tenant::Language;
use domain::time::Instant;

use crate::file_name;
use crate::language::Words;
use crate::look::Shades;
use crate::people::summary::{Figure, Summary};
use crate::people::terms;

/// A mail without its addresses and attachments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// `Usage report: <tenant name>, <start> - <end>`, in the recipient's language.
    pub subject: String,
    /// The body for mail programs that show HTML: tables and inline styles, nothing from outside. Where the look has a
    /// logo it refers to it as [`LOGO_ID`].
    pub html: String,
    /// The same as plain text.
    pub text: String,
}

/// What the html of a mail calls the logo that goes with it: its Content-ID (RFC 2392), without angle brackets.
pub const LOGO_ID: &str = "logo@tidemark";

fn logo_source(look: &Look) -> Option<String> {
    look.logo.as_ref().map(|_| format!("cid:{LOGO_ID}"))
}

/// Why a mail goes out, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Occasion<'a> {
    /// The recipient's language; the files keep that of the subject.
    pub language: Language,
    /// The name of the tenant whose administrator ordered the report: that of its last writer.
    pub ordered_by: &'a str,
    /// Once or every month.
    pub schedule: ScheduleType,
    /// The files of the report, in their order.
    pub formats: &'a [Format],
    /// Where they are fetched; `None`: they are attached.
    pub link: Option<Link<'a>>,
}

/// A link to files that are too large for a mail.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// Its address.
    pub address: &'a str,
    /// When it ends.
    pub until: Instant,
}

/// Composes the mail to one recipient. Reads the rows of the subject only. Fails only where a template does.
pub fn compose(heading: &Heading, rows: &dyn Rows, occasion: &Occasion<'_>) -> io::Result<Mail> {
    let words = Words(occasion.language);
    let summary = Summary::alone(heading, rows, occasion.language);
    let subject = format!("{}: {}, {}", words.tr("Usage report"), heading.subject.name, heading.period);
    let content = Content {
        words,
        heading,
        facts: facts(heading, words),
        summary: &summary,
        cost_title: cost_title(heading, words),
        carried: terms::carried(heading, words),
        files: occasion.formats.iter().map(|format| file_name(*format, heading)).collect(),
        fetched: occasion.link.map(|link| Fetched::of(link, words)),
        reason: reason(occasion, words),
        shades: Shades::of(heading.look.color),
        logo: logo_source(&heading.look),
    };
    let text = Text { lines: text_lines(&summary, words, content.cost_title), content: &content };
    let html = Html { subject: &subject, content: &content };
    let (html, text) = (rendered(&html)?, rendered(&text)?);
    Ok(Mail { subject, html, text })
}

/// What both bodies say.
struct Content<'a> {
    words: Words,
    heading: &'a Heading,
    facts: Vec<(&'static str, String)>,
    summary: &'a Summary,
    cost_title: &'static str,
    carried: Option<String>,
    files: Vec<String>,
    fetched: Option<Fetched<'a>>,
    reason: String,
    shades: Shades,
    /// The logo's address within the mail.
    logo: Option<String>,
}

/// How the files are fetched that are not attached.
struct Fetched<'a> {
    address: &'a str,
    ends: String,
}

impl<'a> Fetched<'a> {
    fn of(link: Link<'a>, words: Words) -> Self {
        let ends = words.fill("The link works until {}.", &[&link.until.for_people()]);
        Self { address: link.address, ends }
    }
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    subject: &'a str,
    content: &'a Content<'a>,
}

#[derive(Template)]
#[template(path = "mail.txt")]
struct Text<'a> {
    /// The table of figures, in columns of equal width.
    lines: Vec<String>,
    content: &'a Content<'a>,
}

fn rendered(template: &impl Template) -> io::Result<String> {
    template.render().map_err(io::Error::other)
}

/// What the title, tenant and period, does not say.
fn facts(heading: &Heading, words: Words) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(customer_id) = &heading.subject.customer_id {
        facts.push((words.tr("Customer ID"), customer_id.clone()));
    }
    facts.push((words.tr("Report"), words.tr(terms::kind(heading.kind)).to_owned()));
    facts.push((words.tr("Scope"), words.tr(terms::level(heading.level)).to_owned()));
    facts.push((words.tr("Generated"), heading.generated_at.for_people()));
    if heading.leave_out_trial {
        facts.push((words.tr("Not included"), words.tr("Tenants on trial").to_owned()));
    }
    facts
}

fn cost_title(heading: &Heading, words: Words) -> &'static str {
    if heading.kind.is_per_day() { words.tr("Cost, all days added") } else { words.tr("Cost") }
}

fn reason(occasion: &Occasion<'_>, words: Words) -> String {
    let by = &occasion.ordered_by;
    match occasion.schedule {
        ScheduleType::Once => words
            .fill("You get this mail because {} ordered this report once, with you as a recipient.", &[by]),
        ScheduleType::Monthly => words.fill(
            "You get this mail because {} ordered this report monthly, with you as a recipient.",
            &[by],
        ),
    }
}

fn text_lines(summary: &Summary, words: Words, cost_title: &'static str) -> Vec<String> {
    let mut table =
        vec![["", words.tr("Usage"), words.tr("Change"), words.tr("Quota")].map(str::to_owned).to_vec()];
    table.extend(summary.figures.iter().map(|figure| {
        let dash = || "–".to_owned();
        let change = figure.change.clone().unwrap_or_else(dash);
        vec![figure.label.clone(), figure.with_unit(), change, figure.quota.clone().unwrap_or_else(dash)]
    }));
    if let Some(total) = &summary.total_cost {
        let costs = summary.figures.iter().map(|figure| figure.cost.clone().unwrap_or_default());
        for (line, cost) in table.iter_mut().zip(std::iter::once(cost_title.to_owned()).chain(costs)) {
            line.push(cost);
        }
        let nothing = String::new;
        table.push(vec![words.tr("Total cost").to_owned(), nothing(), nothing(), nothing(), total.clone()]);
    }
    aligned(&table)
}

/// The first column to the left, the figures to the right.
fn aligned(table: &[Vec<String>]) -> Vec<String> {
    let count = table.first().map_or(0, Vec::len);
    let width =
        |at: usize| table.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..count).filter_map(width).collect();
    let line = |cells: &Vec<String>| {
        let padded = cells.iter().zip(&widths).enumerate().map(|(at, (cell, width))| {
            if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

impl Figure {
    /// The amount and, where it has one, its unit.
    fn with_unit(&self) -> String {
        if self.unit.is_empty() { self.amount.clone() } else { format!("{} {}", self.amount, self.unit) }
    }
}

#[derive(Template)]
#[template(path = "confirmation.html")]
struct ConfirmationHtml<'a> {
    words: Words,
    new_email: &'a str,
    link: &'a str,
    shades: Shades,
    logo: Option<String>,
    name: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "confirmation.txt")]
struct ConfirmationText<'a> {
    words: Words,
    new_email: &'a str,
    link: &'a str,
}

/// Composes the mail that asks the old address of a user to confirm a new one. Fails only where a template does.
pub fn confirmation(language: Language, new_email: &str, link: &str, look: &Look) -> io::Result<Mail> {
    let words = Words(language);
    let (shades, name, logo) = (Shades::of(look.color), look.name.as_deref(), logo_source(look));
    let html = rendered(&ConfirmationHtml { words, new_email, link, shades, logo, name })?;
    let text = rendered(&ConfirmationText { words, new_email, link })?;
    Ok(Mail { subject: words.tr("Confirm the new e-mail address").to_owned(), html, text })
}

#[derive(Template)]
#[template(path = "activation_mail.html")]
struct ActivationHtml<'a> {
    words: Words,
    login: &'a str,
    link: &'a str,
    shades: Shades,
    logo: Option<String>,
    name: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "activation_mail.txt")]
struct ActivationText<'a> {
    words: Words,
    login: &'a str,
    link: &'a str,
}

/// Composes the mail that asks a new user to choose a password. Fails only where a template does.
pub fn activation(language: Language, login: &str, link: &str, look: &Look) -> io::Result<Mail> {
    let words = Words(language);
    let (shades, name, logo) = (Shades::of(look.color), look.name.as_deref(), logo_source(look));
    let html = rendered(&ActivationHtml { words, login, link, shades, logo, name })?;
    let text = rendered(&ActivationText { words, login, link })?;
    Ok(Mail { subject: words.tr("Activate your account").to_owned(), html, text })
}
