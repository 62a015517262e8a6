//! Reading of moments.

use super::{Day, Instant, WRITABLE};

/// A moment in one of the forms of wire-conventions, 6; `None` where the text is none, or lies beyond what can be written.
pub(super) fn instant(text: &str) -> Option<Instant> {
    let (date, time) = text.split_once('T')?;
    let (clock, rest) = time.split_at_checked(8)?;
    let (hours, seconds) = clock.split_at_checked(5)?;
    // A leap second is the last one of its minute.
    let seconds = two_digits(seconds.strip_prefix(':')?, 60)?.min(59) + minutes(hours)? * 60;
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())),
        None => ("0", rest),
    };
    let micros = fraction.bytes().chain(std::iter::repeat(b'0')).take(6);
    let micros = micros.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0'));
    let ahead = match (zone, zone.strip_prefix('+')) {
        ("" | "Z" | "z", _) => 0,
        (_, Some(offset)) => minutes_of_offset(offset)?,
        (_, None) => -minutes_of_offset(zone.strip_prefix('-')?)?,
    };
    let whole = date.parse::<Day>().ok()?.start().plus_seconds(seconds - ahead * 60);
    let instant = Instant(whole.0 + micros);
    (!fraction.is_empty() && WRITABLE.contains(&instant.0)).then_some(instant)
}

/// The minutes of `HH:MM`, or of `HHMM` as ISO 8601's basic form and many programs have it.
fn minutes_of_offset(text: &str) -> Option<i64> {
    match text.split_at_checked(2) {
        Some((hours, rest)) if rest.len() == 2 => Some(two_digits(hours, 23)? * 60 + two_digits(rest, 59)?),
        _ => minutes(text),
    }
}

/// The minutes of `HH:MM`.
fn minutes(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    Some(two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?)
}

fn two_digits(text: &str, max: i64) -> Option<i64> {
    let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| plain && *number <= max)
}

#[cfg(test)]
mod tests {
    use super::super::BadTime;
    use super::*;

    #[test]
    fn times_are_read_in_the_three_published_forms_only() {
        let utc: Instant = "2026-05-08T10:58:53Z".parse().unwrap();
        assert_eq!("2026-05-08T12:58:53+02:00".parse(), Ok(utc));
        assert_eq!("2026-05-08T10:58:53".parse(), Ok(utc));
        assert_eq!("2026-05-08T10:58:53.250".parse::<Instant>().unwrap().0, utc.0 + 250_000);
        assert_eq!("2026-05-08T08:28:53.123456789-02:30".parse::<Instant>().unwrap().0, utc.0 + 123_456);
        assert_eq!("2026-05-08T12:58:53+0200".parse(), Ok(utc));
        assert_eq!("2026-05-08T10:58:53z".parse(), Ok(utc));
        for bad in [
            "2026-05-08",
            "yesterday",
            "",
            "2026-05-08 10:58:53Z",
            "2026-13-08T10:58:53Z",
            "2026-05-08T24:00:00Z",
            "2026-05-08T10:60:00Z",
            "2026-05-08T10:58:53.Z",
            "2026-05-08T10:58:53,5Z",
            "2026-05-08T10:58:53+02",
            "2026-05-08T10:58:53+2400",
            "2026-05-08T10:58:53+020",
            "2026-05-08T10:58:53+24:00",
            "2026-05-08T10:58:53ü",
            "2026-05-08T10:58:5ü",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
        ] {
            assert_eq!(bad.parse::<Instant>(), Err(BadTime::Instant), "{bad}");
        }
        assert_eq!(utc.with_offset(), "2026-05-08T10:58:53+00:00");
        assert_eq!(utc.without_zone(), "2026-05-08T10:58:53");
    }
}
