//! What an X.509 certificate says of its own time (RFC 5280, 4.1). Whom it names, and whether its key fits, rustls says.

use domain::time::Instant;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// From when until when it is good; `None` where the bytes are no certificate.
pub(super) fn validity(der: &[u8]) -> Option<(Instant, Instant)> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (signed, _) = element(certificate, SEQUENCE)?;
    let after_version = element(signed, VERSION).map_or(signed, |(_, rest)| rest);
    let (_serial_number, rest) = element(after_version, INTEGER)?;
    let (_signature, rest) = element(rest, SEQUENCE)?;
    let (_issuer, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (from, rest) = time(validity)?;
    let (until, _) = time(rest)?;
    Some((from, until))
}

/// The content of an element with this tag (X.690, 8.1), and what comes after it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.strip_prefix(&[tag])?.split_first()?;
    match length {
        0..=0x7f => rest.split_at_checked((*length).into()),
        // The length takes as many bytes as this one says; a certificate needs two.
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked((length & 0x7f).into())?;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            rest.split_at_checked(length)
        }
        _ => None,
    }
}

/// A moment, written `YYMMDDHHMMSSZ` up to 2049 and `YYYYMMDDHHMMSSZ` from then on (RFC 5280, 4.1.2.5).
fn time(bytes: &[u8]) -> Option<(Instant, &[u8])> {
    let (text, century, rest) = match element(bytes, UTC_TIME) {
        Some((text, rest)) => (text, if text.first()? < &b'5' { "20" } else { "19" }, rest),
        None => element(bytes, GENERALIZED_TIME).map(|(text, rest)| (text, "", rest))?,
    };
    let text = format!("{century}{}", std::str::from_utf8(text).ok()?);
    let (date, clock) = text.strip_suffix('Z').filter(|text| text.is_ascii())?.split_at_checked(8)?;
    let (year, day) = date.split_at_checked(4)?;
    let ((month, day), (hour, clock)) = (day.split_at_checked(2)?, clock.split_at_checked(2)?);
    let (minute, second) = clock.split_at_checked(2)?;
    let instant = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()?;
    Some((instant, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by hand: version, number 1, two empty sequences, and these times.
    fn certificate(times: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let length = u8::try_from(content.len()).unwrap();
            [&[tag, 0x81, length], content].concat()
        };
        let signed =
            [&[VERSION, 3, INTEGER, 1, 2, INTEGER, 1, 1, SEQUENCE, 0, SEQUENCE, 0], &*wrap(SEQUENCE, times)];
        wrap(SEQUENCE, &wrap(SEQUENCE, &signed.concat()))
    }

    #[test]
    fn both_forms_of_time_are_read() {
        let times = [&[UTC_TIME, 13], &b"491231235959Z"[..], &[GENERALIZED_TIME, 15], b"20500101000000Z"];
        let (from, until) = validity(&certificate(&times.concat())).unwrap();
        assert_eq!((from.with_z(), until.with_z()), (at("2049-12-31T23:59:59Z"), at("2050-01-01T00:00:00Z")));
        let times = [&[UTC_TIME, 13], &b"500101000000Z"[..], &[UTC_TIME, 13], b"491231235959Z"];
        let (from, _) = validity(&certificate(&times.concat())).unwrap();
        assert_eq!(from.with_z(), at("1950-01-01T00:00:00Z"));
    }

    fn at(text: &str) -> String {
        text.parse::<Instant>().unwrap().with_z()
    }

    #[test]
    fn what_is_cut_short_or_none_is_no_certificate() {
        let times = [&[UTC_TIME, 13], &b"260101000000Z"[..], &[UTC_TIME, 13], b"270101000000Z"].concat();
        let whole = certificate(&times);
        assert!(validity(&whole).is_some());
        for end in 0..whole.len() {
            assert!(validity(&whole[..end]).is_none(), "{end}");
        }
        assert!(validity(b"no certificate").is_none());
        let later = [&[UTC_TIME, 13], &b"261301000000Z"[..], &[UTC_TIME, 13], b"270101000000Z"].concat();
        assert!(validity(&certificate(&later)).is_none());
    }
}
