//! The users of a tenant, in an order.

use std::collections::HashMap;
use std::str::FromStr;

use domain::access::Permission;
use domain::ids::{InfraId, TenantId, UserId};
use domain::tenant::{Tenant, TenantKind};
use store::Conn;
use store::users::Listed;

use crate::access::Depth;
use crate::tenants::{UnknownOrder, is_meant, shown, usage_order};
use crate::{App, Caller, Result};

/// What a list of users is ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderBy {
    /// As they were made.
    AsIs,
    /// By login.
    Login,
    /// Enabled ones first.
    Status,
    /// By first name, then last name, then login.
    Name,
    /// By the words of their roles.
    Roles,
    /// By the level of their tenant.
    Level,
    /// By what the meters of their personal tenants say now.
    Usage(String, Option<InfraId>),
    /// By the word of their second factor's status.
    MfaStatus,
    /// By what their contact is for.
    ContactTypes,
}

/// An order of users: a word of [`OrderBy`], with `-` in front to reverse it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// By what.
    pub by: OrderBy,
    /// Backwards.
    pub reversed: bool,
}

impl Default for Order {
    fn default() -> Self {
        Self { by: OrderBy::Name, reversed: false }
    }
}

impl FromStr for Order {
    type Err = UnknownOrder;

    fn from_str(text: &str) -> std::result::Result<Self, UnknownOrder> {
        let (reversed, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        let by = match word {
            "as_is" => OrderBy::AsIs,
            "login" => OrderBy::Login,
            "status" => OrderBy::Status,
            "name" => OrderBy::Name,
            "roles" => OrderBy::Roles,
            "level" => OrderBy::Level,
            "mfa_status" => OrderBy::MfaStatus,
            "contact_types" => OrderBy::ContactTypes,
            _ => usage_order(word).map(|(name, infra)| OrderBy::Usage(name, infra)).ok_or(UnknownOrder)?,
        };
        Ok(Self { by, reversed })
    }
}

/// What a list of users may add and how it is ordered.
#[derive(Debug, Clone, Default)]
pub struct ListOptions {
    /// `include_grand_children`: those of the units of a customer, or of the folders of anything else, too.
    pub grand_children: bool,
    /// `allow_deleted`.
    pub deleted_too: bool,
    /// The order.
    pub order: Order,
}

/// The ids of a tenant's users, for whoever may look into it. A closed folder, and what lies below it, is skipped.
pub async fn of_tenant(
    app: &App,
    caller: &Caller,
    id: TenantId,
    options: &ListOptions,
) -> Result<Vec<UserId>> {
    let mut conn = app.read().await?;
    let deleted = shown(options.deleted_too);
    let granted =
        app.allow_at(&mut conn, caller, Permission::TenantViewer, id, Depth::Inside, deleted).await?;
    let tenant = granted.tenant();
    let through = options.grand_children.then(|| grand_children(tenant));
    let users = store::users::in_tenant(&mut conn, tenant.no, through, options.deleted_too).await?;
    let mut keyed = keys(&mut conn, tenant, through, &options.order.by, users).await?;
    keyed.sort_by(|(a, x), (b, y)| {
        let ordering = a.cmp(b).then_with(|| by_name(x).cmp(&by_name(y)));
        if options.order.reversed { ordering.reverse() } else { ordering }
    });
    Ok(keyed.into_iter().map(|(_, listed)| listed.user.id).collect())
}

/// The kind of tenants that are parts of this one's organization (`include_grand_children`).
pub(crate) const fn grand_children(tenant: &Tenant) -> TenantKind {
    match tenant.kind {
        TenantKind::Customer | TenantKind::Unit => TenantKind::Unit,
        _ => TenantKind::Folder,
    }
}

/// What a user is compared by before its name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i128),
    Words(String),
}

fn by_name(listed: &Listed) -> (String, &str, UserId) {
    let part = |member| listed.user.contact.text(member).unwrap_or_default().to_lowercase();
    (format!("{}\0{}", part("firstname"), part("lastname")), &listed.user.login, listed.user.id)
}

async fn keys(
    conn: &mut Conn,
    tenant: &Tenant,
    through: Option<TenantKind>,
    by: &OrderBy,
    users: Vec<Listed>,
) -> Result<Vec<(Key, Listed)>> {
    let roles = if *by == OrderBy::Roles { roles(conn, &users).await? } else { HashMap::new() };
    let mut usages: HashMap<UserId, i128> = HashMap::new();
    if let OrderBy::Usage(name, infra) = by {
        for (user, item, meter, level) in store::users::personal_usages(conn, tenant.no, through).await? {
            if is_meant(name, *infra, &item, meter) {
                *usages.entry(user).or_default() += i128::from(level);
            }
        }
    }
    let key = |(place, listed): (usize, &Listed)| match by {
        OrderBy::AsIs => Key::Number(place as i128),
        OrderBy::Login => Key::Words(listed.user.login.to_lowercase()),
        OrderBy::Status => Key::Number(i128::from(!listed.user.enabled)),
        OrderBy::Name => Key::Number(0),
        OrderBy::MfaStatus => Key::Words(listed.user.mfa_status.to_string()),
        OrderBy::Roles => Key::Words(roles.get(&listed.user.id).cloned().unwrap_or_default()),
        OrderBy::Level => Key::Number(i128::from(listed.level)),
        OrderBy::Usage(..) => Key::Number(usages.get(&listed.user.id).copied().unwrap_or(0)),
        OrderBy::ContactTypes => Key::Words(words(&listed.user.contact.types)),
    };
    let keys: Vec<Key> = users.iter().enumerate().map(key).collect();
    Ok(keys.into_iter().zip(users).collect())
}

async fn roles(conn: &mut Conn, users: &[Listed]) -> Result<HashMap<UserId, String>> {
    let ids: Vec<UserId> = users.iter().map(|listed| listed.user.id).collect();
    let mut roles: HashMap<UserId, Vec<&'static str>> = HashMap::new();
    for (user, role) in store::policies::roles_of(conn, &ids).await? {
        roles.entry(user).or_default().push(role.as_str());
    }
    let joined = |(user, mut roles): (UserId, Vec<&str>)| {
        roles.sort_unstable();
        (user, roles.join(","))
    };
    Ok(roles.into_iter().map(joined).collect())
}

fn words<T: ToString>(words: &[T]) -> String {
    words.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
