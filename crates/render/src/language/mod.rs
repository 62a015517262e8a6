//! The language boundary: English inside, another language in print.
//!
//! Every word of the files for people and of the mails passes here. A language without a table, and a text that is not
//! in it, stay English.

mod de;

use std::fmt::Display;

use domain::tenant::Language;

/// The text in another language; itself where there is no translation.
pub(crate) fn tr(language: Language, english: &str) -> &str {
    let table: &[(&str, &'static str)] = match language.code() {
        "de" => de::TEXTS,
        _ => return english,
    };
    let found = table.binary_search_by(|(text, _)| (*text).cmp(english));
    found.ok().and_then(|at| table.get(at)).map_or(english, |(_, translated)| translated)
}

/// A language, at hand in templates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words(pub(crate) Language);

impl Words {
    /// As the function of this name.
    pub(crate) fn tr<'a>(&self, english: &'a str) -> &'a str {
        tr(self.0, english)
    }

    /// A sentence with each `{}` replaced by the next value.
    pub(crate) fn fill(self, english: &str, values: &[&dyn Display]) -> String {
        let mut pieces = tr(self.0, english).split("{}");
        let mut sentence = pieces.next().unwrap_or_default().to_owned();
        for (piece, value) in pieces.zip(values) {
            sentence.push_str(&value.to_string());
            sentence.push_str(piece);
        }
        sentence
    }
}

#[cfg(test)]
mod tests {
    use domain::catalogue::Catalogue;
    use domain::report::{Kind, Label, Level};
    use domain::tenant::TenantKind;

    use super::*;
    use crate::pages;
    use crate::people::{amount, csv, terms};

    fn has_german(english: &str) -> bool {
        de::TEXTS.iter().any(|(text, _)| *text == english)
    }

    #[test]
    fn tables_are_sorted_and_without_repeats() {
        assert!(de::TEXTS.is_sorted_by(|(one, _), (two, _)| one < two));
    }

    #[test]
    fn every_word_has_a_german_one() {
        let catalogue = Catalogue::embedded();
        let items: Vec<Label> = catalogue.items().iter().map(Label::Item).collect();
        let metrics = [Label::Customers, Label::Partners, Label::CustomersWithLocalBackup];
        let mut words: Vec<&str> = Vec::new();
        for label in items.iter().chain(&metrics) {
            words.extend([label.for_people(), terms::service(label)]);
            words.push(amount::unit_name(label.unit()));
        }
        words.extend(Kind::ALL.iter().map(|kind| terms::kind(*kind)));
        words.extend(Level::ALL.iter().map(|level| terms::level(*level)));
        words.extend(TenantKind::ALL.iter().map(|kind| kind.as_str()));
        words.extend(csv::FRONT);
        words.extend([pages::DIFFER, pages::LENGTH]);
        words.extend(pages::texts());
        words.retain(|word| !word.is_empty() && !has_german(word));
        assert_eq!(words, Vec::<&str>::new());
    }

    /// Every literal that templates and code hand to `tr` or `fill`.
    #[test]
    fn every_sentence_has_a_german_one() {
        let sources = [
            include_str!("../../templates/report_head.html"),
            include_str!("../../templates/report_line.html"),
            include_str!("../../templates/report_foot.html"),
            include_str!("../../templates/mail.html"),
            include_str!("../../templates/mail.txt"),
            include_str!("../../templates/confirmation.html"),
            include_str!("../../templates/confirmation.txt"),
            include_str!("../../templates/email_change.html"),
            include_str!("../../templates/activation.html"),
            include_str!("../../templates/activation_mail.html"),
            include_str!("../../templates/activation_mail.txt"),
            include_str!("../../templates/login.html"),
            include_str!("../../templates/device.html"),
            include_str!("../../templates/notice.html"),
            include_str!("../../templates/mailed_files.html"),
            include_str!("../people/html.rs"),
            include_str!("../people/csv.rs"),
            include_str!("../people/terms.rs"),
            include_str!("../mail.rs"),
            include_str!("../pages.rs"),
        ];
        let mut found = 0;
        for call in ["tr(\"", "fill(\"", "fill(\n            \"", "tr(language, \""] {
            for piece in sources.iter().flat_map(|source| source.split(call).skip(1)) {
                let sentence = piece.split('"').next().unwrap();
                assert!(has_german(sentence), "{sentence}");
                found += 1;
            }
        }
        assert!(found > 20, "{found}");
    }

    #[test]
    fn what_is_not_translated_stays_english() {
        let german = Language::from_code("de").unwrap();
        let finnish = Language::from_code("fi").unwrap();
        assert_eq!(tr(german, "Servers"), "Server");
        assert_eq!(tr(german, "no such text"), "no such text");
        assert_eq!(tr(finnish, "Servers"), "Servers");
        let cut = "Only the first {} of {} rows are shown here: the csv file of this report has them all.";
        assert!(Words(german).fill(cut, &[&1, &2]).starts_with("Hier stehen nur die ersten 1 von 2 Zeilen"));
    }
}
