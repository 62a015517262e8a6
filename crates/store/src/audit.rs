//! The change log: every version of what a report prints or filters by, over two time axes, and the audit log in one.
//!
//! A row says what a field was and became, from which day's end on (`valid_from`), and when that became known (`seq`).
//! The first version of anything reaches back for ever. Reading a version therefore needs the current value and the
//! later changes only: the oldest of those holds the first value as its `old_value`.

use std::str::FromStr;

use domain::ids::{Seq, TenantNo};
use domain::time::{Day, Instant};

use crate::{Conn, Result, Row, Write, args};

/// Defines the objects with their words, both ways.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// What a change was made to. The words are those of the column `object`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Object { $($(#[$doc])* $name,)* }

        impl Object {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
        }
    };
}

objects! {
    /// A tenant; the id is its UUID.
    Tenant = "tenant",
    /// An offering item of a tenant; the id is [`item_key`].
    Item = "item",
    /// A storage.
    Infra = "infra",
    /// A location.
    Location = "location",
    /// A user.
    User = "user",
    /// An access policy.
    Policy = "policy",
    /// An API client.
    Client = "client",
    /// A setting of a service at a tenant; the id is `<application uuid>/<name>`.
    Setting = "setting",
    /// A report.
    Report = "report",
    /// A run of a report.
    Run = "run",
    /// A signing key.
    Key = "key",
    /// A brand; the id is its UUID.
    Brand = "brand",
}

impl FromStr for Object {
    type Err = String;

    fn from_str(word: &str) -> std::result::Result<Self, String> {
        let words = || Self::ALL.iter().map(|object| object.as_str()).collect::<Vec<_>>().join(", ");
        let found = Self::ALL.iter().copied().find(|object| object.as_str() == word);
        found.ok_or_else(|| format!("must be one of {}", words()))
    }
}

/// The id of an offering item in the log: its name, with `@` and the storage's id where it is bound to one.
pub fn item_key(name: &str, infra: Option<domain::ids::InfraId>) -> String {
    infra.map_or_else(|| name.to_owned(), |infra| format!("{name}@{infra}"))
}

/// One version of one field.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// What was changed.
    pub object: Object,
    /// Which one.
    pub id: &'a str,
    /// The tenant in whose scope it lies.
    pub tenant: TenantNo,
    /// The field's name.
    pub field: &'a str,
    /// What it was.
    pub old: Option<String>,
    /// What it became.
    pub new: Option<String>,
}

impl Write {
    /// Logs a change from today on; nothing where old and new are equal.
    pub async fn log(&mut self, change: Change<'_>) -> Result<()> {
        self.log_all(vec![change]).await
    }

    /// As [`Write::log`], for many changes with few statements.
    pub async fn log_all(&mut self, mut changes: Vec<Change<'_>>) -> Result<()> {
        changes.retain(|change| change.old != change.new);
        if changes.is_empty() {
            return Ok(());
        }
        let today = self.today().await?;
        self.log_from(changes, today).await
    }

    /// Logs the first version of something, which reaches back for ever.
    pub async fn log_first(&mut self, change: Change<'_>) -> Result<()> {
        self.log_from(vec![change], Day::FOREVER_AGO).await
    }

    /// As [`Write::log_first`], for many things with few statements.
    pub async fn log_all_first(&mut self, changes: Vec<Change<'_>>) -> Result<()> {
        if changes.is_empty() { Ok(()) } else { self.log_from(changes, Day::FOREVER_AGO).await }
    }

    /// The day that changes and readings of this moment belong to: never one that is closed, even when the clock went
    /// back.
    pub async fn today(&mut self) -> Result<Day> {
        let row = self.one("SELECT open_day FROM day_close", Vec::new()).await?;
        let open = row.map(|row| row.day("open_day")).transpose()?;
        Ok(open.map_or(self.now().day(), |open| open.max(self.now().day())))
    }

    async fn log_from(&mut self, changes: Vec<Change<'_>>, valid_from: Day) -> Result<()> {
        let (seq, actor, now) = (self.seq().await?, self.actor(), self.now());
        let reason = self.reason().map(str::to_owned);
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            rows.push(args![
                seq,
                self.next_ordinal(),
                change.object.as_str(),
                change.id,
                change.tenant,
                change.field,
                change.old,
                change.new,
                valid_from,
                now,
                actor.kind(),
                actor.id(),
                reason.clone()
            ]);
        }
        self.insert_many(
            "INSERT INTO changes (seq, ordinal, object, object_id, tenant_no, field, old_value, new_value, valid_from,
             recorded_at, actor_kind, actor_id, reason)",
            "",
            rows,
        )
        .await
    }
}

/// A row of the log as reports read it: a change after the first version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// Which object: a UUID or an [`item_key`].
    pub id: String,
    /// The tenant in whose scope it lies.
    pub tenant: TenantNo,
    /// The field's name.
    pub field: String,
    /// What it was.
    pub old: Option<String>,
    /// What it became.
    pub new: Option<String>,
    /// From the end of which day on.
    pub valid_from: Day,
    /// When it became known.
    pub seq: Seq,
    /// And at which moment.
    pub recorded_at: Instant,
}

impl Logged {
    pub(crate) fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.text("object_id")?,
            tenant: TenantNo(row.int("tenant_no")?),
            field: row.text("field")?,
            old: row.opt_text("old_value")?,
            new: row.opt_text("new_value")?,
            valid_from: row.day("valid_from")?,
            seq: Seq(row.int("seq")?),
            recorded_at: row.instant("recorded_at")?,
        })
    }
}

/// The changes after the first version of the objects of this kind in the tenants below `root`, oldest first.
pub async fn later_changes(conn: &mut Conn, root: TenantNo, object: Object) -> Result<Vec<Logged>> {
    let rows = conn
        .all(
            "SELECT c.object_id, c.tenant_no, c.field, c.old_value, c.new_value, c.valid_from, c.seq, c.recorded_at
             FROM closure k JOIN changes c ON c.tenant_no = k.tenant_no
             WHERE k.ancestor_no = $1 AND c.valid_from > $2 AND c.object = $3 ORDER BY c.valid_from, c.seq, c.ordinal",
            args![root, Day::FOREVER_AGO, object.as_str()],
        )
        .await?;
    rows.iter().map(Logged::from_row).collect()
}
