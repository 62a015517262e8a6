//! A backup becomes an installation: in one transaction, so that one cut short leaves none.

use std::io::Read;

use domain::access::Actor;
use domain::time::Instant;
use store::tables::{self, Table};
use store::{Db, Write};

use super::{Failure, Fault, Reader, Whole};
use crate::Clock;
use crate::auth::sealing::SealingKey;
use crate::tables::{Filling, Sum, sum};

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The backup.
    pub backup: Whole,
    /// The mails that are held, as they may have left after the backup was made.
    pub held: i64,
}

/// Restores a backup into a database without an installation, reads all of it back and compares. A backup of an older
/// schema is brought to this one's. Where there is a key file already, it must open the backup's signing keys. `progress`
/// is told how many steps are done, and of how many: each row is written and read back.
pub async fn restore<R: Read>(
    mut file: Reader<R>,
    target: &Db,
    clock: &Clock,
    sealing: Option<&SealingKey>,
    progress: impl Fn(u64, u64),
) -> Result<Restored, Failure> {
    let made_at: Instant = file
        .header()
        .made_at
        .parse()
        .map_err(|_| Fault::Contents("the moment it was made is none".to_owned()))?;
    let mut tx = target.write(Actor::System, || clock.now()).await?;
    let tables = empty_tables(&mut tx, &file).await?;
    let put_off = tables::begin_filling(&mut tx).await?;
    for table in &tables {
        tables::clear(&mut tx, table).await?;
    }
    let all: u64 = file.header().tables.iter().map(|table| table.rows).sum();
    let mut done = 0;
    let mut step = || {
        done += 1;
        progress(done, 2 * all);
    };
    let sums = fill(&mut file, &mut tx, &tables, &mut step).await?;
    for (table, filled) in tables.iter().zip(&sums) {
        if sum(tables::rows(&mut tx, table), table, &mut step).await? != *filled {
            return Err(Failure::Differs { table: table.name.clone() });
        }
    }
    if let Some(table) = tables::end_filling(&mut tx, put_off).await? {
        return Err(Fault::Contents(format!("a row of {table} refers to one that is not there")).into());
    }
    tx.migrate(None).await?;
    if let Some(sealing) = sealing {
        check_key(&mut tx, sealing).await?;
    }
    store::restores::settle(&mut tx, made_at).await?;
    let held = store::restores::count_held(&mut tx).await?;
    tx.commit().await?;
    Ok(Restored { backup: file.whole(sums), held })
}

/// The tables of the backup's schema in a database that holds no installation.
async fn empty_tables<R: Read>(tx: &mut Write, file: &Reader<R>) -> Result<Vec<Table>, Failure> {
    let backup = file.header().schema;
    if let Some(there) = tx.schema().await? {
        if store::history::days(tx).await?.is_some() {
            return Err(Failure::Occupied);
        }
        if there != backup {
            return Err(Failure::OtherSchema { there, backup });
        }
    }
    tx.migrate(Some(backup)).await?;
    let here = tables::all(tx).await?;
    let shape = |table: &Table| {
        let columns = table.columns.iter().map(|column| (column.name.clone(), column.kind));
        (table.name.clone(), columns.collect::<Vec<_>>())
    };
    let mut ordered = Vec::with_capacity(here.len());
    for table in file.tables() {
        // Columns stand in the order of the key first: the same in both, or it is another table.
        let found = here.iter().find(|it| shape(it) == shape(table));
        let other = || Fault::Contents(format!("its table {} is not the one of its schema", table.name));
        ordered.push(found.cloned().ok_or_else(other)?);
    }
    if ordered.len() != here.len() {
        return Err(Fault::Contents("it lacks tables of its schema".to_owned()).into());
    }
    Ok(ordered)
}

/// Fills all tables from the file; gives the sums, which are those that the file ends with.
async fn fill<R: Read>(
    file: &mut Reader<R>,
    tx: &mut Write,
    tables: &[Table],
    step: &mut impl FnMut(),
) -> Result<Vec<Sum>, Failure> {
    let mut sums = Vec::with_capacity(tables.len());
    for (place, table) in tables.iter().enumerate() {
        let mut filling = Filling::of(table);
        while let Some(mut rows) = file.rows_of(place)? {
            while let Some(row) = rows.next(table)? {
                filling.add(tx, row).await?;
                step();
            }
        }
        sums.push(filling.end(tx).await?);
    }
    let counters = file.end(&sums)?;
    tables::count_on(tx, &counters).await?;
    Ok(sums)
}

/// Opens the key that signs: with another key file no server would start.
async fn check_key(tx: &mut Write, sealing: &SealingKey) -> Result<(), Failure> {
    let Some(key) = store::keys::active(tx).await? else { return Ok(()) };
    let opened = sealing.open(&key.public.kid, &key.sealed_pkcs8);
    opened.map(drop).map_err(|_| Failure::OtherKey)
}
