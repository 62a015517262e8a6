//! Whether all that should be kept is there, and nothing else: for `tidemark verify`.

use domain::access::Actor;
use domain::ids::ContentId;
use domain::report::{Content, Place};
use domain::time::Instant;
use futures_util::TryStreamExt as _;
use store::objects::Stored;

use super::{Damaged, Places};
use crate::Result;

/// How many contents are looked up at a time.
const BATCH: i64 = 200;
/// The most orphans that are named.
const MOST_ORPHANS: usize = 1_000;
/// How old an object must be before it is taken for an orphan: far older than any upload that is under way, whatever the
/// clocks say.
const ORPHAN_SECONDS: i64 = 86_400;

/// How many contents there are to check, and their compressed bytes.
pub async fn count(places: &Places) -> Result<(i64, i64)> {
    Ok(store::contents::count_whole(&mut places.db.read().await?).await?)
}

/// The next contents after this one; none after the last.
pub async fn after(places: &Places, last: Option<ContentId>) -> Result<Vec<Content>> {
    Ok(store::contents::after(&mut places.db.read().await?, last, BATCH).await?)
}

/// Reads all of a content and says what is wrong with it, if anything. Fails where its place cannot be reached.
pub async fn damage(places: &Places, content: Content) -> Result<Option<String>> {
    let mut reading = places.read(content);
    loop {
        match reading.next().await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(None),
            Err(error) => {
                let (damaged, id) = (Damaged::of(error)?, reading.content().id);
                let is_kept = store::contents::is_whole(&mut places.db.read().await?, id).await?;
                // One that left meanwhile is nobody's.
                return Ok(is_kept.then(|| damaged.to_string()));
            }
        }
    }
}

/// What is kept though nothing refers to it, and nothing would remove it.
#[derive(Debug, Clone, Default)]
pub struct Orphans {
    /// Contents.
    pub contents: Vec<Content>,
    /// Objects in the object store that no row knows: left by a database that was restored from a backup, or put there by
    /// somebody else.
    pub objects: Vec<Stored>,
}

/// Finds them, of very many the first.
pub async fn orphans(places: &Places, now: Instant) -> Result<Orphans> {
    let contents = store::contents::kept_for_nothing(&mut places.db.read().await?, BATCH).await?;
    let mut objects = Vec::new();
    if let Ok(store) = places.objects() {
        let oldest = now.plus_seconds(-ORPHAN_SECONDS);
        let mut all = store.list();
        while let Some(found) = all.try_next().await? {
            if objects.len() == MOST_ORPHANS {
                break;
            }
            if found.written_at < oldest && !is_known(places, &found).await? {
                objects.push(found);
            }
        }
    }
    Ok(Orphans { contents, objects })
}

/// The row of a content is there before its object is.
async fn is_known(places: &Places, found: &Stored) -> Result<bool> {
    let Some(id) = found.id else { return Ok(false) };
    Ok(store::contents::place(&mut places.db.read().await?, id).await? == Some(Place::S3))
}

/// Lets the next sweep take the contents, and deletes the objects.
pub async fn remove(places: &Places, orphans: &Orphans, now: Instant) -> Result<()> {
    if !orphans.contents.is_empty() {
        let mut tx = places.db.write(Actor::System, || now).await?;
        store::contents::look_at_kept_for_nothing(&mut tx).await?;
        tx.commit().await?;
    }
    for object in &orphans.objects {
        places.objects()?.delete_stored(object).await?;
    }
    Ok(())
}
