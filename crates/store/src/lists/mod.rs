//! Lists that are read page by page: keys in order from a place on, then what the page shows of them.
//!
//! A subtree list walks `tenant_lists` or `user_lists`, whose order is the wire's. One of what changed since a moment
//! begins at the changes instead, as long as there are few of them: then it costs those, and not the subtree.

mod offering_items;
mod place;
mod tenants;
mod users;

use domain::time::Instant;

use crate::{Conn, Result, args};

pub use offering_items::{Item, ItemPlace, items_below};
pub(crate) use place::{insert_tenant, insert_user, put_in, take_out};
pub use tenants::{children, tenants_below, visible_tenants};
pub use users::{Holding, of_organization, of_tenant, users_below, visible_users, with_external_ids};

/// Up to this many changes are taken together and sorted; where there are more, the subtree is walked.
const FEW: i64 = 10_000;

/// Where an object of a list stands: the level below the list's root, then its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<Id> {
    /// Levels below the root; 0 is the root.
    pub depth: i64,
    /// The id.
    pub id: Id,
}

/// What all lists are asked alike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// Objects that changed later; `None`: all.
    pub updated_since: Option<Instant>,
    /// Deleted objects too.
    pub deleted_too: bool,
}

impl Wanted {
    /// As an argument: below every instant where nothing is asked.
    fn since(self) -> Instant {
        self.updated_since.unwrap_or(Instant(i64::MIN))
    }

    /// Whether so few rows of a table changed that the list begins at them.
    async fn changed_few(self, conn: &mut Conn, sql: &'static str) -> Result<bool> {
        match self.updated_since {
            None => Ok(false),
            Some(since) => Ok(conn.count(sql, args![since, FEW + 1]).await? <= FEW),
        }
    }
}

/// A place as arguments; before the first one where there is none.
fn from<Id: Copy + ToString>(after: Option<Place<Id>>) -> (i64, String) {
    after.map_or((0, String::new()), |place| (place.depth, place.id.to_string()))
}
