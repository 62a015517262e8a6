//! Contents move from one place to another beside servers at work: each is written anew in the other place, checked as it
//! is read, and then takes the place of the old one in one transaction. Broken off, it goes on with those that are left.

use domain::report::{Content, Place};

use super::writing::{Holder, Source, keep};
use super::{Damaged, Places, checking};
use crate::{Clock, Ids, Result};

/// What became of the contents that were elsewhere.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    /// How many were moved.
    pub contents: u64,
    /// Their compressed bytes.
    pub bytes: u64,
    /// Those that are damaged and stay where they are, in words.
    pub damaged: Vec<String>,
}

/// How many contents lie elsewhere.
pub async fn count(places: &Places, to: Place) -> Result<i64> {
    Ok(store::contents::count_elsewhere(&mut places.db.read().await?, to).await?)
}

/// Moves them; `moved` hears of each. Fails where the other place cannot be used: what was moved by then is moved.
pub async fn all(
    places: &Places,
    (clock, ids): (&Clock, &Ids),
    to: Place,
    moved: impl Fn(),
) -> Result<Moved> {
    if to == Place::S3 {
        places.objects()?;
    }
    let (mut sum, mut last) = (Moved::default(), None);
    loop {
        let batch = checking::after(places, last).await?;
        let Some(end) = batch.last() else { return Ok(sum) };
        last = Some(end.id);
        for old in batch.into_iter().filter(|content| content.place != to) {
            let new = Content { id: domain::ids::ContentId(ids.other()?), place: to, ..old.clone() };
            let from = Source::Reading(Box::new(places.read(old.clone())));
            match keep(places, &Holder::Mover(clock, &old), new, from).await {
                Ok(true) => {
                    sum.contents += 1;
                    sum.bytes += u64::try_from(old.size_bytes).unwrap_or(0);
                }
                // Nobody needs it any more.
                Ok(false) => {}
                Err(error) => sum.damaged.push(Damaged::of(error)?.to_string()),
            }
            moved();
        }
    }
}
