#![no_main]
use domain::history::Heard;
use libfuzzer_sys::fuzz_target;
use tidemark_fuzz::{FIRST, RANGE, sealed};

fuzz_target!(|data: &[u8]| {
    let _ = Heard::decode(data, RANGE, FIRST);
    if let Ok(heard) = Heard::decode(&sealed(*b"TMHD", FIRST, data), RANGE, FIRST) {
        assert_eq!(Heard::decode(&heard.encode(), RANGE, FIRST), Ok(heard));
    }
});
