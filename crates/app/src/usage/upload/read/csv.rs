//! RFC 4180: a header that names the members in any order, then a reading a record. Empty cells are absent.

use std::io::BufRead;

use csv_core::{ReadRecordResult, Reader};

use super::super::broken::Broken;
use super::lines::Lines;
use super::member::{Cell, MEMBERS, Raw, shortened};
use super::{MAX_READING_BYTES, Take};

pub(super) fn read(input: impl BufRead, take: &mut impl Take) -> Result<(), Broken> {
    let mut records = Records::new(input);
    let Some(line) = records.next()? else { return Err(Broken::form(1, "a header is required")) };
    let columns = records.cells(line)?.map(column).collect::<Result<Vec<usize>, String>>();
    let columns = columns.map_err(|why| Broken::form(line, why))?;
    if let Some(twice) = columns
        .iter()
        .enumerate()
        .find(|(at, column)| columns.iter().take(*at).any(|before| before == *column))
    {
        let name = MEMBERS.get(*twice.1).copied().unwrap_or_default();
        return Err(Broken::form(line, format_args!("the header names {name} twice")));
    }
    while let Some(line) = records.next()? {
        let mut raw = Raw::default();
        let mut cells = records.cells(line)?;
        for column in &columns {
            let cell = cells.next().ok_or_else(|| other_width(line))?;
            if !cell.is_empty() {
                raw.set(*column, typed(*column, cell));
            }
        }
        if cells.next().is_some() {
            return Err(other_width(line));
        }
        take(line, raw.checked())?;
    }
    Ok(())
}

fn other_width(line: u64) -> Broken {
    Broken::form(line, "has another number of cells than the header")
}

/// The place of a member in [`MEMBERS`].
fn column(name: &str) -> Result<usize, String> {
    let place = MEMBERS.iter().position(|member| *member == name.trim());
    place.ok_or_else(|| format!("the header names the unknown member {:?}", shortened(name)))
}

/// A cell as the value that its member has in JSON; where it is none of that type, as the text it is.
fn typed(column: usize, cell: &str) -> Cell {
    let is_number = cell.strip_prefix('-').unwrap_or(cell).bytes().all(|byte| byte.is_ascii_digit());
    match MEMBERS.get(column) {
        Some(&"value") if is_number => cell.parse().map_or(Cell::Other, Cell::Int),
        Some(&"retract") => cell.parse().map_or(Cell::Other, Cell::Bool),
        _ => Cell::Text(cell.to_owned()),
    }
}

/// The records of an upload. A record is over with the line in which its quotes are even: a quote within quotes is
/// doubled.
struct Records<R> {
    lines: Lines<R>,
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: BufRead> Records<R> {
    fn new(input: R) -> Self {
        // A cell takes a comma at least, but for the last one.
        Self {
            lines: Lines::new(input),
            reader: Reader::new(),
            text: vec![0; MAX_READING_BYTES],
            ends: vec![0; MEMBERS.len() + 1],
        }
    }

    /// Takes the next record that is not blank; gives the line it begins in.
    fn next(&mut self) -> Result<Option<u64>, Broken> {
        while self.lines.next()? {
            let begin = self.lines.number;
            let mut looked_at = 0;
            let mut in_quotes = false;
            loop {
                let new = self.lines.text.get(looked_at..).unwrap_or_default();
                in_quotes ^= new.iter().fold(false, |odd, byte| odd ^ (*byte == b'"'));
                looked_at = self.lines.text.len();
                if !in_quotes {
                    break;
                }
                if !self.lines.further()? {
                    return Err(Broken::form(begin, "a quote is not closed"));
                }
            }
            if !self.lines.text.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                return Ok(Some(begin));
            }
        }
        Ok(None)
    }

    /// The cells of the record taken last.
    fn cells(&mut self, line: u64) -> Result<impl Iterator<Item = &str>, Broken> {
        self.reader.reset();
        let mut input = self.lines.text.as_slice();
        while let [rest @ .., b'\r' | b'\n'] = input {
            input = rest;
        }
        let (mut result, read, mut written, mut ended) =
            self.reader.read_record(input, &mut self.text, &mut self.ends);
        // The end of the input, which ends a record that no line end has ended.
        if matches!(result, ReadRecordResult::InputEmpty) && read == input.len() {
            let (text, ends) = (self.text.get_mut(written..), self.ends.get_mut(ended..));
            let (Some(text), Some(ends)) = (text, ends) else { return Err(other_width(line)) };
            let (last, _, more, further) = self.reader.read_record(&[], text, ends);
            (result, written, ended) = (last, written + more, ended + further);
        }
        if !matches!(result, ReadRecordResult::Record) {
            return Err(other_width(line));
        }
        let text = self.text.get(..written).unwrap_or_default();
        let text = str::from_utf8(text).map_err(|error| Broken::form(line, error))?;
        let ends = self.ends.get(..ended).unwrap_or_default();
        let begins = std::iter::once(0).chain(ends.iter().copied());
        Ok(begins.zip(ends).map(|(begin, end)| text.get(begin..*end).unwrap_or_default()))
    }
}
