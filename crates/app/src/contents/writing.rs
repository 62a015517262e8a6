//! Contents on their way in: written whole, then referred to.

use domain::access::Actor;
use domain::report::{Artefact, Content, Place};
use domain::time::Instant;
use store::Write;
use store::objects::PART_BYTES;
use store::runs::{Claim, artefacts};

use super::staged::Staged;
use super::{Places, Reading};
use crate::jobs::builder::held;
use crate::jobs::steps;
use crate::{App, Clock, Error, Result};

/// On whose behalf a content is written, and what is to refer to it.
pub(crate) enum Holder<'a> {
    /// A file of a run that this node is at.
    Run(&'a App, &'a Claim, &'a Artefact),
    /// Whatever refers to a content in another place.
    Mover(&'a Clock, &'a Content),
}

/// Where the pieces of a new content come from.
pub(crate) enum Source {
    /// A file that was made just now.
    Staged(Staged),
    /// Another place.
    Reading(Box<Reading>),
}

/// Writes the content and lets the holder refer to it, or to an equal one that is there already; `false` where the holder
/// is none any more.
pub(crate) async fn keep(places: &Places, holder: &Holder<'_>, new: Content, from: Source) -> Result<bool> {
    let writing = Writing { places, holder, new };
    match writing.new.place {
        Place::Database => writing.in_database(from).await,
        Place::S3 => writing.in_objects(from).await,
    }
}

struct Writing<'a> {
    places: &'a Places,
    holder: &'a Holder<'a>,
    new: Content,
}

impl Writing<'_> {
    /// Piece by piece. With the last it is referred to: most have one, and then the disk is waited for once.
    async fn in_database(&self, mut from: Source) -> Result<bool> {
        let mut no = 0;
        let mut piece;
        (piece, from) = from.next().await?;
        loop {
            let next;
            (next, from) = from.next().await?;
            let Some(mut tx) = self.holder.write(self.places).await? else { return Ok(false) };
            if no == 0 {
                if self.refer_to_equal(&mut tx).await? {
                    return self.commit(tx).await;
                }
                store::contents::begin(&mut tx, &self.new, self.holder.run()).await?;
            } else {
                self.go_on(&mut tx).await?;
            }
            if let Some(piece) = piece {
                store::contents::insert_chunk(&mut tx, self.new.id, no, piece).await?;
                self.holder.reached("after-chunk");
            }
            if next.is_none() {
                return self.refer(tx, no > 0).await;
            }
            tx.commit().await?;
            (piece, no) = (next, no + 1);
        }
    }

    /// In one go, or in parts where it is large. No transaction is open while the object store is waited for.
    async fn in_objects(&self, from: Source) -> Result<bool> {
        let Some(mut tx) = self.holder.write(self.places).await? else { return Ok(false) };
        if self.refer_to_equal(&mut tx).await? {
            return self.commit(tx).await;
        }
        store::contents::begin(&mut tx, &self.new, self.holder.run()).await?;
        tx.commit().await?;
        match self.upload(from).await {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                // Where this fails as well, it is taken for given up in a while.
                self.give_up().await?;
                return Err(error);
            }
        }
        self.holder.reached("after-upload");
        let Some(tx) = self.holder.write(self.places).await? else { return Ok(false) };
        self.refer(tx, true).await
    }

    async fn upload(&self, from: Source) -> Result<bool> {
        let objects = self.places.objects()?;
        let (mut part, mut from) = from.part().await?;
        if part.len() < PART_BYTES {
            objects.put(&self.new, part).await?;
            return Ok(true);
        }
        let upload = objects.begin(&self.new).await?;
        let Some(mut tx) = self.holder.write(self.places).await? else { return Ok(false) };
        store::contents::note_upload(&mut tx, self.new.id, &upload).await?;
        tx.commit().await?;
        let mut parts = Vec::new();
        while !part.is_empty() {
            let put = objects.put_part(&self.new, &upload, parts.len(), part).await?;
            parts.push(put);
            self.holder.reached("after-part");
            let Some(mut tx) = self.holder.write(self.places).await? else { return Ok(false) };
            self.go_on(&mut tx).await?;
            tx.commit().await?;
            (part, from) = from.part().await?;
        }
        objects.complete(&self.new, &upload, parts).await?;
        Ok(true)
    }

    async fn go_on(&self, tx: &mut Write) -> Result<()> {
        if store::contents::go_on(tx, self.new.id).await? {
            return Ok(());
        }
        Err(Error::internal(GIVEN_UP))
    }

    async fn give_up(&self) -> Result<()> {
        let mut tx = self.places.db.write(Actor::System, || self.holder.now()).await?;
        store::contents::give_up(&mut tx, self.new.id).await?;
        Ok(tx.commit().await?)
    }

    /// Where an equal content is whole already, it serves; a mover has one that is to be replaced.
    async fn refer_to_equal(&self, tx: &mut Write) -> Result<bool> {
        let Holder::Run(_, _, file) = self.holder else { return Ok(false) };
        let Some(equal) = store::contents::whole(tx, &self.new.sha256).await? else { return Ok(false) };
        artefacts::mark_saved(tx, file.id, &equal).await?;
        Ok(true)
    }

    /// Lets the holder refer to what is written, or, where somebody else was faster, to theirs.
    async fn refer(&self, mut tx: Write, waited: bool) -> Result<bool> {
        match self.holder {
            Holder::Run(_, _, file) => {
                if waited && self.refer_to_equal(&mut tx).await? {
                    store::contents::give_up(&mut tx, self.new.id).await?;
                } else if store::contents::finish(&mut tx, self.new.id).await? {
                    artefacts::mark_saved(&mut tx, file.id, &self.new).await?;
                } else {
                    return Err(Error::internal(GIVEN_UP));
                }
            }
            Holder::Mover(_, old) => {
                if !store::contents::replace(&mut tx, old.id, self.new.id).await? {
                    // Nobody needs it any more, or another has moved it.
                    store::contents::give_up(&mut tx, self.new.id).await?;
                    tx.commit().await?;
                    return Ok(false);
                }
            }
        }
        self.commit(tx).await
    }

    async fn commit(&self, tx: Write) -> Result<bool> {
        tx.commit().await?;
        self.holder.reached("after-artefact");
        Ok(true)
    }
}

/// A writer that gave no sign for an hour finds its content removed.
const GIVEN_UP: &str = "the content was taken for given up while it was written";

impl Holder<'_> {
    /// A transaction of the holder; `None` where the run is another's by now.
    async fn write(&self, places: &Places) -> Result<Option<Write>> {
        match self {
            Self::Run(app, claim, _) => held(app, claim).await,
            Self::Mover(clock, _) => Ok(Some(places.db.write(Actor::System, || clock.now()).await?)),
        }
    }

    fn run(&self) -> Option<domain::ids::RunId> {
        match self {
            Self::Run(_, claim, _) => Some(claim.stored.run.id),
            Self::Mover(..) => None,
        }
    }

    fn now(&self) -> Instant {
        match self {
            Self::Run(app, ..) => app.clock.now(),
            Self::Mover(clock, _) => clock.now(),
        }
    }

    fn reached(&self, step: &'static str) {
        if let Self::Run(app, ..) = self {
            steps::reached(app, step);
        }
    }
}

impl Source {
    /// The next piece, and what follows it; `None` after the last.
    async fn next(self) -> Result<(Option<Vec<u8>>, Self)> {
        match self {
            Self::Staged(staged) => {
                let (piece, staged) = staged.next().await?;
                Ok((piece, Self::Staged(staged)))
            }
            Self::Reading(mut reading) => Ok((reading.next().await?, Self::Reading(reading))),
        }
    }

    /// The next part of [`PART_BYTES`]; a smaller one, or none, is the last.
    async fn part(mut self) -> Result<(Vec<u8>, Self)> {
        let mut part = Vec::new();
        while part.len() < PART_BYTES {
            let piece;
            (piece, self) = self.next().await?;
            let Some(piece) = piece else { break };
            part.extend_from_slice(&piece);
        }
        Ok((part, self))
    }
}
