//! The words for services, kinds and levels, in English: they pass the language boundary where they are printed. And the
//! sentence about missing readings, which has passed it.

use domain::catalogue::{Catalogue, Edition};
use domain::report::{Heading, Kind, Label, Level};

use crate::language::Words;

/// The service in front of a label. Names are the catalogue's, but for the two that the published pattern shows
/// (reports-api, section 13): local backup stands by itself, and backup items of the cyber protect editions go by the
/// name those are sold under.
pub(crate) fn service(label: &Label) -> &'static str {
    match (label.name(), label.edition()) {
        ("local_storage", _) => "Local backup",
        (_, Some(Edition::CyberProtectStd | Edition::CyberProtectAdv | Edition::CyberProtectDre)) => {
            "Cyber Protect"
        }
        _ => Catalogue::embedded().service(label.service()).name,
    }
}

/// A report's kind (reports-api, section 14).
pub(crate) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::UsageCurrent => "Current usage",
        Kind::UsageSummary => "Summary for period",
        Kind::UsageDaily => "Day-by-day for period",
        Kind::UsageBreakdown => "Day-by-day for period, with changes",
    }
}

/// A report's level (reports-api, section 14).
pub(crate) const fn level(level: Level) -> &'static str {
    match level {
        Level::Itself => "This tenant only",
        Level::DirectPartners => "Direct customers and partners",
        Level::AllCustomers => "All customers and partners",
        Level::Accounts => "All customers, partners and users",
        Level::AllPartners => "All partners",
    }
}

/// How many readings are missing and stood in for; `None` where all are there.
pub(crate) fn carried(heading: &Heading, words: Words) -> Option<String> {
    let cells = heading.cells;
    let say =
        || words.fill("Readings carried forward from earlier days: {} of {}.", &[&cells.carried, &cells.all]);
    (cells.carried > 0).then(say)
}
