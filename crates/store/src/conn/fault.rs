//! What the drivers' faults mean.

use super::{postgres, sqlite};
use crate::Error;

pub(super) fn driver(error: sqlx::Error) -> Error {
    let known = match &error {
        // A connection that was lost: whatever was under way on it may be tried again on another.
        sqlx::Error::PoolTimedOut | sqlx::Error::Io(_) => Some(Error::Busy),
        // A proxy before PostgreSQL that has no primary now hangs up at the first word.
        sqlx::Error::Protocol(what) if what.contains("SSLRequest") => Some(Error::Busy),
        sqlx::Error::Database(database) => {
            let (code, postgres) = (database.code().unwrap_or_default(), database.try_downcast_ref());
            match postgres {
                Some(error) if database.is_unique_violation() => {
                    Some(Error::Unique { constraint: postgres::constraint(error) })
                }
                Some(_) => postgres::meaning(&code),
                None if database.is_unique_violation() => {
                    Some(Error::Unique { constraint: database.message().to_owned() })
                }
                None => sqlite::meaning(&code),
            }
        }
        _ => None,
    };
    known.unwrap_or_else(|| Error::Driver(Box::new(error)))
}
