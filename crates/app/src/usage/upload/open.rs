//! Bytes as they came, decompressed while they are read and cut off at the limit.

use std::io::{self, BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;

use super::broken::PastLimit;

const BUFFER_BYTES: usize = 64 * 1024;
/// The largest window a zstd frame may ask memory for, as a power of 2: 8 MiB, what every decoder should have (RFC 8878,
/// 3.1.1.1.2).
const ZSTD_WINDOW_LOG: u32 = 23;

/// How an upload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// It is not.
    #[default]
    Identity,
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 8878, one frame or several, with windows of up to 8 MiB.
    Zstd,
}

impl Encoding {
    /// By its word in `Content-Encoding`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// The plain bytes of `raw`, of which at most `most_bytes` may come, before as after decompression: a bomb is cut off
    /// while it is read.
    pub(super) fn open<'a>(
        self,
        raw: &'a mut (dyn Read + Send),
        most_bytes: u64,
    ) -> io::Result<Box<dyn BufRead + 'a>> {
        let raw = BufReader::with_capacity(BUFFER_BYTES, Limited::new(raw, most_bytes));
        Ok(match self {
            Self::Identity => Box::new(raw),
            Self::Gzip => buffered(MultiGzDecoder::new(raw), most_bytes),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(raw)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                buffered(decoder, most_bytes)
            }
        })
    }
}

fn buffered<'a>(plain: impl Read + 'a, most_bytes: u64) -> Box<dyn BufRead + 'a> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, Limited::new(plain, most_bytes)))
}

/// A reader that fails once more than so many bytes come.
struct Limited<R> {
    inner: R,
    left: u64,
    most_bytes: u64,
}

impl<R> Limited<R> {
    const fn new(inner: R, most_bytes: u64) -> Self {
        Self { inner, left: most_bytes, most_bytes }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(PastLimit { most_bytes: self.most_bytes })),
        }
        Ok(read)
    }
}
