//! Any bytes as an upload in JSON: refused or read, never a panic.

#![no_main]

use app::usage::upload::Format;
use app::usage::upload::read::read;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = read(Format::Json, bytes, &mut |_, _| Ok(()));
});
