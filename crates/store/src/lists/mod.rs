//! Lists that are read page by page: keys in order from a place on, then what the page shows of them.
//!
//! A subtree list walks `tenant_lists` or `user_lists`, whose order is the wire's. One of what changed since a moment
//! begins at the changes instead, as long as there are few of them: then it costs those, and not the subtree; one by
//! something rare begins there likewise. A tenant that is moved to another level while a list is read keeps its place in
//! it, and its users and items do: `past_places` knows the old one, so that nothing comes twice or is passed over.

mod offering_items;
mod organization;
mod place;
mod tenants;
mod users;

use domain::time::Instant;

use crate::{Conn, Result, args};

pub use offering_items::{Item, ItemPlace, items_below};
pub use organization::{Holding, of_organization};
pub(crate) use place::{insert_tenant, insert_user, keep_levels, put_in, take_out};
pub use tenants::{children, tenants_below, visible_tenants};
pub use users::{of_tenant, users_below, visible_users, with_external_ids};

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
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Objects that changed later; `None`: all.
    pub updated_since: Option<Instant>,
    /// Deleted objects too.
    pub deleted_too: bool,
    /// The moment of the list's first page: what was moved to another level later still stands at its old one.
    pub began_at: Instant,
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

/// The level below `$1` at which a list that began at the moment given shows a tenant, whose place now is `k`.
macro_rules! level {
    ($began_at:literal) => {
        concat!(
            "COALESCE((SELECT p.depth FROM past_places p WHERE p.ancestor_no = $1 AND p.tenant_no = k.tenant_no
              AND p.left_at > ",
            $began_at,
            " ORDER BY p.left_at LIMIT 1), k.depth)"
        )
    };
}
use level;

/// The places `k` below `$1`, behind no wall, of tenants that were moved to another level after a list had begun, each with
/// the level that the list shows it at: the one that it left first since then.
macro_rules! moved {
    ($began_at:literal) => {
        concat!(
            "(SELECT p.tenant_no, p.depth FROM past_places p CROSS JOIN closure here
              WHERE p.ancestor_no = $1 AND p.left_at > ",
            $began_at,
            " AND NOT EXISTS (SELECT 1 FROM past_places f WHERE f.ancestor_no = $1 AND f.tenant_no = p.tenant_no
                              AND f.left_at < p.left_at AND f.left_at > ",
            $began_at,
            ") AND here.ancestor_no = $1 AND here.tenant_no = p.tenant_no AND here.walls = 0) k"
        )
    };
}
use moved;

/// That the tenant was not: it is listed where it stands.
macro_rules! not_moved {
    ($tenant:literal, $began_at:literal) => {
        concat!(
            " AND NOT EXISTS (SELECT 1 FROM past_places p WHERE p.ancestor_no = $1 AND p.tenant_no = ",
            $tenant,
            " AND p.left_at > ",
            $began_at,
            ")"
        )
    };
}
use not_moved;

/// A place as arguments; before the first one where there is none.
fn from<Id: Copy + ToString>(after: Option<Place<Id>>) -> (i64, String) {
    after.map_or((0, String::new()), |place| (place.depth, place.id.to_string()))
}

/// The statements of lists: a name, what each begins at, and its text.
#[cfg(test)]
fn statements() -> Vec<(&'static str, &'static str, String)> {
    let mut all = tenants::statements();
    all.extend(users::statements());
    all.extend(organization::statements());
    all.extend(offering_items::statements());
    all
}

#[cfg(test)]
mod plans;
