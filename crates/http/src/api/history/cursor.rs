//! Where a page of changes ended, with all that was asked for: bound to its tenant, and the next page needs nothing else.
//!
//! It is not signed: whoever makes one up asks for nothing that a query could not ask for.

use app::Error;
use app::cells::{Asked, Position};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ids::{InfraNo, ItemNo, Seq, TenantId, TenantNo};
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    tenant: TenantId,
    /// The first and the last day.
    days: (Day, Day),
    items: Option<Vec<String>>,
    as_of: Seq,
    /// Number, tenant, item, storage, and the how-manieth.
    position: (Seq, TenantNo, ItemNo, InfraNo, u32),
}

impl Cursor {
    /// The cursor behind a position.
    pub(super) fn new(
        tenant: TenantId,
        period: Period,
        items: Option<Vec<String>>,
        as_of: Seq,
        at: Position,
    ) -> Self {
        Self {
            tenant,
            days: (period.start, period.last()),
            items,
            as_of,
            position: (at.seq, at.key.tenant, at.key.item, at.key.infra, at.nth),
        }
    }

    /// Its text.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the text of a cursor of this tenant.
    pub(super) fn read(text: &str, tenant: TenantId) -> Result<(Asked, Position), Error> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok();
        let read = bytes.and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let cursor = read.ok_or_else(|| Error::invalid("after", "is no cursor"))?;
        if cursor.tenant != tenant {
            return Err(Error::invalid("after", "is a cursor of another tenant"));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_for_its_tenant_and_for_no_other() {
        let (tenant, other) = (TenantId(uuid::Uuid::from_u128(7)), TenantId(uuid::Uuid::from_u128(8)));
        let key = MeterKey { tenant: TenantNo(4100), item: ItemNo(3), infra: InfraNo(0) };
        let at = Position { seq: Seq(9), key, nth: 2 };
        let items = Some(vec!["vms".to_owned()]);
        let text = Cursor::new(tenant, Period::inclusive(Day(3), Day(5)), items.clone(), Seq(11), at).text();
        let asked = Asked { from: Some(Day(3)), to: Some(Day(5)), items, as_of: Some(Seq(11)) };
        assert_eq!(Cursor::read(&text, tenant).unwrap(), (asked, at));
        assert!(Cursor::read(&text, other).is_err());
        for broken in ["", "x", &text[1..]] {
            assert!(Cursor::read(broken, tenant).is_err(), "{broken}");
        }
    }
}
