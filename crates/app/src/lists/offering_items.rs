//! `GET /tenants/offering_items`.

use domain::catalogue::Item;
use domain::ids::{InfraNo, ItemNo, TenantId};
use serde::{Deserialize, Serialize};
use store::Conn;
use store::lists::{ItemPlace, Place, items_below};
use store::offering_items::Key;

use super::tenants::inside;
use super::{Ask, Common, List, Page};
use crate::offering_items::{Keys, OfferingItem};
use crate::{App, Caller, Result};

const LIST: List = List { name: "offering items", page: 5000 };

/// What a list of offering items is asked for; an empty list of names is none.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ItemQuery {
    /// The tenant, whose items and those of all below it are listed.
    pub root: TenantId,
    /// What every list is asked.
    pub common: Common,
    /// By usage name.
    pub usage_names: Vec<String>,
    /// By edition; items without one are always listed.
    pub editions: Vec<String>,
    /// By full name.
    pub names: Vec<String>,
}

impl ItemQuery {
    fn passes(&self, item: &Item) -> bool {
        let any =
            |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        any(&self.usage_names, &item.usage_name)
            && any(&self.names, &item.name)
            && item.edition.is_none_or(|edition| any(&self.editions, edition.as_str()))
    }

    /// The numbers of the items that pass; `None`: all.
    async fn among(&self, conn: &mut Conn) -> Result<Option<Vec<ItemNo>>> {
        if self.usage_names.is_empty() && self.editions.is_empty() && self.names.is_empty() {
            return Ok(None);
        }
        let numbers = store::catalogue::item_numbers(conn).await?;
        Ok(Some(numbers.iter().filter(|(_, item)| self.passes(item)).map(|(no, _)| no).collect()))
    }
}

type Turn = super::Turn<ItemQuery, (i64, TenantId, ItemNo, InfraNo)>;

/// A page of the items that tenants have or once had on.
pub async fn offering_items(
    app: &App,
    caller: &Caller,
    ask: Ask<ItemQuery>,
    limit: Option<usize>,
) -> Result<Page<ItemQuery, OfferingItem>> {
    let (turn, mut conn): (Turn, Conn) = LIST.turn(app, caller, ask, limit).await?;
    let wanted = turn.query.common.wanted(turn.timestamp);
    let root = inside(app, &mut conn, caller, turn.query.root, wanted.deleted_too).await?;
    let after = turn
        .after
        .map(|(depth, id, item, infra)| ItemPlace { tenant: Place { depth, id }, key: Key { item, infra } });
    let among = turn.query.among(&mut conn).await?;
    let mut found = items_below(&mut conn, root, wanted, among.as_deref(), after, turn.keys()).await?;
    let last = turn.cut(&mut found).map(|last| last.place);
    let last = last.map(|at| (at.tenant.depth, at.tenant.id, at.key.item, at.key.infra));
    let keys = Keys::load(&mut conn).await?;
    let item = |item: store::lists::Item| {
        OfferingItem::stored(item.place.tenant.id, item.deleted_at, &keys, item.place.key, item.state)
    };
    let items = found.into_iter().filter_map(item).collect();
    LIST.end(app, caller, turn, last, items)
}
