//! The path and the query of a request.

use std::str::FromStr;

use app::{App, Error};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use domain::ids::Seq;
use domain::time::{BadTime, Instant};

use crate::problem::Problem;

/// The query's parameters; of repeated ones the first counts, unknown ones are ignored (wire-conventions, section 1)
/// but where [`Params::only`] is asked.
#[derive(Debug, Clone, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query.
    pub fn of(query: Option<&str>) -> Self {
        Self(query.and_then(|query| serde_urlencoded::from_str(query).ok()).unwrap_or_default())
    }

    /// The value as sent, which may be empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Fails at a parameter that is neither one of these nor the token, which every route takes: on Tidemark's own
    /// routes a slip of the pen must not pass for a default.
    pub fn only(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.0.iter().find(|(key, _)| key != "access_token" && !known.contains(&key.as_str()));
        unknown.map_or(Ok(()), |(key, _)| Err(Error::invalid(key.clone(), "unknown parameter")))
    }

    /// `true`, `false`, `1`, `0`, the words in any case, as Python and C# write them with a capital; absent is `None`.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        match self.get(name) {
            None | Some("") => Ok(None),
            Some("1") => Ok(Some(true)),
            Some("0") => Ok(Some(false)),
            Some(word) if word.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(word) if word.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Error::invalid(name, "must be true or false")),
        }
    }

    /// A value with a text form, such as a UUID or a word; absent or empty is `None`.
    pub fn parsed<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<Option<T>, Error> {
        let value = self.get(name).filter(|value| !value.is_empty());
        value
            .map(|value| value.parse().map_err(|error: T::Err| Error::invalid(name, error.to_string())))
            .transpose()
    }

    /// A comma-separated list; `None` when the parameter is absent, empty when it has no value. Commas alone are a value that
    /// nothing has: a filter made of them must not pass for none.
    pub fn list<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<Option<Vec<T>>, Error> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let parts = value.split(',').map(str::trim).filter(|part| !part.is_empty());
        let mut parts: Vec<&str> = parts.collect();
        if parts.is_empty() && !value.is_empty() {
            parts.push(value);
        }
        let parsed = parts.into_iter().map(str::parse);
        let parsed = parsed.map(|part| part.map_err(|error: T::Err| Error::invalid(name, error.to_string())));
        parsed.collect::<Result<_, _>>().map(Some)
    }

    /// As [`Params::list`], of at most as many values as ids are taken at once.
    pub fn few<T: FromStr<Err: ToString>>(&self, name: &'static str) -> Result<Option<Vec<T>>, Error> {
        let values = self.list(name)?;
        if let Some(values) = &values {
            app::lists::check_count(name, values, app::lists::MOST_IDS)?;
        }
        Ok(values)
    }

    /// How many objects a page of one of Tidemark's own lists may have: 100 where nothing is said, 1,000 at most.
    pub fn limit(&self) -> Result<i64, Error> {
        let text = self.get("limit").filter(|text| !text.is_empty());
        let limit = text.map_or(Some(100), crate::wire::digits).filter(|limit| (1..=1000).contains(limit));
        limit.ok_or_else(|| Error::invalid("limit", "must be an integer from 1 to 1000"))
    }

    /// A required version.
    pub fn version(&self) -> Result<i64, Error> {
        let version = self.get("version").and_then(crate::wire::digits);
        version.ok_or_else(|| Error::invalid("version", "must be an integer"))
    }

    /// An acceptance number; absent or empty is `None`.
    pub fn seq(&self, name: &'static str) -> Result<Option<Seq>, Error> {
        let text = self.get(name).filter(|text| !text.is_empty());
        let number =
            |text| crate::wire::digits(text).ok_or_else(|| Error::invalid(name, "must be an integer"));
        Ok(text.map(number).transpose()?.map(Seq))
    }

    /// A time in one of the accepted forms. A plus sign that was sent as it is comes as a space, which no time has.
    pub fn instant(&self, name: &'static str) -> Result<Option<Instant>, Error> {
        let value = self.get(name).filter(|value| !value.is_empty()).map(|value| value.replace(' ', "+"));
        let read =
            |value: String| value.parse().map_err(|error: BadTime| Error::invalid(name, error.to_string()));
        value.map(read).transpose()
    }
}

impl<S: Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts.uri.query()))
    }
}

/// The only id in the path; a malformed one is answered 404 (wire-conventions, section 1).
#[derive(Debug, Clone, Copy)]
pub struct PathId<T>(pub T);

impl<T: FromStr> FromRequestParts<App> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = path(parts, app).await?;
        Ok(Self(nth(&params, 0)?))
    }
}

/// Two values in the path, in its order; a malformed one is answered 404.
#[derive(Debug, Clone, Copy)]
pub struct PathIds<A, B>(pub A, pub B);

impl<A: FromStr, B: FromStr> FromRequestParts<App> for PathIds<A, B> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let params = path(parts, app).await?;
        Ok(Self(nth(&params, 0)?, nth(&params, 1)?))
    }
}

/// The values of the path's parameters, in its order.
pub async fn path(parts: &mut Parts, app: &App) -> Result<Vec<String>, Problem> {
    let params = RawPathParams::from_request_parts(parts, app).await.map_err(|_| not_found())?;
    Ok(params.iter().map(|(_, value)| value.to_owned()).collect())
}

fn nth<T: FromStr>(params: &[String], at: usize) -> Result<T, Problem> {
    params.get(at).and_then(|value| value.parse().ok()).ok_or_else(not_found)
}

fn not_found() -> Problem {
    Error::NotFound { what: "object" }.into()
}
