//! Where an upload waits until it is known to be whole: in memory, and beyond a mebibyte in a file.
//!
//! A record is: line, tenant, flags, and what the flags say is there, numbers in little endian. It is read by the process
//! that wrote it and by no other, so that it needs no version.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Cursor, Read, Seek as _, Write};
use std::path::Path;

use domain::catalogue::{Catalogue, Item};
use domain::ids::{InfraId, TenantId};
use domain::time::Day;
use domain::usage::Reading;
use uuid::Uuid;

use super::read::Sent;
use crate::spool::nameless;

const IN_MEMORY_BYTES: usize = 1024 * 1024;

const INFRA: u8 = 1;
const DAY: u8 = 2;
const VALUE: u8 = 4;
const KEY: u8 = 8;

/// An upload while it comes in.
pub(super) struct Spool {
    memory: Vec<u8>,
    file: Option<BufWriter<File>>,
}

/// An upload that is whole.
pub(super) struct Spooled(Box<dyn Read + Send>);

impl Spool {
    pub(super) const fn new() -> Self {
        Self { memory: Vec::new(), file: None }
    }

    /// Adds a reading. Where a file is needed it lies in `folder`, made under this name ([`nameless`]).
    pub(super) fn push(&mut self, folder: &Path, name: Uuid, line: u64, sent: &Sent) -> io::Result<()> {
        write(&mut self.memory, line, sent)?;
        if self.memory.len() < IN_MEMORY_BYTES {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::new(nameless(folder, name)?)),
        };
        file.write_all(&self.memory)?;
        self.memory.clear();
        Ok(())
    }

    /// Ends the writing; what was written can be read, from the begin.
    pub(super) fn finish(mut self) -> io::Result<Spooled> {
        let Some(file) = self.file.take() else { return Ok(Spooled(Box::new(Cursor::new(self.memory)))) };
        let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.write_all(&self.memory)?;
        file.rewind()?;
        Ok(Spooled(Box::new(BufReader::with_capacity(IN_MEMORY_BYTES / 4, file))))
    }
}

impl Spooled {
    /// The next readings with their lines, at most so many; none at the end.
    pub(super) fn next(&mut self, most: usize) -> io::Result<Vec<(u64, Sent)>> {
        let mut readings = Vec::new();
        while readings.len() < most
            && let Some(reading) = read(&mut self.0)?
        {
            readings.push(reading);
        }
        Ok(readings)
    }
}

fn write(out: &mut Vec<u8>, line: u64, sent: &Sent) -> io::Result<()> {
    let Sent { tenant, item, infra, day, value, key } = sent;
    let flag = |bit, is_there| if is_there { bit } else { 0 };
    out.write_all(&line.to_le_bytes())?;
    out.write_all(tenant.0.as_bytes())?;
    out.push(
        flag(INFRA, infra.is_some())
            | flag(DAY, day.is_some())
            | flag(VALUE, value.is_some())
            | flag(KEY, key.is_some()),
    );
    write_text(out, &item.name)?;
    if let Some(infra) = infra {
        out.write_all(infra.0.as_bytes())?;
    }
    if let Some(day) = day {
        out.write_all(&day.0.to_le_bytes())?;
    }
    if let Some(value) = value {
        out.write_all(&value.get().to_le_bytes())?;
    }
    key.as_ref().map_or(Ok(()), |key| write_text(out, key))
}

/// The next reading; `None` at the end.
fn read(input: &mut impl Read) -> io::Result<Option<(u64, Sent)>> {
    let mut line = [0; 8];
    let begun = input.read(&mut line)?;
    if begun == 0 {
        return Ok(None);
    }
    input.read_exact(line.get_mut(begun..).unwrap_or_default())?;
    let tenant = TenantId(Uuid::from_bytes(array(input)?));
    let [flags] = array(input)?;
    let sent = Sent {
        tenant,
        item: known_item(&read_text(input)?)?,
        infra: there(flags & INFRA, || Ok(InfraId(Uuid::from_bytes(array(input)?))))?,
        day: there(flags & DAY, || Ok(Day(i32::from_le_bytes(array(input)?))))?,
        value: there(flags & VALUE, || {
            Reading::new(i64::from_le_bytes(array(input)?)).map_err(io::Error::other)
        })?,
        key: there(flags & KEY, || read_text(input))?,
    };
    Ok(Some((u64::from_le_bytes(line), sent)))
}

fn there<T>(flag: u8, read: impl FnOnce() -> io::Result<T>) -> io::Result<Option<T>> {
    if flag == 0 { Ok(None) } else { read().map(Some) }
}

fn known_item(name: &str) -> io::Result<&'static Item> {
    Catalogue::embedded().item(name).ok_or_else(|| io::Error::other("a spooled item is unknown"))
}

fn array<const N: usize>(input: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Names of items and keys: at most 1,024 bytes.
fn write_text(out: &mut Vec<u8>, text: &str) -> io::Result<()> {
    let length = u16::try_from(text.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(text.as_bytes())
}

fn read_text(input: &mut impl Read) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(u16::from_le_bytes(array(input)?))];
    input.read_exact(&mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sent() -> impl Strategy<Value = Sent> {
        let items = Catalogue::embedded().items();
        let value = (0..=domain::usage::MAX_READING).prop_map(|value| Reading::new(value).unwrap());
        (
            any::<u128>(),
            0..items.len(),
            prop::option::of(any::<u128>()),
            prop::option::of(any::<i32>()),
            prop::option::of(value),
            prop::option::of(".{1,256}"),
        )
            .prop_map(|(tenant, item, infra, day, value, key)| Sent {
                tenant: TenantId(Uuid::from_u128(tenant)),
                item: &items[item],
                infra: infra.map(|infra| InfraId(Uuid::from_u128(infra))),
                day: day.map(Day),
                value,
                key,
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        #[test]
        fn what_is_spooled_comes_back_in_its_order(sent in prop::collection::vec(sent(), 1..40), times in 1_u64..200) {
            let folder = std::env::temp_dir().join(format!("tidemark-spool-{}", std::process::id()));
            let mut spool = Spool::new();
            let mut expected = Vec::new();
            for line in 0..times {
                for sent in &sent {
                    spool.push(&folder, Uuid::from_u128(line.into()), line, sent).unwrap();
                    expected.push(format!("{:?}", (line, sent)));
                }
            }
            let (mut spooled, mut found) = (spool.finish().unwrap(), Vec::new());
            loop {
                let chunk = spooled.next(1_000).unwrap();
                if chunk.is_empty() {
                    break;
                }
                found.extend(chunk.iter().map(|reading| format!("{reading:?}")));
            }
            prop_assert_eq!(found, expected);
            prop_assert_eq!(std::fs::read_dir(&folder).map_or(0, Iterator::count), 0);
            let _ = std::fs::remove_dir(&folder);
        }
    }
}
