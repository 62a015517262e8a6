//! Finding by words: from the words on, or from the subtree on where it is small.

use std::collections::HashMap;

use domain::ids::{TenantId, TenantNo, UserId};
use domain::tenant::TenantKind;
use domain::time::Instant;

use crate::{Arg, Conn, Result, Row, args, dialect};

/// Up to this many objects below the root are looked at one by one, and more where the words are common.
const SMALL: i64 = 2_000;
/// Words are counted up to here. Below a root that is large even beside that, some are found soon.
const MANY: i64 = 40_000;
/// About how many words an object has.
const WORDS_OF_ONE: i64 = 4;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A tenant.
    Tenant {
        /// Its id.
        id: TenantId,
        /// Its parent's.
        parent_id: TenantId,
        /// What it is.
        kind: TenantKind,
        /// Its name.
        name: String,
    },
    /// A user.
    User {
        /// Its id.
        id: UserId,
        /// Its tenant's.
        tenant_id: TenantId,
        /// Its login.
        login: String,
    },
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Levels below the root, of a user's tenant.
    pub depth: i64,
    /// The tenant whose name ends the object's path: a tenant's parent, a user's tenant.
    pub above: TenantNo,
    /// What it is.
    pub hit: Hit,
    /// First name of the contact.
    pub firstname: Option<String>,
    /// Its last name.
    pub lastname: Option<String>,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Instant>,
}

/// The columns of a found tenant: `d` is its word, `k` its place below the root.
macro_rules! tenants {
    ($from:literal) => {
        concat!(
            "SELECT DISTINCT k.depth, t.id, p.id AS parent_id, t.parent_no AS above, t.kind, t.name, o.firstname,
             o.lastname, t.deleted_at FROM ",
            $from,
            " CROSS JOIN closure k CROSS JOIN tenants t JOIN tenants p ON p.no = t.parent_no
              JOIN contacts o ON o.id = t.contact_id
              WHERE k.ancestor_no = $1 AND k.tenant_no = d.tenant_no AND k.walls = 0 AND t.no = d.tenant_no
              AND (t.deleted_at IS NULL OR $2 = 1) AND d.word >= $4 AND d.word < $5"
        )
    };
}
const TENANTS_BY_WORD: &str = tenants!("tenant_words d");
const TENANTS_BY_PLACE: &str = concat!(
    tenants!("tenant_lists l CROSS JOIN tenant_words d"),
    " AND l.ancestor_no = $1 AND l.walls = 0 AND d.tenant_no = l.tenant_no"
);

const ROOT: &str = concat!(tenants!("tenant_words d"), " AND d.tenant_no = $1");

/// The columns of a found user.
macro_rules! users {
    ($from:literal) => {
        concat!(
            "SELECT DISTINCT k.depth, u.id, t.id AS parent_id, u.tenant_no AS above, u.login, o.firstname, o.lastname,
             u.deleted_at FROM ",
            $from,
            " CROSS JOIN users u CROSS JOIN closure k CROSS JOIN tenants t JOIN contacts o ON o.id = u.contact_id
              WHERE u.id = d.user_id AND k.ancestor_no = $1 AND k.tenant_no = u.tenant_no AND k.walls = 0
              AND t.no = u.tenant_no AND (k.depth = 0 OR t.ancestral_access = 1)
              AND (u.deleted_at IS NULL OR $2 = 1) AND d.word >= $4 AND d.word < $5"
        )
    };
}
const USERS_BY_WORD: &str = users!("user_words d");
const USERS_BY_PLACE: &str = concat!(
    users!("user_lists l CROSS JOIN user_words d"),
    " AND l.ancestor_no = $1 AND l.walls = 0 AND d.user_id = l.user_id"
);

/// A table of words.
struct Words {
    /// How many objects lie below `$1`, counted up to `$2`.
    below: &'static str,
    /// How many words begin with `$1`, counted up to `$3`.
    count: &'static str,
    /// Other words of the object of the word `d`.
    other: &'static str,
}

const TENANT_WORDS: Words = Words {
    below: "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenant_lists WHERE ancestor_no = $1 AND walls = 0 LIMIT $2) few",
    count: "SELECT COUNT(*) AS n FROM (SELECT 1 FROM tenant_words WHERE word >= $1 AND word < $2 LIMIT $3) few",
    other: "SELECT 1 FROM tenant_words w WHERE w.tenant_no = d.tenant_no",
};
const USER_WORDS: Words = Words {
    below: "SELECT COUNT(*) AS n FROM (SELECT 1 FROM user_lists WHERE ancestor_no = $1 AND walls = 0 LIMIT $2) few",
    count: "SELECT COUNT(*) AS n FROM (SELECT 1 FROM user_words WHERE word >= $1 AND word < $2 LIMIT $3) few",
    other: "SELECT 1 FROM user_words w WHERE w.user_id = d.user_id",
};

/// A search from a root down.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The root.
    pub root: TenantNo,
    /// The words, folded, at least one.
    pub words: &'a [String],
    /// Whether deleted objects are found.
    pub deleted_too: bool,
    /// The most that is found.
    pub limit: i64,
}

impl Question<'_> {
    /// Tenants that no wall hides, with a value in which every word of the search begins some word.
    pub async fn tenants(self, conn: &mut Conn) -> Result<Vec<Found>> {
        let ranges = self.ranges(conn, &TENANT_WORDS).await?;
        let sql = if self.is_small(conn, &TENANT_WORDS, &ranges).await? {
            TENANTS_BY_PLACE
        } else {
            TENANTS_BY_WORD
        };
        self.ask(conn, sql, &TENANT_WORDS, ranges).await?.iter().map(found_tenant).collect()
    }

    /// The root, where it is found itself.
    pub async fn root(self, conn: &mut Conn) -> Result<Option<Found>> {
        let ranges = self.ranges(conn, &TENANT_WORDS).await?;
        let found = self.ask(conn, ROOT, &TENANT_WORDS, ranges).await?;
        found.first().map(found_tenant).transpose()
    }

    /// As [`Question::tenants`], users.
    pub async fn users(self, conn: &mut Conn) -> Result<Vec<Found>> {
        let ranges = self.ranges(conn, &USER_WORDS).await?;
        let sql =
            if self.is_small(conn, &USER_WORDS, &ranges).await? { USERS_BY_PLACE } else { USERS_BY_WORD };
        self.ask(conn, sql, &USER_WORDS, ranges).await?.iter().map(found_user).collect()
    }

    /// The words of the search with how many words each begins, the rarest first.
    async fn ranges(self, conn: &mut Conn, table: &Words) -> Result<Vec<Range>> {
        let mut ranges = Vec::with_capacity(self.words.len());
        for word in self.words {
            let (from, to) = (word.clone(), format!("{word}{}", char::MAX));
            let count = conn.count(table.count, args![from.as_str(), to.as_str(), MANY]).await?;
            ranges.push(Range { count, from, to });
        }
        ranges.sort();
        Ok(ranges)
    }

    /// Whether fewer objects lie below the root than words are to be looked at.
    async fn is_small(self, conn: &mut Conn, table: &Words, ranges: &[Range]) -> Result<bool> {
        let few = ranges.first().map_or(0, |rarest| rarest.count / WORDS_OF_ONE).max(SMALL);
        Ok(conn.count(table.below, args![self.root, few + 1]).await? <= few)
    }

    /// The rows of `sql`, where `d` is a word that the rarest one begins; every further one begins a word of the same value.
    async fn ask(self, conn: &mut Conn, sql: &str, table: &Words, ranges: Vec<Range>) -> Result<Vec<Row>> {
        let further = (1..ranges.len()).map(|at| {
            let (other, from, to) = (table.other, 2 * at + 4, 2 * at + 5);
            format!(" AND EXISTS ({other} AND w.field = d.field AND w.word >= ${from} AND w.word < ${to})")
        });
        let sql = format!("{sql}{} LIMIT $3", further.collect::<String>());
        let mut args = args![self.root, self.deleted_too, self.limit];
        args.extend(ranges.into_iter().flat_map(|range| [Arg::from(range.from), Arg::from(range.to)]));
        conn.all_of(sql, args).await
    }
}

/// The words that one of the search begins.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Range {
    /// How many there are, counted up to [`MANY`].
    count: i64,
    /// The first that it could be.
    from: String,
    /// Beyond the last one.
    to: String,
}

fn found_tenant(row: &Row) -> Result<Found> {
    let hit = Hit::Tenant {
        id: row.parsed("id")?,
        parent_id: row.parsed("parent_id")?,
        kind: row.parsed("kind")?,
        name: row.text("name")?,
    };
    found(row, hit)
}

fn found_user(row: &Row) -> Result<Found> {
    let (id, tenant_id) = (row.parsed("id")?, row.parsed("parent_id")?);
    found(row, Hit::User { id, tenant_id, login: row.text("login")? })
}

fn found(row: &Row, hit: Hit) -> Result<Found> {
    Ok(Found {
        depth: row.int("depth")?,
        above: TenantNo(row.int("above")?),
        hit,
        firstname: row.opt_text("firstname")?,
        lastname: row.opt_text("lastname")?,
        deleted_at: row.opt_instant("deleted_at")?,
    })
}

/// The names from the root down to each of these tenants, which lie below it.
pub async fn names_above(
    conn: &mut Conn,
    root: TenantNo,
    tenants: &[TenantNo],
) -> Result<HashMap<TenantNo, Vec<String>>> {
    let mut names: HashMap<TenantNo, Vec<String>> = HashMap::new();
    for batch in tenants.chunks(dialect::MAX_LIST) {
        let sql = format!(
            "SELECT k.tenant_no, a.name FROM closure k CROSS JOIN closure r CROSS JOIN tenants a
             WHERE k.tenant_no IN ({}) AND r.ancestor_no = $1 AND r.tenant_no = k.ancestor_no AND a.no = k.ancestor_no
             ORDER BY k.tenant_no, r.depth",
            dialect::placeholders(2, batch.len())
        );
        let mut args = args![root];
        args.extend(batch.iter().map(|no| Arg::from(*no)));
        for row in conn.all_of(sql, args).await? {
            names.entry(TenantNo(row.int("tenant_no")?)).or_default().push(row.text("name")?);
        }
    }
    Ok(names)
}

/// The statements of a search, as [`crate::lists`] has them.
#[cfg(test)]
pub(crate) fn statements() -> Vec<(&'static str, &'static str, String)> {
    let of = |name, first, sql: &str| (name, first, format!("{sql} LIMIT $3"));
    vec![
        of(
            "tenants by word",
            "d USING COVERING INDEX tenant_words_by_word (word>? AND word<?)",
            TENANTS_BY_WORD,
        ),
        of("tenants by place", "l USING PRIMARY KEY (ancestor_no=? AND walls=?)", TENANTS_BY_PLACE),
        of("the root", "d USING PRIMARY KEY (tenant_no=?)", ROOT),
        of("users by word", "d USING COVERING INDEX user_words_by_word (word>? AND word<?)", USERS_BY_WORD),
        of("users by place", "l USING PRIMARY KEY (ancestor_no=? AND walls=?)", USERS_BY_PLACE),
        (
            "words of tenants",
            "tenant_words USING COVERING INDEX tenant_words_by_word",
            TENANT_WORDS.count.to_owned(),
        ),
        ("words of users", "user_words USING COVERING INDEX user_words_by_word", USER_WORDS.count.to_owned()),
        (
            "tenants below",
            "tenant_lists USING PRIMARY KEY (ancestor_no=? AND walls=?)",
            TENANT_WORDS.below.to_owned(),
        ),
        (
            "users below",
            "user_lists USING PRIMARY KEY (ancestor_no=? AND walls=?)",
            USER_WORDS.below.to_owned(),
        ),
    ]
}
