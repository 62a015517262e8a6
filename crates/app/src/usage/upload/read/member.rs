//! The members of a reading, whatever form they came in, and what they must be.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use domain::catalogue::{Catalogue, Item};
use domain::ids::{InfraId, TenantId};
use domain::time::Day;
use domain::usage::{BadReading, Reading};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

const MAX_KEY_CHARS: usize = 256;

/// The members of a reading.
pub(super) const MEMBERS: [&str; 7] =
    ["tenant_id", "offering_item", "infra_id", "date", "value", "retract", "key"];
const TENANT: usize = 0;
const ITEM: usize = 1;
const INFRA: usize = 2;
const DATE: usize = 3;
const VALUE: usize = 4;
const RETRACT: usize = 5;
const KEY: usize = 6;

/// A reading as it was sent, its form checked.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Whose.
    pub tenant: TenantId,
    /// Of which item.
    pub item: &'static Item,
    /// On which storage.
    pub infra: Option<InfraId>,
    /// For which day; `None`: the day on which it is accepted.
    pub day: Option<Day>,
    /// The value; `None`: the reading of the day is taken back.
    pub value: Option<Reading>,
    /// The sender's own key, 1 to 256 characters.
    pub key: Option<String>,
}

/// What is wrong with a single reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The member at fault; empty where it is the reading itself.
    pub field: Cow<'static, str>,
    /// What is wrong with it.
    pub error: Cow<'static, str>,
}

impl Flaw {
    /// A member, and what is wrong with it.
    pub fn new(field: impl Into<Cow<'static, str>>, error: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), error: error.into() }
    }
}

/// The value of a member: as much of JSON as some member may be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Int(i64),
    Bool(bool),
    Text(String),
    Other,
}

/// A reading before anything is said about its members. Those that are null are absent.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    cells: [Option<Cell>; MEMBERS.len()],
    flaw: Option<Flaw>,
}

impl Raw {
    /// Sets the member with this place in [`MEMBERS`].
    pub(super) fn set(&mut self, at: usize, cell: Cell) {
        if let Some(slot) = self.cells.get_mut(at) {
            *slot = Some(cell);
        }
    }

    /// Checks what can be told from the reading alone.
    pub(super) fn checked(mut self) -> Result<Sent, Flaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let retract = match self.take(RETRACT) {
            None => false,
            Some(Cell::Bool(retract)) => retract,
            Some(_) => return Err(wrong(RETRACT, "must be true or false")),
        };
        let value = match self.take(VALUE) {
            None => None,
            Some(Cell::Int(value)) => Some(Reading::new(value).map_err(|bad| wrong(VALUE, bad.to_string()))?),
            Some(_) => return Err(wrong(VALUE, BadReading.to_string())),
        };
        match (value, retract) {
            (Some(_), true) => return Err(wrong(RETRACT, "does not go with a value")),
            (None, false) => return Err(wrong(VALUE, "required, unless retract is true")),
            _ => {}
        }
        let name = self.text(ITEM)?.ok_or_else(|| wrong(ITEM, "required"))?;
        Ok(Sent {
            tenant: self.parsed(TENANT)?.ok_or_else(|| wrong(TENANT, "required"))?,
            item: Catalogue::embedded().item(&name).ok_or_else(|| wrong(ITEM, "there is no such item"))?,
            infra: self.parsed(INFRA)?,
            day: self.parsed::<Day>(DATE)?,
            value,
            key: self.text(KEY)?.map(checked_key).transpose()?,
        })
    }

    fn take(&mut self, at: usize) -> Option<Cell> {
        self.cells.get_mut(at).and_then(Option::take)
    }

    fn text(&mut self, at: usize) -> Result<Option<String>, Flaw> {
        match self.take(at) {
            None => Ok(None),
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(at, "must be a string")),
        }
    }

    fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, at: usize) -> Result<Option<T>, Flaw> {
        let read = |text: String| text.parse().map_err(|error: T::Err| wrong(at, error.to_string()));
        self.text(at)?.map(read).transpose()
    }
}

fn wrong(at: usize, error: impl Into<Cow<'static, str>>) -> Flaw {
    Flaw::new(MEMBERS.get(at).copied().unwrap_or_default(), error)
}

fn checked_key(key: String) -> Result<String, Flaw> {
    if (1..=MAX_KEY_CHARS).contains(&key.chars().count()) {
        Ok(key)
    } else {
        Err(wrong(KEY, "must have 1 to 256 characters"))
    }
}

impl<'de> Deserialize<'de> for Raw {
    /// Takes any JSON value: what is wrong with it is that reading's flaw alone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

macro_rules! refuse_all_but_objects {
    ($($visit:ident($type:ty))*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Raw, E> {
            Ok(no_object())
        }
    )*};
}

fn no_object() -> Raw {
    Raw { flaw: Some(Flaw::new("", "must be an object")), ..Raw::default() }
}

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reading")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Raw, A::Error> {
        let mut raw = Raw::default();
        let mut seen = [false; MEMBERS.len()];
        while let Some(name) = members.next_key::<Name>()? {
            let at = match name {
                Name::Known(at) => at,
                Name::Unknown(name) => {
                    members.next_value::<IgnoredAny>()?;
                    raw.flaw.get_or_insert_with(|| Flaw::new(name, "unknown member"));
                    continue;
                }
            };
            if let Some(cell) = members.next_value::<Option<Cell>>()? {
                raw.set(at, cell);
            }
            if seen.get_mut(at).is_some_and(|seen| std::mem::replace(seen, true)) {
                raw.flaw.get_or_insert_with(|| wrong(at, "given twice"));
            }
        }
        Ok(raw)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(no_object())
    }

    refuse_all_but_objects! { visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str) }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(no_object())
    }
}

/// The name of a member.
enum Name {
    /// By its place in [`MEMBERS`].
    Known(usize),
    Unknown(String),
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        let known = MEMBERS.iter().position(|member| *member == name);
        Ok(known.map_or_else(|| Name::Unknown(shortened(name)), Name::Known))
    }
}

/// A name that somebody made up, so that an answer cannot be blown up by it.
pub(super) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CellVisitor)
    }
}

struct CellVisitor;

impl<'de> Visitor<'de> for CellVisitor {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(i64::try_from(value).map_or(Cell::Other, Cell::Int))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Cell, E> {
        Ok(Cell::Other)
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(Cell::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Cell, E> {
        Ok(Cell::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Cell, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Cell::Other)
    }
}
