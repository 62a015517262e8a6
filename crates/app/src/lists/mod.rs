//! Batch lists with cursors (accounts-api, 2.2; wire-conventions, 9).
//!
//! Their cursors hold all that a list was asked, with the place where its page ended. None gives a right, as every page is
//! allowed anew.

mod applications;
mod offering_items;
mod tenants;
mod users;

use domain::time::Instant;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Conn;
use store::lists::Wanted;

use crate::{App, Caller, Error, Result, cursor};

pub use applications::applications;
pub use offering_items::{ItemQuery, offering_items};
pub use tenants::{Embedded, ListedTenant, TenantQuery, WhichTenants, tenants};
pub use users::{ListedUser, Organization, UserQuery, WhichUsers, users};

/// The most ids that a list is asked for at once.
pub const MOST_IDS: usize = 100;

/// 400 naming the field and the limit where more ids are sent than that.
pub fn check_count<T>(field: &'static str, ids: &[T], most: usize) -> Result<()> {
    if ids.len() > most {
        return Err(Error::invalid(field, format!("at most {most}")));
    }
    Ok(())
}

/// How much is shown of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lod {
    /// What tells whether it changed.
    Stamps,
    /// With its name and status.
    Basic,
    /// All.
    Full,
    /// All but the further contacts of a tenant.
    FullWithoutContacts,
}

/// What a list is asked for.
#[derive(Debug, Clone)]
pub enum Ask<Q> {
    /// Its first page.
    First(Q),
    /// The page behind the one that gave this cursor.
    After(String),
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page<Q, T> {
    /// What the list was asked for.
    pub query: Q,
    /// When it was: the moment of its first page.
    pub timestamp: Instant,
    /// What stands on the page.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub after: Option<String>,
}

/// What all lists are asked alike.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Common {
    /// Objects that changed later, in microseconds since 1970; `None`: all.
    pub updated_since: Option<i64>,
    /// Deleted objects too.
    pub deleted_too: bool,
}

impl Common {
    fn wanted(self, began_at: i64) -> Wanted {
        let updated_since = self.updated_since.map(Instant);
        Wanted { updated_since, deleted_too: self.deleted_too, began_at: Instant(began_at) }
    }
}

/// A list: its name, which its cursors are sealed under, and the most objects of a page.
struct List {
    name: &'static str,
    page: usize,
}

/// A page that is being made.
#[derive(Serialize, Deserialize)]
struct Turn<Q, P> {
    query: Q,
    limit: usize,
    /// The moment of the first page, in microseconds since 1970.
    timestamp: i64,
    after: Option<P>,
}

impl List {
    /// Begins a page, with the snapshot to read it from; 400 where the cursor is none of this list, or of callers of another
    /// tenant.
    async fn turn<Q: DeserializeOwned, P: DeserializeOwned>(
        &self,
        app: &App,
        caller: &Caller,
        ask: Ask<Q>,
        limit: Option<usize>,
    ) -> Result<(Turn<Q, P>, Conn)> {
        let (mut turn, conn) = match ask {
            Ask::First(query) => {
                let (conn, moment) = app.read_at().await?;
                (Turn { query, limit: self.page, timestamp: moment.0, after: None }, conn)
            }
            Ask::After(text) => (cursor::open(app, caller, self.name, &text)?, app.read().await?),
        };
        turn.limit = limit.unwrap_or(turn.limit).min(self.page);
        Ok((turn, conn))
    }

    /// Ends a page that ended at `last`; `None` where there is nothing behind it.
    fn end<Q: Serialize, P: Serialize, T>(
        &self,
        app: &App,
        caller: &Caller,
        turn: Turn<Q, P>,
        last: Option<P>,
        items: Vec<T>,
    ) -> Result<Page<Q, T>> {
        let turn = Turn { after: last, ..turn };
        let more = turn.after.is_some();
        let after = more.then(|| cursor::seal(app, caller, self.name, &turn)).transpose()?;
        Ok(Page { query: turn.query, timestamp: Instant(turn.timestamp), items, after })
    }
}

impl<Q, P> Turn<Q, P> {
    /// How many keys to read: one more than the page has tells whether another page follows.
    fn keys(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Cuts the keys to the page; gives the last one where more follow.
    fn cut<K: Clone>(&self, keys: &mut Vec<K>) -> Option<K> {
        let more = keys.len() > self.limit;
        keys.truncate(self.limit);
        keys.last().filter(|_| more).cloned()
    }
}

/// Keys that were read without order: those behind a place, in order, one more than the page has.
fn in_order<K: Ord>(mut keys: Vec<K>, behind: impl Fn(&K) -> bool) -> Vec<K> {
    keys.retain(behind);
    keys.sort_unstable();
    keys.dedup();
    keys
}
