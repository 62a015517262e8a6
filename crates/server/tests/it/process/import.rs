//! `tidemark import` as a person runs it.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::harness::{Place, Process, refusal};

const HEADER: &str = "tenant_id,offering_item,value";

/// Imports; what it said on standard output and standard error, and its code.
fn import(place: &Place, file: &PathBuf, more: &[&str]) -> (String, String, Option<i32>) {
    let output = place.command("import").arg(file).args(more).output().expect("the binary under test");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(output.stdout), text(output.stderr), output.status.code())
}

fn written(place: &Place, name: &str, bytes: &[u8]) -> PathBuf {
    let file = place.beside().join(name);
    std::fs::write(&file, bytes).expect("a file");
    file
}

#[test]
fn a_file_is_imported_and_what_is_refused_is_said() {
    let place = Place::new();
    let top = place.first.tenant_id;
    let good = format!("{HEADER}\n{top},vms,7\n{top},workstations,3\n");
    let mixed = format!("{good}{top},vms,-1\n{top},vms,8\n");
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    gz.write_all(mixed.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let broken = written(&place, "broken.csv.gz", &gz[..gz.len() - 1]);
    // What a process that was killed may have left.
    let left = place.data().join("spool").join("upload-left");
    std::fs::create_dir_all(left.parent().unwrap()).unwrap();
    std::fs::write(&left, "x").unwrap();

    let (out, err, code) = import(&place, &broken, &[]);
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(
        err.contains("line 6: the upload cannot be read to its end") && err.contains("nothing was stored"),
        "{err}"
    );
    assert!(!left.exists());

    let good = written(&place, "good.CSV.zst", &zstd::encode_all(good.as_bytes(), 1).unwrap());
    let (out, err, code) = import(&place, &good, &[]);
    assert!(out.starts_with("accepted 2, absorbed 0, refused 0, seq "), "{out}");
    assert_eq!((err.as_str(), code), ("", Some(0)));

    let mixed = written(&place, "mixed", mixed.as_bytes());
    let (_, err, code) = import(&place, &mixed, &[]);
    assert!(err.contains("--format: required") && code == Some(1), "{err}");
    let (out, err, code) = import(&place, &mixed, &["--format", "csv", "--reason", "found late"]);
    let bounds = "must be an integer from 0 to 9007199254740991";
    assert!(
        out.starts_with(&format!("line 4: value: {bounds}\naccepted 1, absorbed 2, refused 1, seq ")),
        "{out}"
    );
    assert_eq!((err.as_str(), code), ("tidemark: 1 reading was refused\n", Some(1)));
}

#[test]
fn a_data_directory_that_is_served_is_left_alone() {
    let place = Place::new();
    let _serving = place.serve();
    let file = written(&place, "none.csv", HEADER.as_bytes());
    let said = refusal(place.command("import").arg(&file));
    assert!(said.contains("is in use by another tidemark"), "{said}");
    let mut missing = Process::start(place.command("import").arg(place.beside().join("no.csv")));
    assert_eq!(missing.ended().code(), Some(1));
}
