//! The reviewed file: what needs which line.

use super::rows::{Difference, Line};

/// `rules.txt`, line by line.
pub(super) struct Rules(Vec<Rule>);

struct Rule {
    /// `table`, `table.column`, `*.column` or `METHOD path`.
    subject: &'static str,
    /// The words that lines must have; none: no line is needed.
    words: Vec<&'static str>,
}

impl Rules {
    pub(super) fn read() -> Self {
        let lines =
            include_str!("rules.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let rule = |line: &'static str| {
            let (subject, rest) = line.split_once("  ").unwrap_or_else(|| panic!("no rule: {line}"));
            let (words, why) = rest.trim().split_once(' ').unwrap_or((rest.trim(), ""));
            assert!(words != "-" || !why.trim().is_empty(), "no reason is given: {line}");
            Rule { subject, words: words.split(',').filter(|word| *word != "-").collect() }
        };
        Self(lines.map(rule).collect())
    }

    /// The operations that are not called.
    pub(super) fn operations(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|rule| rule.subject).filter(|subject| subject.contains(" /"))
    }

    fn words(&self, subject: &str) -> Option<&[&'static str]> {
        self.0.iter().find(|rule| rule.subject == subject).map(|rule| rule.words.as_slice())
    }

    /// What a difference lacks; `None` where it has its line or needs none.
    pub(super) fn lacks(&self, it: &Difference, lines: &[Line]) -> Option<String> {
        let Some(objects) = self.words(&it.table) else {
            return Some(format!("the table {} is not in rules.txt", it.table));
        };
        let about = |line: &&Line| {
            let its_own = it
                .id
                .as_ref()
                .is_none_or(|id| objects != [it.table.trim_end_matches('s')] || *id == line.object_id);
            (objects.is_empty() || objects.contains(&line.object.as_str())) && its_own
        };
        let mut about = lines.iter().filter(about);
        let Some(column) = &it.column else {
            let has = objects.is_empty() || about.next().is_some();
            return (!has).then(|| format!("a row of {} came or went, without a line about it", it.table));
        };
        let names =
            self.words(&format!("{}.{column}", it.table)).or_else(|| self.words(&format!("*.{column}")));
        let own = [column.as_str()];
        let names = match names {
            None if objects.is_empty() => return None,
            None => &own[..],
            Some([]) => return None,
            Some(names) => names,
        };
        let has = about.any(|line| names.iter().any(|name| bears(&line.field, name)));
        (!has).then(|| format!("{}.{column} changed, without a line for {}", it.table, names.join(" or ")))
    }
}

/// `contact.email` bears the name `email`, and `delivery/…` the name `delivery/*`.
fn bears(field: &str, name: &str) -> bool {
    let last = field.rsplit('.').next().unwrap_or(field);
    name.strip_suffix('*').map_or(last == name || field == name, |prefix| field.starts_with(prefix))
}
