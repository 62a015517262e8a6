//! What a reader could see of a tenant when a change was made.

use std::collections::{HashMap, HashSet};

use domain::ids::TenantNo;
use store::Conn;
use store::changes::{Logged, Past};

use crate::Result;

/// More levels than any tree has.
const DEEPEST: usize = 1_000;

/// Keeps the changes of tenants that stood at or below `root` when they were made, with no closed tenant between; and of
/// a tenant that was closed itself only those of its own properties.
pub(super) async fn retain(conn: &mut Conn, root: TenantNo, changes: &mut Vec<Logged>) -> Result<()> {
    let pasts = load(conn, root, changes).await?;
    changes.retain(|change| could_see(&pasts, root, change));
    Ok(())
}

/// The past of the tenants of these changes, and of all that ever stood above them up to `root`: level by level.
async fn load(conn: &mut Conn, root: TenantNo, changes: &[Logged]) -> Result<HashMap<TenantNo, Past>> {
    let mut pasts: HashMap<TenantNo, Past> = HashMap::new();
    let mut level: HashSet<TenantNo> = changes.iter().map(|change| change.tenant).collect();
    while !level.is_empty() {
        let read = store::changes::pasts(conn, &Vec::from_iter(level)).await?;
        let parents: HashSet<TenantNo> = read.values().flat_map(Past::all_parents).collect();
        pasts.extend(read);
        level = parents.into_iter().filter(|no| *no != root && !pasts.contains_key(no)).collect();
    }
    Ok(pasts)
}

fn could_see(pasts: &HashMap<TenantNo, Past>, root: TenantNo, change: &Logged) -> bool {
    let (mut no, seq) = (change.tenant, change.position.seq);
    let mut must_be_open = change.is_inside();
    for _ in 0..DEEPEST {
        if no == root {
            return true;
        }
        let Some(past) = pasts.get(&no) else { return false };
        let parent = past.parent_at(seq);
        if parent == no || (must_be_open && !past.is_open_at(seq)) {
            return false;
        }
        no = parent;
        must_be_open = true;
    }
    false
}
