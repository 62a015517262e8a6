//! Words as search compares them: of any script, without regard to case.

use std::collections::BTreeSet;

/// The words of a text, folded, each once: what stands between characters that are neither letters nor digits.
///
/// Folding goes through upper case, so that `ß` is `ss` and both small sigmas are one; marks that are no letters, such as
/// the dot that lower-casing `İ` leaves behind, fall out.
pub fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).map(folded).filter(|word| !word.is_empty()).collect()
}

fn folded(word: &str) -> String {
    let lower = word.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    lower.filter(|c| c.is_alphanumeric()).collect()
}

/// The words of a search that are not the beginning of another one of it: these decide alone.
pub fn deciding_words(text: &str) -> Vec<String> {
    let all: Vec<String> = words(text).into_iter().collect();
    // In order, a word that begins others stands right before the first of them.
    let followers = all.iter().skip(1).map(Some).chain([None]);
    let decides = |(word, next): (&String, Option<&String>)| {
        (!next.is_some_and(|next| next.starts_with(word.as_str()))).then(|| word.clone())
    };
    all.iter().zip(followers).filter_map(decides).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<String> {
        words(text).into_iter().collect()
    }

    #[test]
    fn words_of_any_script_are_folded() {
        assert_eq!(of("ops@Harbour.example"), ["example", "harbour", "ops"]);
        assert_eq!(of("Große STRASSE-7"), ["7", "grosse", "strasse"]);
        assert_eq!(of("ΟΔΥΣΣΕΥΣ"), of("οδυσσευς"));
        assert_eq!(of("İstanbul"), ["istanbul"]);
        assert_eq!(of("北方 株式会社"), ["北方", "株式会社"]);
        assert_eq!(of("שלום-עולם"), ["עולם", "שלום"]);
        assert_eq!(of(" .,- "), Vec::<String>::new());
    }

    #[test]
    fn a_word_that_begins_another_decides_nothing() {
        assert_eq!(deciding_words("har harbour ltd har"), ["harbour", "ltd"]);
        assert_eq!(deciding_words("a ab abc b"), ["abc", "b"]);
        assert_eq!(deciding_words("!!!"), Vec::<String>::new());
    }
}
