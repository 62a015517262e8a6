#![no_main]
use domain::history::Batch;
use libfuzzer_sys::fuzz_target;
use tidemark_fuzz::{FIRST, LAST, RANGE, sealed};

fuzz_target!(|data: &[u8]| {
    let _ = Batch::decode(data, RANGE, FIRST, LAST);
    if let Ok(batch) = Batch::decode(&sealed(*b"TMLG", LAST, data), RANGE, FIRST, LAST)
        && let Some((first, last)) = batch.days()
    {
        assert_eq!(Batch::decode(&batch.encode(), RANGE, first, last), Ok(batch));
    }
});
