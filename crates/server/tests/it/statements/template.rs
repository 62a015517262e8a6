//! Texts with holes: those of `format!`, and statements whose number of placeholders varies.

/// Stands for rows of values, as many wide as the list of columns before them is long.
pub(super) const ROWS: &str = "<rows>";

/// A piece of a template.
pub(super) enum Piece {
    Text(String),
    /// The hole of this number.
    Hole(usize),
}

/// The pieces of a template of `format!` and the names of its holes, empty where they have none. A hole of the same name is
/// the same hole. The number of a placeholder is no hole: it is `?`, whichever is next.
pub(super) fn pieces(template: &str) -> (Vec<Piece>, Vec<String>) {
    let (mut pieces, mut holes, mut text) = (Vec::new(), Vec::<String>::new(), String::new());
    let mut rest = template.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '{' | '}' if rest.peek() == Some(&next) => text.extend(rest.next()),
            '{' => {
                let name: String = rest.by_ref().take_while(|end| *end != '}').collect();
                if text.ends_with('$') {
                    text.push('?');
                    continue;
                }
                let known = holes.iter().position(|hole| *hole == name && !name.is_empty());
                let at = known.unwrap_or_else(|| {
                    holes.push(name);
                    holes.len() - 1
                });
                pieces.extend([Piece::Text(std::mem::take(&mut text)), Piece::Hole(at)]);
            }
            other => text.push(other),
        }
    }
    pieces.push(Piece::Text(text));
    (pieces, holes)
}

/// A template with these texts in its holes.
pub(super) fn rendered(pieces: &[Piece], holes: &[String]) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Hole(at) => holes[*at].clone(),
    };
    pieces.iter().map(piece).collect()
}

/// Every choice of one alternative from each list.
pub(super) fn products(lists: &[Vec<String>]) -> Vec<Vec<String>> {
    lists.iter().fold(vec![Vec::new()], |choices, list| {
        let longer = |choice: &Vec<String>| {
            let choice = choice.clone();
            list.iter().map(move |one| [choice.clone(), vec![one.clone()]].concat())
        };
        choices.iter().flat_map(longer).collect()
    })
}

/// A statement with two rows where rows stand, and with numbers for the placeholders `$?`, from the highest on.
pub(super) fn numbered(statement: &str) -> String {
    let statement = match statement.split_once(ROWS) {
        None => statement.to_owned(),
        Some((before, behind)) => {
            let columns = before.rsplit_once(')').and_then(|(list, _)| list.rsplit_once('('));
            let columns = columns.map_or("", |(_, columns)| columns);
            let row = format!("({})", vec!["$?"; columns.split(',').count()].join(", "));
            format!("{before}{row}, {row}{behind}")
        }
    };
    let first = highest(&statement) + 1;
    let parts = statement.split("$?").enumerate();
    parts
        .map(|(at, part)| if at == 0 { part.to_owned() } else { format!("${}{part}", first + at - 1) })
        .collect()
}

/// The highest number of a placeholder.
fn highest(statement: &str) -> usize {
    let number = |part: &str| part.split(|end: char| !end.is_ascii_digit()).next()?.parse().ok();
    statement.split('$').skip(1).filter_map(number).max().unwrap_or(0)
}
