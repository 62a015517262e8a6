//! Words as search compares them: of any script, without regard to case.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The words of a text, folded, each once: what stands between characters that are neither letters, digits nor marks.
///
/// Folding goes through upper case, so that `ß` is `ss` and both small sigmas are one (and first through lower case, which
/// alone knows that `ẞ` is a `ß`), and through the form NFKC, so that
/// letters may be composed, decomposed, full-width or ligatures. Marks that are part of no letter then, such as the dot
/// that lower-casing `İ` leaves behind, fall out.
pub fn words(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_alphanumeric() || is_combining_mark(c);
    let whole: String = text.nfkc().collect();
    whole.split(|c: char| !is_part(c)).map(folded).filter(|word| !word.is_empty()).collect()
}

fn folded(word: &str) -> String {
    // Lower-casing a whole text would make a last sigma another letter.
    let lower = word.chars().flat_map(char::to_lowercase);
    let lower = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    lower.nfkc().filter(|c| c.is_alphanumeric()).collect()
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
        assert_eq!(of("STRAẞE"), ["strasse"]);
        assert_eq!(of("ΟΔΥΣΣΕΥΣ"), of("οδυσσευς"));
        assert_eq!(of("İstanbul"), ["istanbul"]);
        assert_eq!(of("北方 株式会社"), ["北方", "株式会社"]);
        assert_eq!(of("שלום-עולם"), ["עולם", "שלום"]);
        assert_eq!(of(" .,- "), Vec::<String>::new());
    }

    #[test]
    fn composed_decomposed_wide_and_ligated_letters_are_the_same() {
        for (one, other) in [
            ("Zoë", "Zoe\u{308}"),
            ("Ångström", "\u{212b}ngstro\u{308}m"),
            ("Việt Nam", "Vie\u{323}\u{302}t Nam"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
            ("ガス", "カ\u{3099}ス"),
            ("ガス", "ｶﾞｽ"),
            ("ACME 24", "ＡＣＭＥ　２４"),
            ("office", "o\u{fb03}ce"),
            ("ΐ", "\u{3b9}\u{308}\u{301}"),
            ("ᾳ", "\u{3b1}\u{345}"),
            ("й", "и\u{306}"),
        ] {
            assert_eq!(of(one), of(other), "{one}");
            assert_eq!(of(one), of(&other.to_uppercase()), "{one}");
            assert_eq!(of(&one.to_uppercase()), of(&other.to_lowercase()), "{one}");
        }
        assert_ne!(of("Zoë"), of("Zoe"), "an accent still counts");
        assert_eq!(of("q\u{303}uay"), ["quay"], "a mark does not cut a word");
    }

    proptest::proptest! {
        #[test]
        fn no_form_of_a_text_has_other_words(text: String) {
            let expected = words(&text);
            proptest::prop_assert_eq!(&words(&text.nfc().collect::<String>()), &expected);
            proptest::prop_assert_eq!(&words(&text.nfd().collect::<String>()), &expected);
            proptest::prop_assert_eq!(&words(&text.nfkd().collect::<String>()), &expected);
            for word in &expected {
                proptest::prop_assert_eq!(words(word).into_iter().collect::<Vec<_>>(), [word.clone()]);
            }
        }
    }

    #[test]
    fn a_word_that_begins_another_decides_nothing() {
        assert_eq!(deciding_words("har harbour ltd har"), ["harbour", "ltd"]);
        assert_eq!(deciding_words("a ab abc b"), ["abc", "b"]);
        assert_eq!(deciding_words("!!!"), Vec::<String>::new());
    }
}
