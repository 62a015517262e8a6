//! Colours, which go into style sheets: nothing else may.

use std::fmt;
use std::str::FromStr;

/// A colour, printed as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

/// The text is no colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a colour such as #0b5a6b or #fff")]
pub struct BadColor;

/// The darkest 46 % of greys: text in such a colour can be read on white (4.5 to 1 for a grey, WCAG 1.4.3).
const DARK_UP_TO: u32 = 118;

impl Color {
    /// Whether text of this colour can be read on white. Weights of red, green and blue as of ITU-R BT.601.
    pub const fn is_dark(self) -> bool {
        let [red, green, blue] = self.0;
        (299 * red as u32 + 587 * green as u32 + 114 * blue as u32) / 1000 <= DARK_UP_TO
    }
}

impl FromStr for Color {
    type Err = BadColor;

    fn from_str(text: &str) -> Result<Self, BadColor> {
        let digits = text.strip_prefix('#').ok_or(BadColor)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(BadColor);
        }
        let long = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            6 => digits.to_owned(),
            _ => return Err(BadColor),
        };
        let value = u32::from_str_radix(&long, 16).map_err(|_| BadColor)?;
        let [_, red, green, blue] = value.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_three_or_six_digits_and_nothing_else() {
        assert_eq!("#0B5a6b".parse::<Color>().unwrap().to_string(), "#0b5a6b");
        assert_eq!("#f80".parse::<Color>().unwrap().to_string(), "#ff8800");
        for text in ["", "#", "red", "#12", "#12345", "#1234567", "#12345g", "#+12345", "#fff;}", "#ff f"] {
            assert_eq!(text.parse::<Color>(), Err(BadColor), "{text}");
        }
    }

    #[test]
    fn light_colours_are_no_ink() {
        for (text, is_dark) in
            [("#000", true), ("#767676", true), ("#777", false), ("#ff0", false), ("#c00", true)]
        {
            assert_eq!(text.parse::<Color>().unwrap().is_dark(), is_dark, "{text}");
        }
    }
}
