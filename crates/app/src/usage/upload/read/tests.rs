//! The readers take any bytes: they refuse, and never panic, whatever the compression.

use std::io::Write as _;

use proptest::prelude::*;

use super::super::broken::Broken;
use super::super::open::Encoding;
use super::{Flaw, Format, Sent, read};

const FORMATS: [Format; 3] = [Format::Json, Format::Ndjson, Format::Csv];
const ENCODINGS: [Encoding; 3] = [Encoding::Identity, Encoding::Gzip, Encoding::Zstd];

type Readings = Vec<(u64, Result<Sent, Flaw>)>;

fn readings(format: Format, encoding: Encoding, mut bytes: &[u8]) -> Result<Readings, Broken> {
    let mut found = Vec::new();
    let opened = encoding.open(&mut bytes, 1 << 20).map_err(Broken::Spool)?;
    read(format, opened, &mut |line, checked| {
        found.push((line, checked));
        Ok(())
    })?;
    Ok(found)
}

fn encoded(encoding: Encoding, plain: &[u8]) -> Vec<u8> {
    match encoding {
        Encoding::Identity => plain.to_vec(),
        Encoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(plain).unwrap();
            encoder.finish().unwrap()
        }
        Encoding::Zstd => zstd::encode_all(plain, 1).unwrap(),
    }
}

/// Bytes that look like an upload here and there.
fn nearly_an_upload() -> impl Strategy<Value = Vec<u8>> {
    let parts = [
        "tenant_id",
        "offering_item",
        "value",
        "key",
        "\"",
        "\"\"",
        ",",
        "\n",
        "\r\n",
        "{",
        "}",
        "[",
        "]",
        ":",
        "1",
        "-",
        "vms",
        "dbcacdd4-17f5-4678-8175-f6c35c23fb2d",
        "true",
        "null",
        " ",
        "\u{feff}",
        "\u{1}",
        "é",
        "readings",
    ];
    let part = prop_oneof![
        9 => prop::sample::select(parts.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..9),
    ];
    prop::collection::vec(part, 0..60).prop_map(|parts| parts.concat())
}

fn cell() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "\"", ",", "\n", "\r\n", "ü", " "]), 1..8)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in nearly_an_upload(), raw in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in FORMATS {
            for encoding in ENCODINGS {
                let _ = readings(format, encoding, &raw);
                let _ = readings(format, encoding, &encoded(encoding, &bytes));
            }
        }
    }

    #[test]
    fn what_is_cut_off_is_refused(lines in 1_usize..40, cut in 0.0_f64..1.0) {
        let plain = "{\"tenant_id\":1}\n".repeat(lines);
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let whole = encoded(encoding, plain.as_bytes());
            prop_assert_eq!(readings(Format::Ndjson, encoding, &whole).unwrap().len(), lines);
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let kept = 1 + ((whole.len() - 1) as f64 * cut) as usize;
            prop_assert!(kept == whole.len() || readings(Format::Ndjson, encoding, &whole[..kept]).is_err());
        }
    }

    #[test]
    fn a_key_comes_through_csv_and_json_as_it_was(keys in prop::collection::vec(cell(), 1..6)) {
        let tenant = "dbcacdd4-17f5-4678-8175-f6c35c23fb2d";
        let mut csv = "key,value,offering_item,tenant_id\r\n".to_owned();
        let mut json = Vec::new();
        for key in &keys {
            csv.push_str(&["\"", &key.replace('"', "\"\""), "\",7,vms,", tenant, "\r\n"].concat());
            json.push(serde_json::json!({"tenant_id": tenant, "offering_item": "vms", "value": 7, "key": key}));
        }
        let json = serde_json::to_vec(&json).unwrap();
        for found in [
            readings(Format::Csv, Encoding::Identity, csv.as_bytes()).unwrap(),
            readings(Format::Json, Encoding::Identity, &json).unwrap(),
        ] {
            let found: Vec<String> = found.into_iter().map(|(_, sent)| sent.unwrap().key.unwrap()).collect();
            prop_assert_eq!(&found, &keys);
        }
    }
}

#[test]
fn a_header_alone_and_an_empty_array_hold_no_reading() {
    for (format, text) in
        [(Format::Csv, "value\n"), (Format::Json, " [ ] "), (Format::Ndjson, "\n\n"), (Format::Ndjson, "")]
    {
        assert!(readings(format, Encoding::Identity, text.as_bytes()).unwrap().is_empty());
    }
}

#[test]
fn a_window_beyond_8_mebibytes_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.write_all(b"\n").unwrap();
    let bytes = encoder.finish().unwrap();
    assert!(readings(Format::Ndjson, Encoding::Zstd, &bytes).is_err());
}
