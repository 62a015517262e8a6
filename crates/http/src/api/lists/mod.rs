//! Batch lists with cursors (accounts-api, 2.2; wire-conventions, 9).

mod applications;
mod offering_items;
mod tenants;
mod users;

use app::lists::{Ask, Common, Lod};
use app::{App, Error};
use serde::Serialize;
use std::str::FromStr;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::params::Params;

/// The routes of this noun.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tenants::list))
        .routes(routes!(users::list))
        .routes(routes!(offering_items::list))
        .routes(routes!(applications::list))
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
struct Page<T: ToSchema> {
    /// The moment of the first page, UTC: the `updated_since` of the next time.
    #[schema(example = "2026-05-08T10:58:53Z")]
    timestamp: String,
    items: Vec<T>,
    paging: Paging,
}

/// Where the list goes on.
#[derive(Debug, Serialize, ToSchema)]
struct Paging {
    cursors: Cursors,
}

/// `{}` on the last page.
#[derive(Debug, Serialize, ToSchema)]
struct Cursors {
    /// The `after` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Paging {
    const fn to(after: Option<String>) -> Self {
        Self { cursors: Cursors { after } }
    }
}

/// Defines what a list shows of an object by its level of detail: one of several shapes.
macro_rules! shapes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident($shape:ty),)* }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Serialize)]
        #[serde(untagged)]
        pub(super) enum $name { $($variant(Box<$shape>),)* }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                utoipa::openapi::schema::AnyOfBuilder::new()
                    $(.item(utoipa::openapi::Ref::from_schema_name(<$shape as utoipa::ToSchema>::name())))*
                    .into()
            }
        }

        // The shapes of less detail are parts of the others, so that `oneOf`, which a derived schema has, would not hold.
        impl utoipa::ToSchema for $name {
            fn schemas(
                schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>,
            ) {
                $(
                    schemas.push((
                        <$shape as utoipa::ToSchema>::name().into_owned(),
                        <$shape as utoipa::PartialSchema>::schema(),
                    ));
                    <$shape as utoipa::ToSchema>::schemas(schemas);
                )*
            }
        }
    };
}
use shapes;

/// The first page of what `first` reads from the query, or the page behind a cursor: then nothing else of the query counts.
fn ask<Q, E>(params: &Params, first: impl FnOnce(&Params) -> Result<Q, E>) -> Result<Ask<Q>, E> {
    match params.get("after").filter(|after| !after.is_empty()) {
        Some(after) => Ok(Ask::After(after.to_owned())),
        None => first(params).map(Ask::First),
    }
}

/// The most objects of the page; one that is too large acts as the list's own.
fn limit(params: &Params) -> Result<Option<usize>, Error> {
    let Some(text) = params.get("limit").filter(|text| !text.is_empty()) else { return Ok(None) };
    let is_number = text.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number || text.bytes().all(|digit| digit == b'0') {
        return Err(Error::invalid("limit", "must be an integer, 1 or more"));
    }
    Ok(Some(text.parse().unwrap_or(usize::MAX)))
}

/// A list of values that is not empty; `None` where the parameter is absent or has no value.
fn some<T: FromStr<Err: ToString>>(params: &Params, name: &'static str) -> Result<Option<Vec<T>>, Error> {
    Ok(params.list(name)?.filter(|values: &Vec<T>| !values.is_empty()))
}

/// As [`some`], of at most as many values as ids are taken at once.
fn few<T: FromStr<Err: ToString>>(params: &Params, name: &'static str) -> Result<Option<Vec<T>>, Error> {
    Ok(params.few(name)?.filter(|values: &Vec<T>| !values.is_empty()))
}

fn flag(params: &Params, name: &'static str) -> Result<bool, Error> {
    Ok(params.flag(name)?.unwrap_or(false))
}

fn common(params: &Params) -> Result<Common, Error> {
    let updated_since = params.instant("updated_since")?.map(|at| at.0);
    Ok(Common { updated_since, deleted_too: flag(params, "allow_deleted")? })
}

/// `lod`, of which only lists of tenants know `full_without_contacts`.
fn lod(params: &Params, of_tenants: bool) -> Result<Lod, Error> {
    match params.get("lod").filter(|lod| !lod.is_empty()) {
        None | Some("full") => Ok(Lod::Full),
        Some("basic") => Ok(Lod::Basic),
        Some("stamps") => Ok(Lod::Stamps),
        Some("full_without_contacts") if of_tenants => Ok(Lod::FullWithoutContacts),
        Some(_) => Err(Error::invalid("lod", "must be stamps, basic or full")),
    }
}
