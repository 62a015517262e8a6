//! A JSON array of readings, or an object that holds one: read element by element, never as a whole.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::super::broken::Broken;
use super::member::{Raw, shortened};
use super::{MAX_READING_BYTES, Take};

pub(super) fn read(input: impl BufRead, take: &mut impl Take) -> Result<Option<String>, Broken> {
    let left = Rc::new(Cell::new(MAX_READING_BYTES));
    let bounded = Bounded { input, left: Rc::clone(&left) };
    let mut document = Document { take, left, line: 1, refused: None };
    let mut deserializer = serde_json::Deserializer::from_reader(bounded);
    let read = deserializer.deserialize_any(&mut document);
    let read = read.and_then(|reason| deserializer.end().map(|()| reason));
    let Document { line, refused, .. } = document;
    match (read, refused) {
        (_, Some(refused)) => Err(refused),
        (Ok(reason), None) => Ok(reason),
        (Err(error), None) if error.is_io() => Err(Broken::reading(line, &io::Error::from(error))),
        (Err(error), None) => Err(Broken::form(line, format_args!("not readings in JSON: {error}"))),
    }
}

/// A reader that fails where too much comes between two readings.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<usize>>,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read);
        self.left.set(left.ok_or_else(|| {
            io::Error::other(format!("a reading is longer than {MAX_READING_BYTES} bytes"))
        })?);
        Ok(read)
    }
}

struct Document<'a, T> {
    take: &'a mut T,
    left: Rc<Cell<usize>>,
    /// The place of the next reading.
    line: u64,
    refused: Option<Broken>,
}

impl<'de, T: Take> Visitor<'de> for &mut Document<'_, T> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of readings, or an object with the member readings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, readings: A) -> Result<Option<String>, A::Error> {
        Readings(self).visit_seq(readings).map(|()| None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Option<String>, A::Error> {
        let (mut reason, mut has_readings) = (None, false);
        while let Some(member) = members.next_key::<String>()? {
            match member.as_str() {
                "readings" if has_readings => return Err(A::Error::duplicate_field("readings")),
                "readings" => {
                    members.next_value_seed(Readings(&mut *self))?;
                    has_readings = true;
                }
                "reason" => reason = members.next_value()?,
                other => {
                    return Err(A::Error::custom(format_args!("unknown member {:?}", shortened(other))));
                }
            }
        }
        if has_readings { Ok(reason) } else { Err(A::Error::missing_field("readings")) }
    }
}

struct Readings<'a, 'b, T>(&'a mut Document<'b, T>);

impl<'de, T: Take> DeserializeSeed<'de> for Readings<'_, '_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Take> Visitor<'de> for Readings<'_, '_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of readings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut readings: A) -> Result<(), A::Error> {
        let Self(document) = self;
        while let Some(raw) = readings.next_element::<Raw>()? {
            if let Err(broken) = (document.take)(document.line, raw.checked()) {
                document.refused = Some(broken);
                return Err(A::Error::custom("refused"));
            }
            document.line += 1;
            document.left.set(MAX_READING_BYTES);
        }
        Ok(())
    }
}
