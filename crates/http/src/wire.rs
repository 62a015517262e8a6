//! Small shapes that many bodies share.

use std::fmt::Display;
use std::str::FromStr;

use domain::tenant::Language;
use domain::time::Instant;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::json::Body;

/// `{"items":[..]}`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Items<T: ToSchema> {
    /// The list.
    pub items: Vec<T>,
}

/// A body in which nothing is asked for: missing, `{}`, or with members that do not matter (wire-conventions, section 10).
#[derive(Debug, Deserialize, ToSchema)]
pub struct Nothing {}

impl Body for Nothing {
    const MAY_BE_MISSING: bool = true;
}

/// A boolean that may come as the string `"true"` or `"false"` (wire-conventions, section 10).
pub fn lax_bool<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be true or false")]
    enum Lax {
        Bool(bool),
        Text(String),
    }
    match Lax::deserialize(deserializer)? {
        Lax::Bool(value) => Ok(value),
        Lax::Text(text) => text.parse().map_err(|_| serde::de::Error::custom("must be true or false")),
    }
}

/// As [`lax_bool`]; null counts as absent.
pub fn lax_bool_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    struct Wrap(#[serde(deserialize_with = "lax_bool")] bool);
    Ok(Option::<Wrap>::deserialize(deserializer)?.map(|wrap| wrap.0))
}

/// An integer that may come as decimal digits in a string (versions; wire-conventions, section 10).
pub fn lax_int<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "must be an integer")]
    enum Lax {
        Int(i64),
        Text(String),
    }
    match Lax::deserialize(deserializer)? {
        Lax::Int(value) => Ok(value),
        Lax::Text(text) => digits(&text).ok_or_else(|| serde::de::Error::custom("must be an integer")),
    }
}

/// An integer in decimal digits, without a plus sign; a negative one is an integer too, though never a current version.
pub fn digits(text: &str) -> Option<i64> {
    text.parse().ok().filter(|_| !text.starts_with('+'))
}

/// As [`lax_int`]; null counts as absent.
pub fn lax_int_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Wrap(#[serde(deserialize_with = "lax_int")] i64);
    Ok(Option::<Wrap>::deserialize(deserializer)?.map(|wrap| wrap.0))
}

/// A language code of accounts-api 1.14; null counts as absent.
pub fn language_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Language>, D::Error> {
    let code = Option::<String>::deserialize(deserializer)?;
    let language =
        |code: String| Language::from_code(&code).ok_or_else(|| serde::de::Error::custom("no such language"));
    code.map(language).transpose()
}

/// A UUID of 36 characters; null counts as absent.
pub fn uuid_option<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<uuid::Uuid>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| domain::ids::parse_uuid(&text).map_err(serde::de::Error::custom)).transpose()
}

/// An id that may be missing; null and an empty text, such as Go writes for a member it has no value of, count as absent.
pub fn id_option<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// A free object; null counts as absent, and an empty array is what PHP makes of an empty object.
pub fn object_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::Object(members) => Ok(Some(members)),
        Value::Array(items) if items.is_empty() => Ok(Some(Map::new())),
        _ => Err(serde::de::Error::custom("must be an object")),
    }
}

/// A nullable member of a change: use with `#[serde(default)]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not sent: stays as it is.
    #[default]
    Absent,
    /// Sent as null: cleared.
    Clear,
    /// Sent.
    Set(T),
}

impl<T> Patch<T> {
    /// As an option of an option: the outer one says whether anything was sent.
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// A time in the form `2026-05-08T10:58:53Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, example = "2026-05-08T10:58:53Z")]
pub struct Zulu(pub Instant);

impl Serialize for Zulu {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.with_z())
    }
}

impl<'de> Deserialize<'de> for Zulu {
    /// With `Z`, with an offset, or without zone (wire-conventions, section 6).
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

impl From<Instant> for Zulu {
    fn from(at: Instant) -> Self {
        Self(at)
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn an_integer_in_a_string_is_digits_alone() {
        assert_eq!(digits("1778237953000"), Some(1_778_237_953_000));
        for refused in ["", "+5", " 1", "1.0", "0x1", "9223372036854775808"] {
            assert_eq!(digits(refused), None, "{refused}");
        }
    }
}
