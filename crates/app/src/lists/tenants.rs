//! `GET /tenants`.

use std::collections::HashMap;

use domain::access::Permission;
use domain::catalogue::ItemType;
use domain::ids::{TenantId, TenantNo};
use domain::user::Contact;
use serde::{Deserialize, Serialize};
use store::Conn;
use store::lists::{Place, children, tenants_below, visible_tenants};

use super::{Ask, Common, List, Lod, Page, in_order};
use crate::access::{Deleted, Depth};
use crate::offering_items::{Keys, OfferingItem};
use crate::tenants::{Details, shown};
use crate::{App, Caller, Result};

const LIST: List = List { name: "tenants", page: 5000 };

/// Which tenants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum WhichTenants {
    /// These; what the caller cannot see is left out.
    These(Vec<TenantId>),
    /// The children of one.
    ChildrenOf(TenantId),
    /// One and all below it.
    Below(TenantId),
}

/// Which items `offering_items` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Embedded {
    /// None.
    Nothing,
    /// Those of type infra.
    Infra,
    /// All that the tenant has or once had on.
    All,
}

/// What a list of tenants is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TenantQuery {
    /// Which tenants.
    pub which: WhichTenants,
    /// What every list is asked.
    pub common: Common,
    /// How much of each.
    pub lod: Lod,
    /// `with_contacts`.
    pub contacts: bool,
    /// What `with_offering_items` and the like say.
    pub items: Embedded,
    /// `include_relative_path`: of tenants named by id also those from the caller's down to them.
    pub path: bool,
}

/// A tenant of the list.
#[derive(Debug, Clone)]
pub struct ListedTenant {
    /// The tenant.
    pub details: Details,
    /// Its contacts, where they were asked for.
    pub contacts: Vec<Contact>,
    /// Its offering items, where they were asked for.
    pub items: Vec<OfferingItem>,
}

impl ListedTenant {
    /// The level that administrators above do not look into: 0 where they do (accounts-api, 1.7).
    pub fn barrier(&self) -> i64 {
        let tenant = &self.details.tenant;
        if tenant.ancestral_access { 0 } else { tenant.level }
    }
}

type Turn = super::Turn<TenantQuery, (i64, TenantId)>;
type Key = (Place<TenantId>, TenantNo);

/// A page of tenants.
pub async fn tenants(
    app: &App,
    caller: &Caller,
    ask: Ask<TenantQuery>,
    limit: Option<usize>,
) -> Result<Page<TenantQuery, ListedTenant>> {
    let (turn, mut conn): (Turn, Conn) = LIST.turn(app, caller, ask, limit).await?;
    let mut keys = keys(app, &mut conn, caller, &turn).await?;
    let last = turn.cut(&mut keys).map(|(place, _)| (place.depth, place.id));
    let nos: Vec<TenantNo> = keys.into_iter().map(|(_, no)| no).collect();
    let items = listed(app, &mut conn, &turn.query, &nos).await?;
    LIST.end(app, caller, turn, last, items)
}

async fn keys(app: &App, conn: &mut Conn, caller: &Caller, turn: &Turn) -> Result<Vec<Key>> {
    let wanted = turn.query.common.wanted(turn.timestamp);
    let after = turn.after.map(|(depth, id)| Place { depth, id });
    let limit = turn.keys();
    match &turn.query.which {
        WhichTenants::These(ids) => {
            let mut found = Vec::new();
            for root in caller.viewed() {
                found.extend(visible_tenants(conn, root, ids, turn.query.path, wanted).await?);
            }
            Ok(in_order(found, |(place, _)| after.is_none_or(|after| *place > after)))
        }
        WhichTenants::ChildrenOf(id) => {
            let parent = inside(app, conn, caller, *id, wanted.deleted_too).await?;
            Ok(children(conn, parent, wanted, after, limit).await?)
        }
        WhichTenants::Below(id) => {
            let root = inside(app, conn, caller, *id, wanted.deleted_too).await?;
            Ok(tenants_below(conn, root, wanted, after, limit).await?)
        }
    }
}

/// The tenant, where the caller may look into it.
pub(super) async fn inside(
    app: &App,
    conn: &mut Conn,
    caller: &Caller,
    id: TenantId,
    deleted_too: bool,
) -> Result<TenantNo> {
    let deleted: Deleted = shown(deleted_too);
    let granted = app.allow_at(conn, caller, Permission::TenantViewer, id, Depth::Inside, deleted).await?;
    Ok(granted.tenant().no)
}

/// The tenants in the order of their numbers given, with what was asked of them.
async fn listed(
    app: &App,
    conn: &mut Conn,
    query: &TenantQuery,
    nos: &[TenantNo],
) -> Result<Vec<ListedTenant>> {
    let now = app.clock.now();
    let mut contacts: HashMap<TenantNo, Vec<Contact>> = HashMap::new();
    if query.contacts && query.lod != Lod::FullWithoutContacts {
        for (no, contact) in store::contacts::of_tenants(conn, nos).await? {
            contacts.entry(no).or_default().push(contact);
        }
    }
    let stored = store::tenants::details_of(conn, nos).await?;
    let mut details: HashMap<TenantNo, Details> =
        stored.into_iter().map(|stored| (stored.tenant.no, Details::at(now, stored))).collect();
    let mut items = embedded(conn, query.items, nos, &details).await?;
    let tenant = |no: &TenantNo| {
        let details = details.remove(no)?;
        let contacts = contacts.remove(no).unwrap_or_default();
        Some(ListedTenant { details, contacts, items: items.remove(no).unwrap_or_default() })
    };
    Ok(nos.iter().filter_map(tenant).collect())
}

async fn embedded(
    conn: &mut Conn,
    which: Embedded,
    nos: &[TenantNo],
    details: &HashMap<TenantNo, Details>,
) -> Result<HashMap<TenantNo, Vec<OfferingItem>>> {
    let mut items: HashMap<TenantNo, Vec<OfferingItem>> = HashMap::new();
    if which == Embedded::Nothing {
        return Ok(items);
    }
    let keys = Keys::load(conn).await?;
    for (no, key, state) in store::offering_items::of_tenants(conn, nos).await? {
        let Some(details) = details.get(&no) else { continue };
        let (id, end) = (details.tenant.id, details.tenant.deleted_at);
        let item = OfferingItem::stored(id, end, &keys, key, state);
        let of_type =
            |item: &OfferingItem| which == Embedded::All || item.item.item_type() == ItemType::Infra;
        items.entry(no).or_default().extend(item.filter(of_type));
    }
    Ok(items)
}
