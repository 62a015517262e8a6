//! The values that statements take.

use domain::ids::{InfraNo, ItemNo, RangeNo, Seq, TenantNo};
use domain::time::{Day, Instant};

/// A value given to a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A number, an instant, a day or a truth value.
    Int(Option<i64>),
    /// A text, an id or a word.
    Text(Option<String>),
    /// Bytes.
    Blob(Option<Vec<u8>>),
}

macro_rules! arg_from {
    ($($type:ty, $variant:ident, $value:ident => $to:expr;)*) => {$(
        impl From<$type> for Arg {
            fn from($value: $type) -> Self {
                Self::$variant(Some($to))
            }
        }
        impl From<Option<$type>> for Arg {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::$variant(None), Self::from)
            }
        }
    )*};
}

arg_from! {
    i64, Int, value => value;
    bool, Int, value => i64::from(value);
    Instant, Int, value => value.0;
    Day, Int, value => i64::from(value.0);
    TenantNo, Int, value => value.0;
    RangeNo, Int, value => value.0;
    ItemNo, Int, value => value.0;
    InfraNo, Int, value => value.0;
    Seq, Int, value => value.0;
    &str, Text, value => value.to_owned();
    String, Text, value => value;
    Vec<u8>, Blob, value => value;
    uuid::Uuid, Text, value => value.hyphenated().to_string();
    domain::ids::TenantId, Text, value => value.to_string();
    domain::ids::UserId, Text, value => value.to_string();
    domain::ids::ClientId, Text, value => value.to_string();
    domain::ids::ApplicationId, Text, value => value.to_string();
    domain::ids::LocationId, Text, value => value.to_string();
    domain::ids::InfraId, Text, value => value.to_string();
    domain::ids::ReportId, Text, value => value.to_string();
    domain::ids::RunId, Text, value => value.to_string();
    domain::ids::ArtefactId, Text, value => value.to_string();
    domain::ids::ContentId, Text, value => value.to_string();
    domain::ids::DeliveryId, Text, value => value.to_string();
    domain::ids::NodeId, Text, value => value.to_string();
    domain::ids::PolicyId, Text, value => value.to_string();
    domain::ids::ContactId, Text, value => value.to_string();
}

/// The arguments of a statement, in the order of `$1`, `$2`, ...
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::Arg::from($value)),*] };
}

/// A comma-separated list of words, for a column that [`crate::Row::parsed_list`] reads.
pub(crate) fn list<T: ToString>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
