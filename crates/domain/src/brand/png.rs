//! Logos: whether bytes are a PNG file (ISO/IEC 15948) and no more than that.

/// The largest logo, in bytes: every html report and mail carries it.
pub const LOGO_MAX_BYTES: usize = 256 * 1024;
/// The widest and highest one, in pixels.
pub const LOGO_MAX_PIXELS: u32 = 4096;

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Why bytes are no logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPng {
    /// Another kind of file.
    #[error("is no PNG file")]
    Signature,
    /// The file breaks off, is damaged, or something follows its end.
    #[error("is a damaged PNG file")]
    Damaged,
    /// More bytes than allowed.
    #[error("is larger than {LOGO_MAX_BYTES} bytes")]
    TooLarge,
    /// More pixels than allowed, or none.
    #[error("must be 1 to {LOGO_MAX_PIXELS} pixels wide and high")]
    Pixels,
}

/// Checks the signature, the size and every chunk's frame and sum, from IHDR to IEND. The pixels are not unpacked.
pub fn check_png(bytes: &[u8]) -> Result<(), BadPng> {
    if bytes.len() > LOGO_MAX_BYTES {
        return Err(BadPng::TooLarge);
    }
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(BadPng::Signature)?;
    let mut is_first = true;
    loop {
        let (kind, data, behind) = chunk(rest).ok_or(BadPng::Damaged)?;
        match (kind, is_first) {
            (b"IHDR", true) => check_header(data)?,
            (b"IEND", false) if behind.is_empty() => return Ok(()),
            (_, true) | (b"IHDR" | b"IEND", false) => return Err(BadPng::Damaged),
            _ => {}
        }
        is_first = false;
        rest = behind;
    }
}

/// Name, data and what is behind, of the chunk that `bytes` begin with, where its sum is right.
fn chunk(bytes: &[u8]) -> Option<(&[u8; 4], &[u8], &[u8])> {
    let (length, named) = bytes.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (summed, rest) = named.split_at_checked(length.checked_add(4)?)?;
    let (sum, behind) = rest.split_first_chunk::<4>()?;
    let (kind, data) = summed.split_first_chunk::<4>()?;
    (crc32fast::hash(summed) == u32::from_be_bytes(*sum)).then_some((kind, data, behind))
}

fn check_header(data: &[u8]) -> Result<(), BadPng> {
    let (width, rest) = data.split_first_chunk::<4>().ok_or(BadPng::Damaged)?;
    let (height, rest) = rest.split_first_chunk::<4>().ok_or(BadPng::Damaged)?;
    if rest.len() != 5 {
        return Err(BadPng::Damaged);
    }
    let allowed = 1..=LOGO_MAX_PIXELS;
    let fits = [width, height].iter().all(|side| allowed.contains(&u32::from_be_bytes(**side)));
    if fits { Ok(()) } else { Err(BadPng::Pixels) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(kind: &[u8], data: &[u8]) -> Vec<u8> {
        let summed = [kind, data].concat();
        let length = u32::try_from(data.len()).unwrap().to_be_bytes();
        [length.as_slice(), &summed, &crc32fast::hash(&summed).to_be_bytes()].concat()
    }

    fn png(width: u32, height: u32, data: &[u8]) -> Vec<u8> {
        let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        let chunks = [framed(b"IHDR", &header), framed(b"IDAT", data), framed(b"IEND", b"")].concat();
        [SIGNATURE, &chunks].concat()
    }

    #[test]
    fn a_png_file_passes_and_nothing_else_does() {
        let good = png(120, 40, b"pixels");
        assert_eq!(check_png(&good), Ok(()));
        assert_eq!(check_png(b""), Err(BadPng::Signature));
        assert_eq!(check_png(b"GIF89a"), Err(BadPng::Signature));
        assert_eq!(check_png(SIGNATURE), Err(BadPng::Damaged));
        assert_eq!(check_png(&[&good[..], b"<script>"].concat()), Err(BadPng::Damaged));
        assert_eq!(check_png(&png(0, 40, b"")), Err(BadPng::Pixels));
        assert_eq!(check_png(&png(120, 4097, b"")), Err(BadPng::Pixels));
        assert_eq!(check_png(&png(120, 40, &vec![0; LOGO_MAX_BYTES])), Err(BadPng::TooLarge));
        let headless = [SIGNATURE, &framed(b"IEND", b"")].concat();
        assert_eq!(check_png(&headless), Err(BadPng::Damaged));
    }

    proptest! {
        #[test]
        fn no_bytes_bring_it_down_and_no_damage_passes(at in 8_usize..76, flip in 1_u8..=255, cut in 0_usize..76) {
            let good = png(120, 40, b"some pixels, packed");
            prop_assert_eq!(good.len(), 76);
            let mut damaged = good.clone();
            damaged[at] ^= flip;
            prop_assert!(check_png(&damaged).is_err());
            prop_assert!(check_png(&good[..cut]).is_err());
        }
    }
}
