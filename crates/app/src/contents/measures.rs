//! What operators watch of contents.

use domain::report::Content;
use metrics::{counter, describe_counter};

const DAMAGED: &str = "tidemark_contents_damaged_total";
const REMOVED: &str = "tidemark_contents_removed_total";
const EXPIRED: &str = "tidemark_files_expired_total";

/// Describes the metrics of contents, and shows each as 0 until there is one.
pub fn describe() {
    describe_counter!(DAMAGED, "Readings of stored files whose bytes were missing or not what was written");
    describe_counter!(REMOVED, "Contents that nothing referred to any more and that were removed");
    describe_counter!(EXPIRED, "Stored files whose bytes went after retention.artefacts_days");
    for name in [DAMAGED, REMOVED, EXPIRED] {
        counter!(name).increment(0);
    }
}

/// Counts and logs a content that is not what was written.
pub(super) fn damaged(content: &Content, why: &str) {
    let Content { id, sha256, place, .. } = content;
    tracing::error!(content = %id, sha256, %place, why, "a stored file is damaged; nobody gets all of it");
    counter!(DAMAGED).increment(1);
}

/// Counts and logs a content that was removed.
pub(super) fn removed(content: &Content) {
    let Content { id, sha256, place, size_bytes, .. } = content;
    tracing::info!(content = %id, sha256, %place, size_bytes, "removed what nothing refers to");
    counter!(REMOVED).increment(1);
}

/// Counts and logs files whose bytes were kept long enough.
pub(super) fn expired(files: u64) {
    if files > 0 {
        tracing::info!(files, "stored files were kept long enough: their bytes go");
        counter!(EXPIRED).increment(files);
    }
}
