//! Lines of bounded length.

use std::io::{BufRead, Read as _};

use super::super::broken::Broken;
use super::MAX_READING_BYTES;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// The lines of an upload, one at a time.
pub(super) struct Lines<R> {
    input: R,
    /// The number of the line read last, from 1 on.
    pub(super) number: u64,
    /// That line, with its end.
    pub(super) text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) const fn new(input: R) -> Self {
        Self { input, number: 0, text: Vec::new() }
    }

    /// Reads the next line; false at the end of the input.
    pub(super) fn next(&mut self) -> Result<bool, Broken> {
        self.text.clear();
        self.further()
    }

    /// Reads the next line behind those in `text`; false at the end of the input.
    pub(super) fn further(&mut self) -> Result<bool, Broken> {
        let room = MAX_READING_BYTES - self.text.len();
        let number = self.number + 1;
        let most = u64::try_from(room).unwrap_or(0) + 1;
        let read = (&mut self.input).take(most).read_until(b'\n', &mut self.text);
        let read = read.map_err(|error| Broken::reading(number, &error))?;
        if read > room {
            return Err(Broken::form(
                number,
                format_args!("a reading is longer than {MAX_READING_BYTES} bytes"),
            ));
        }
        if read == 0 {
            return Ok(false);
        }
        if number == 1 && self.text.starts_with(BYTE_ORDER_MARK) {
            self.text.drain(..BYTE_ORDER_MARK.len());
        }
        self.number = number;
        Ok(true)
    }
}
