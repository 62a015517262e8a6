//! Where a page of changes ended, with all that was asked for.

use app::cells::{Asked, Position};
use app::{App, Caller, Error, cursor};
use domain::ids::{InfraNo, ItemNo, Seq, TenantId, TenantNo};
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// The first and the last day.
    days: (Day, Day),
    items: Option<Vec<String>>,
    as_of: Seq,
    /// Number, tenant, item, storage, and the how-manieth.
    position: (Seq, TenantNo, ItemNo, InfraNo, u32),
}

impl Cursor {
    /// The cursor behind a position.
    pub(super) fn new(period: Period, items: Option<Vec<String>>, as_of: Seq, at: Position) -> Self {
        let position = (at.seq, at.key.tenant, at.key.item, at.key.infra, at.nth);
        Self { days: (period.start, period.last()), items, as_of, position }
    }

    /// Its text, for this tenant's changes.
    pub(super) fn seal(&self, app: &App, caller: &Caller, tenant: TenantId) -> Result<String, Error> {
        cursor::seal(app, caller, &list(tenant), self)
    }

    /// What the text of a cursor of this tenant's changes asks for.
    pub(super) fn open(
        app: &App,
        caller: &Caller,
        tenant: TenantId,
        text: &str,
    ) -> Result<(Asked, Position), Error> {
        let cursor: Self = cursor::open(app, caller, &list(tenant), text)?;
        let (seq, no, item, infra, nth) = cursor.position;
        let key = MeterKey { tenant: no, item, infra };
        let asked = Asked {
            from: Some(cursor.days.0),
            to: Some(cursor.days.1),
            items: cursor.items,
            as_of: Some(cursor.as_of),
        };
        Ok((asked, Position { seq, key, nth }))
    }
}

fn list(tenant: TenantId) -> String {
    format!("history changes of {tenant}")
}
