use std::collections::BTreeMap;

use proptest::prelude::*;
use store::Arg;
use store::tables::{Column, Kind, Table};

use super::format::{End, Header, Part, Parts, RowsOut, TableHead};
use super::{Failure, Fault, Reader, Whole, check};
use crate::tables::Digest;

const KINDS: [Kind; 3] = [Kind::Int, Kind::Text, Kind::Blob];

fn table() -> Table {
    let column = |(name, kind): (&str, Kind)| Column { name: name.to_owned(), kind, is_nullable: true };
    let columns = ["a", "b", "c"].into_iter().zip(KINDS).map(column).collect();
    Table { name: "things".to_owned(), columns, key: vec!["a".to_owned()] }
}

fn row() -> impl Strategy<Value = Vec<Arg>> {
    let (int, text, blob) = (any::<Option<i64>>(), any::<Option<String>>(), any::<Option<Vec<u8>>>());
    (int, text, blob).prop_map(|(int, text, blob)| vec![Arg::Int(int), Arg::Text(text), Arg::Blob(blob)])
}

/// A backup of one table, some rows a part.
fn written(rows: &[Vec<Arg>], schema: i64) -> Vec<u8> {
    let (table, mut out) = (table(), Vec::new());
    let header = Header {
        tidemark: "9.9.9".to_owned(),
        schema,
        database: "sqlite".to_owned(),
        made_at: "2026-05-08T10:58:53Z".to_owned(),
        tables: vec![TableHead::of(&table, rows.len() as u64)],
    };
    let mut parts = Parts::begin(&mut out).unwrap();
    parts.json(Part::Header, &header).unwrap();
    let mut digest = Digest::new();
    for some in rows.chunks(3) {
        let mut part = RowsOut::of(0);
        for row in some {
            digest.take(row);
            part.add(row);
        }
        parts.rows(&part).unwrap();
    }
    let end = End { tables: vec![digest.end(&table)], counters: BTreeMap::new() };
    parts.json(Part::End, &end).unwrap();
    parts.end().unwrap();
    out
}

fn read(file: &[u8]) -> Result<Whole, Failure> {
    check(Reader::open(file)?, |_, _| {})
}

fn some_rows() -> Vec<Vec<Arg>> {
    let row = |n| vec![Arg::Int(Some(n)), Arg::Text(Some("ä\0".to_owned())), Arg::Blob(None)];
    (0..7).map(row).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(rows in prop::collection::vec(row(), 0..20)) {
        let file = written(&rows, 1);
        let mut reader = Reader::open(file.as_slice()).unwrap();
        let mut found = Vec::new();
        while let Some(mut part) = reader.rows_of(0).unwrap() {
            while let Some(row) = part.next(&table()).unwrap() {
                found.push(row);
            }
        }
        prop_assert_eq!(found, rows);
        let whole = read(&file).unwrap();
        prop_assert_eq!(whole.bytes, file.len() as u64);
    }
}

#[test]
fn its_checksum_is_that_of_the_file() {
    let file = written(&some_rows(), 1);
    let sha256 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &file);
    assert_eq!(read(&file).unwrap().sha256, crate::ids::hex(sha256.as_ref()));
}

#[test]
fn every_flipped_bit_is_found() {
    let file = written(&some_rows(), 1);
    assert_eq!(read(&file).unwrap().rows(), 7);
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert!(read(&flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused_and_so_is_a_longer_one() {
    let file = written(&some_rows(), 1);
    for length in 0..file.len() {
        let refused = read(&file[..length]).unwrap_err();
        assert!(matches!(refused, Failure::File(Fault::CutOff(_))), "{length}: {refused}");
    }
    let longer = [file.as_slice(), b"\n"].concat();
    assert!(matches!(read(&longer), Err(Failure::File(Fault::Trailing(_)))));
}

#[test]
fn parts_that_change_places_are_found() {
    let rows = some_rows();
    let (file, one, two) = (written(&rows, 1), written(&rows[..3], 1), written(&rows[3..], 1));
    assert_ne!(one.len(), file.len());
    // The second file's rows behind the first one's head: each part is right by itself.
    let spliced = [&one[..one.len() - 40], &two[two.len() - 40..]].concat();
    assert!(read(&spliced).is_err());
}

#[test]
fn what_is_none_or_newer_is_refused_by_name() {
    for foreign in [
        &b"SQLite format 3\0"[..],
        b"tidemark backups",
        b"\x28\xb5\x2f\xfd",
        b"tidemark backup \n\n\n\n\n\n\n\n\n\n\n",
    ] {
        let refused = read(foreign).unwrap_err().to_string();
        assert!(refused.contains("not a backup of Tidemark") || refused.contains("format "), "{refused}");
    }
    let newer = read(b"tidemark backup 2\nwhatever").unwrap_err().to_string();
    assert!(newer.contains("format 2, which a newer Tidemark made"), "{newer}");
    let newer = read(&written(&[], 1_000_000)).unwrap_err().to_string();
    assert!(newer.contains("the schema 1000000 of Tidemark 9.9.9"), "{newer}");
}
