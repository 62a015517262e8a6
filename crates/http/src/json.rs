//! JSON bodies: tolerant where the wire is, strict where it is closed, and an error that names the field.

use app::{App, Error};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::caller::check_accept;
use crate::problem::Problem;
use crate::strict::Strict;

/// A request's body. Closed ones carry `#[serde(deny_unknown_fields)]`.
pub trait Body: DeserializeOwned {
    /// Members of a fetched object that a careless client sends back: taken out before the body is read.
    const READ_ONLY: &'static [&'static str] = &[];
    /// Whether no member is required, so that a missing body does.
    const MAY_BE_MISSING: bool = false;

    /// Makes of the members that were sent those that are read.
    fn sort_out(members: &mut Map<String, Value>) {
        for member in Self::READ_ONLY {
            members.remove(*member);
        }
    }
}

/// A JSON body, in; a JSON answer, out.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<T: Body> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let bytes = read(request, app).await?;
        decode(&bytes).map(Self).map_err(Problem::from)
    }
}

/// A body that nobody has looked at yet: for calls that look at their object first (reports-api, 5.2). With it comes the
/// check of `Accept`, whose place is the same.
#[derive(Debug)]
pub struct Unread {
    headers: HeaderMap,
    bytes: Bytes,
}

impl FromRequest<App> for Unread {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        Ok(Self { headers, bytes: read(request, app).await? })
    }
}

impl Unread {
    /// Reads it as JSON, as [`Json`] would have.
    pub fn decode<T: Body>(&self) -> Result<T, Problem> {
        check_accept(&self.headers)?;
        check_content_type(&self.headers)?;
        Ok(decode(&self.bytes)?)
    }
}

pub(crate) async fn read(request: Request, app: &App) -> Result<Bytes, Problem> {
    Bytes::from_request(request, app).await.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        _ => Error::invalid("body", "could not be read").into(),
    })
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"))], bytes)
                    .into_response()
            }
            Err(error) => Problem::from(Error::internal(error)).into_response(),
        }
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media = kind.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let is_json =
        media == "application/json" || media.starts_with("application/") && media.ends_with("+json");
    if is_json { Ok(()) } else { Err(Problem::UnsupportedMedia("Content-Type is not application/json")) }
}

/// Reads a body; the error names the member at fault as a dotted path.
pub fn decode<T: Body>(bytes: &[u8]) -> Result<T, Error> {
    let missing = bytes.iter().all(u8::is_ascii_whitespace);
    let bytes = if missing && T::MAY_BE_MISSING { b"{}" } else { bytes };
    if bytes.is_empty() {
        return Err(Error::invalid("body", "required"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: Value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let nowhere = [".", "?"].contains(&path.as_str());
        let field = if nowhere { "body".to_owned() } else { path };
        Error::invalid(field, format!("not JSON: {}", error.into_inner()))
    })?;
    deserializer.end().map_err(|error| Error::invalid("body", format!("not JSON: {error}")))?;
    let mut members = match value {
        Value::Object(members) => members,
        // What Go and PHP make of nothing.
        Value::Null if T::MAY_BE_MISSING => Map::new(),
        Value::Array(items) if items.is_empty() && T::MAY_BE_MISSING => Map::new(),
        _ => return Err(Error::invalid("body", "must be a JSON object")),
    };
    T::sort_out(&mut members);
    from_value(Value::Object(members))
}

/// Reads a value; the error names the member at fault as a dotted path.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        describe(path, &error.into_inner().to_string())
    })
}

/// Turns serde's words into ours: a field, and what is wrong with it.
fn describe(path: String, message: &str) -> Error {
    let named = |prefix: &str| {
        let name = message.strip_prefix(prefix)?.split('`').next()?;
        let is_last = path == name || path.ends_with(&format!(".{name}"));
        Some(if path.is_empty() || is_last { name_or(&path, name) } else { format!("{path}.{name}") })
    };
    if let Some(field) = named("unknown field `") {
        return Error::invalid(field, "unknown member");
    }
    if let Some(field) = named("missing field `") {
        return Error::invalid(field, "required");
    }
    let field = if path.is_empty() { "body".to_owned() } else { path };
    Error::invalid(field, in_words_of_json(message).unwrap_or_else(|| message.to_owned()))
}

/// What serde expected and what it found, in the words that JSON has for them.
fn in_words_of_json(message: &str) -> Option<String> {
    let (found, expected) = message.strip_prefix("invalid ")?.rsplit_once(", expected ")?;
    let expected = match expected {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" => "an integer",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "an object",
        other => other,
    };
    let (kind, found) = found.split_once(": ")?;
    let found = match found.split(' ').next()? {
        "string" | "character" => "a string",
        "integer" if kind == "value" => return Some(format!("must be {expected} within bounds")),
        "integer" => "an integer",
        "floating" => "a number with a fraction or an exponent",
        "boolean" => "true or false",
        "null" | "unit" | "Option" => "null",
        "sequence" => "an array",
        "map" => "an object",
        _ => return Some(format!("must be {expected}")),
    };
    Some(format!("must be {expected}, not {found}"))
}

fn name_or(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is tested")]
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is tested")]
        count: i64,
    }

    impl Body for Outer {
        const READ_ONLY: &'static [&'static str] = &["id"];
    }

    fn refusal(body: &str) -> String {
        decode::<Outer>(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_the_field_as_a_dotted_path() {
        assert_eq!(refusal(""), "body: required");
        assert_eq!(refusal("[]"), "body: must be a JSON object");
        assert_eq!(refusal(r#"{"inner":{}}"#), "inner.count: required");
        assert_eq!(refusal("{}"), "inner: required");
        assert_eq!(refusal(r#"{"inner":[1]}"#), "inner: must be an object");
        assert_eq!(refusal(r#"{"inner":7}"#), "inner: must be an object");
        assert_eq!(refusal(r#"{"inner":{"count":1},"surprise":1}"#), "surprise: unknown member");
        let of_count = |count: &str| refusal(&format!(r#"{{"inner":{{"count":{count}}}}}"#));
        assert_eq!(of_count(r#""x, expected y""#), "inner.count: must be an integer, not a string");
        assert_eq!(of_count("null"), "inner.count: must be an integer, not null");
        assert_eq!(of_count("[]"), "inner.count: must be an integer, not an array");
        assert_eq!(of_count("{}"), "inner.count: must be an integer, not an object");
        assert_eq!(
            of_count("1.5"),
            "inner.count: must be an integer, not a number with a fraction or an exponent"
        );
        assert_eq!(of_count("9223372036854775808"), "inner.count: must be an integer within bounds");
        assert!(refusal("{").starts_with("body: not JSON"));
        assert!(refusal(r#"{"inner":{"count":}}"#).contains("not JSON"));
        assert!(refusal(r#"{"inner":{"count":1}} x"#).contains("not JSON"));
        assert!(decode::<Outer>(br#"{"id":"x","inner":{"count":1}}"#).is_ok());
    }
}
