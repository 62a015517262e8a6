//! `GET /search` (accounts-api, 2.1).

use domain::access::Permission;
use domain::ids::{TenantId, TenantNo};
use domain::words::deciding_words;
use store::search::Question;

use crate::access::Depth;
use crate::tenants::shown;
use crate::{App, Caller, Result};

pub use store::search::{Found, Hit};

/// What is searched for, and where.
#[derive(Debug, Clone)]
pub struct Search {
    /// The tenant whose objects, and those of all below it, are searched.
    pub tenant: TenantId,
    /// Its words are the beginnings of words.
    pub text: String,
    /// The most objects found.
    pub limit: i64,
    /// Whether deleted objects are found.
    pub deleted_too: bool,
}

/// The objects found, each with the names from the searched tenant down to what it stands in: the searched tenant first,
/// then by level, tenants before users, by name. Closed subtrees are left out; with more than the limit, which ones come is
/// open but for the searched tenant.
pub async fn search(app: &App, caller: &Caller, search: &Search) -> Result<Vec<(Found, Vec<String>)>> {
    let mut conn = app.read().await?;
    let (viewer, deleted) = (Permission::TenantViewer, shown(search.deleted_too));
    let granted = app.allow_at(&mut conn, caller, viewer, search.tenant, Depth::Inside, deleted).await?;
    let root = granted.tenant().no;
    let words = deciding_words(&search.text);
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let (deleted_too, limit) = (search.deleted_too, search.limit);
    let question = Question { root, words: &words, deleted_too, limit };
    let mut found: Vec<Found> = question.root(&mut conn).await?.into_iter().collect();
    for tenant in question.tenants(&mut conn).await? {
        if !found.contains(&tenant) {
            found.push(tenant);
        }
    }
    let room = limit.saturating_sub(i64::try_from(found.len()).unwrap_or(limit));
    if room > 0 {
        found.extend(Question { limit: room, ..question }.users(&mut conn).await?);
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    found.sort_by_cached_key(order);
    let above: Vec<TenantNo> = found.iter().map(|found| found.above).collect();
    let paths = store::search::names_above(&mut conn, root, &above).await?;
    let with_path = |found: Found| {
        let is_root = found.depth == 0 && matches!(found.hit, Hit::Tenant { .. });
        let path = paths.get(&found.above).filter(|_| !is_root).cloned().unwrap_or_default();
        (found, path)
    };
    Ok(found.into_iter().map(with_path).collect())
}

fn order(found: &Found) -> (i64, bool, String, String) {
    match &found.hit {
        Hit::Tenant { id, name, .. } => (found.depth, false, name.to_lowercase(), id.to_string()),
        Hit::User { id, login, .. } => (found.depth, true, login.to_lowercase(), id.to_string()),
    }
}
