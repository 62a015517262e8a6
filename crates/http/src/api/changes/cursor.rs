//! Where a page of the audit log ended, with all that was asked for.

use app::changes::{self, Asked, Position};
use app::{App, Caller, Error, cursor};
use domain::ids::{Seq, TenantId, parse_uuid};
use domain::time::{BadTime, Instant};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::params::Params;

/// What was asked of a tenant's log, and where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    object: Option<String>,
    object_id: Option<String>,
    field: Option<String>,
    actor: Option<Uuid>,
    since: Option<i64>,
    until: Option<i64>,
    /// Moment, number, and the place under that number.
    behind: Option<(i64, Seq, i64)>,
}

impl Cursor {
    /// The first page of what these parameters ask for.
    pub(super) fn begin(params: &Params) -> Result<Self, Error> {
        let text = |name| params.get(name).filter(|text| !text.is_empty());
        let moment = |name: &'static str, read: fn(&str) -> Result<Instant, BadTime>| {
            let read = |text: &str| read(text).map_err(|_| Error::invalid(name, "must be a moment or a day"));
            text(name).map(read).transpose().map(|at| at.map(|at| at.0))
        };
        // Upper case in a UUID is lowered first (wire-conventions, 1).
        let id = |text: &str| parse_uuid(text).map_or_else(|_| text.to_owned(), |id| id.to_string());
        let actor = |text| changes::actor(text).map_err(|why| Error::invalid("actor", why));
        Ok(Self {
            object: params.parsed::<changes::Object>("object")?.map(|object| object.as_str().to_owned()),
            object_id: text("object_id").map(id),
            field: text("field").map(str::to_owned),
            actor: text("actor").map(actor).transpose()?,
            since: moment("from", changes::since)?,
            until: moment("to", changes::until)?,
            behind: None,
        })
    }

    /// The page behind this position.
    pub(super) fn behind(mut self, at: Position) -> Self {
        self.behind = Some((at.recorded_at.0, at.seq, at.ordinal));
        self
    }

    /// Its text, for this tenant's log.
    pub(super) fn seal(&self, app: &App, caller: &Caller, tenant: TenantId) -> Result<String, Error> {
        cursor::seal(app, caller, &list(tenant), self)
    }

    /// Reads the text of a cursor of this tenant's log.
    pub(super) fn open(app: &App, caller: &Caller, tenant: TenantId, text: &str) -> Result<Self, Error> {
        cursor::open(app, caller, &list(tenant), text)
    }

    /// What is asked for, and from where on.
    pub(super) fn place(&self) -> Result<(Asked, Option<Position>), Error> {
        let object = self.object.as_deref().map(str::parse);
        let asked = Asked {
            object: object.transpose().map_err(|_| Error::invalid("after", "is no cursor"))?,
            object_id: self.object_id.clone(),
            field: self.field.clone(),
            actor: self.actor,
            since: self.since.map(Instant),
            until: self.until.map(Instant),
        };
        let behind = |(at, seq, ordinal)| Position { recorded_at: Instant(at), seq, ordinal };
        Ok((asked, self.behind.map(behind)))
    }
}

fn list(tenant: TenantId) -> String {
    format!("changes of {tenant}")
}
