//! Where a page of the audit log ended, with all that was asked for.

use app::Error;
use app::changes::{self, Asked, Position};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{Seq, TenantId, parse_uuid};
use domain::time::{BadTime, Instant};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::params::Params;

/// What was asked for and where a page ended, bound to its tenant: the next page needs nothing else. It is not signed:
/// whoever makes one up asks for nothing that a query could not ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    tenant: TenantId,
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
    pub(super) fn begin(tenant: TenantId, params: &Params) -> Result<Self, Error> {
        let text = |name| params.get(name).filter(|text| !text.is_empty());
        let moment = |name: &'static str, read: fn(&str) -> Result<Instant, BadTime>| {
            let read = |text: &str| read(text).map_err(|_| Error::invalid(name, "must be a moment or a day"));
            text(name).map(read).transpose().map(|at| at.map(|at| at.0))
        };
        // Upper case in a UUID is lowered first (wire-conventions, 1).
        let id = |text: &str| parse_uuid(text).map_or_else(|_| text.to_owned(), |id| id.to_string());
        let actor = |text| changes::actor(text).map_err(|why| Error::invalid("actor", why));
        Ok(Self {
            tenant,
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

    /// Its text.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the text of a cursor of this tenant.
    pub(super) fn read(text: &str, tenant: TenantId) -> Result<Self, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let cursor = read.ok_or_else(|| Error::invalid("after", "is no cursor"))?;
        if cursor.tenant != tenant {
            return Err(Error::invalid("after", "is a cursor of another tenant"));
        }
        Ok(cursor)
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
