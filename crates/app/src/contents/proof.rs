//! Whether bytes are the content that they are said to be.

use std::io::{self, Write};

use aws_lc_rs::digest;
use domain::report::Content;
use flate2::write::GzDecoder;

use crate::ids::hex;

/// Takes a gzip member piece by piece, and tells in the end whether it holds what it should. Memory does not grow with it.
pub(super) struct Proof {
    unpacking: GzDecoder<Digest>,
    packed_bytes: i64,
}

impl Proof {
    pub(super) fn new() -> Self {
        let digest = Digest { context: digest::Context::new(&digest::SHA256), bytes: 0 };
        Self { unpacking: GzDecoder::new(digest), packed_bytes: 0 }
    }

    /// The next piece; an error where no gzip member goes on like this.
    pub(super) fn take(&mut self, piece: &[u8]) -> io::Result<()> {
        self.packed_bytes += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        self.unpacking.write_all(piece)
    }

    /// After the last piece: what is wrong, if anything.
    pub(super) fn end(self, content: &Content) -> Result<(), String> {
        if self.packed_bytes != content.size_bytes {
            return Err(format!("it has {} bytes instead of {}", self.packed_bytes, content.size_bytes));
        }
        let digest = self.unpacking.finish().map_err(|error| error.to_string())?;
        let (bytes, sha256) = (digest.bytes, hex(digest.context.finish().as_ref()));
        if bytes != content.plain_bytes || sha256 != content.sha256 {
            return Err(format!("what is in it, {bytes} bytes, has the SHA-256 {sha256}"));
        }
        Ok(())
    }
}

/// Hashes and counts what comes out of the decompression.
struct Digest {
    context: digest::Context,
    bytes: i64,
}

impl Write for Digest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.context.update(bytes);
        self.bytes += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::ContentId;
    use domain::report::Place;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use uuid::Uuid;

    use super::*;

    fn content() -> (Content, Vec<u8>) {
        let plain: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let mut packing = GzEncoder::new(Vec::new(), Compression::fast());
        packing.write_all(&plain).unwrap();
        let packed = packing.finish().unwrap();
        let content = Content {
            id: ContentId(Uuid::nil()),
            sha256: hex(digest::digest(&digest::SHA256, &plain).as_ref()),
            place: Place::Database,
            size_bytes: i64::try_from(packed.len()).unwrap(),
            plain_bytes: i64::try_from(plain.len()).unwrap(),
        };
        (content, packed)
    }

    fn holds(content: &Content, packed: &[u8]) -> bool {
        let mut proof = Proof::new();
        packed.chunks(7_001).all(|piece| proof.take(piece).is_ok()) && proof.end(content).is_ok()
    }

    #[test]
    fn nothing_but_the_very_content_holds() {
        let (content, packed) = content();
        assert!(holds(&content, &packed));
        for at in (0..packed.len()).step_by(packed.len() / 200).filter(|at| !(4..10).contains(at)) {
            let mut changed = packed.clone();
            changed[at] ^= 1;
            assert!(!holds(&content, &changed), "a bit at {at}");
        }
        assert!(!holds(&content, &packed[..packed.len() - 1]), "cut short");
        assert!(!holds(&content, &[&packed[..], &[0]].concat()), "more than it was");
        assert!(!holds(&content, &[&packed[..], &packed[..]].concat()), "twice");
        assert!(!holds(&content, &[]), "nothing");
        let other = Content { sha256: "0".repeat(64), ..content };
        assert!(!holds(&other, &packed), "another one, whole");
    }
}
