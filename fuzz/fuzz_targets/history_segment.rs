#![no_main]
use domain::history::Segment;
use libfuzzer_sys::fuzz_target;
use tidemark_fuzz::{FIRST, LAST, RANGE, sealed};

fuzz_target!(|data: &[u8]| {
    let _ = Segment::decode(data, RANGE, FIRST, LAST);
    if let Ok(segment) = Segment::decode(&sealed(*b"TMSG", LAST, data), RANGE, FIRST, LAST) {
        assert_eq!(Segment::decode(&segment.encode(), RANGE, FIRST, LAST), Ok(segment));
    }
});
