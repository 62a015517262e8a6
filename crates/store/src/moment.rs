//! The moment: the one number that stamps of changes and `timestamp`s of lists both come from, so that whoever asks for
//! what changed since a `timestamp` misses nothing (ADR 8).

use domain::access::Actor;
use domain::time::Instant;

use crate::{Conn, Db, Result, Write, args};

impl Conn {
    /// The newest stamp, or promise of one, that the snapshot shows: it holds all changes stamped up to then, and whatever
    /// is not in it yet is stamped later.
    pub async fn moment(&mut self) -> Result<Instant> {
        self.count("SELECT moment AS n FROM acceptance", Vec::new()).await.map(Instant)
    }
}

impl Write {
    /// This transaction's stamp, taken at the first call: the clock's time, but later than every stamp and moment before.
    ///
    /// It is for `updated_at`, and for `deleted_at` of what lists of changes show: nothing else may be written there.
    pub async fn stamp(&mut self) -> Result<Instant> {
        if let Some(stamp) = self.stamp {
            return Ok(stamp);
        }
        let now = self.now();
        // From here to the commit nobody else takes one, on any node, as the row is theirs too: stamps become visible in
        // their order.
        let sql = "UPDATE acceptance SET moment = CASE WHEN moment < $1 THEN $1 ELSE moment + 1 END RETURNING moment";
        let row = self.one(sql, args![now]).await?;
        let stamp = row.map_or(Ok(now), |row| row.instant("moment"))?;
        self.stamp = Some(stamp);
        Ok(stamp)
    }
}

impl Db {
    /// Promises that every later stamp is later than the clock's time, in a turn of the writer.
    pub async fn pass(&self, clock: impl FnOnce() -> Instant) -> Result<()> {
        let mut tx = self.write(Actor::System, clock).await?;
        let now = tx.now();
        tx.run("UPDATE acceptance SET moment = $1 WHERE moment < $1", args![now]).await?;
        tx.commit().await
    }
}
