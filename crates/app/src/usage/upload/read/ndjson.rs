//! One JSON object a line. Blank lines are skipped, and counted.

use std::io::BufRead;

use super::super::broken::Broken;
use super::Take;
use super::lines::Lines;
use super::member::Raw;

pub(super) fn read(input: impl BufRead, take: &mut impl Take) -> Result<(), Broken> {
    let mut lines = Lines::new(input);
    while lines.next()? {
        if lines.text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let raw: Raw = serde_json::from_slice(&lines.text)
            .map_err(|error| Broken::form(lines.number, format_args!("not JSON: {error}")))?;
        take(lines.number, raw.checked())?;
    }
    Ok(())
}
