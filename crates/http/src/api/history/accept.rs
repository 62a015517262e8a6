//! Which form of a history the caller would like best (RFC 9110, 12.5.1).

use app::cells::Form;
use axum::http::{HeaderMap, header};

use crate::problem::Problem;

/// The form with the highest quality; of several the one that is named the most exactly, and JSON before the others. 415
/// where `Accept` excludes all of them.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let ranges: Vec<Range> = values.flat_map(|value| value.split(',')).filter_map(Range::of).collect();
    if ranges.is_empty() {
        return Ok(Form::Json);
    }
    let wish = |form: &Form| {
        let narrowness = |range: &Range| Some((range.narrowness(*form)?, range.quality));
        let (narrowness, quality) = ranges.iter().filter_map(narrowness).max()?;
        (quality > 0).then_some((quality, narrowness))
    };
    // The last of several equal ones is the greatest.
    let best = Form::ALL.into_iter().rev().filter_map(|form| Some((wish(&form)?, form)));
    best.max_by_key(|(wish, _)| *wish).map(|(_, form)| form).ok_or(Problem::UnsupportedMedia(
        "Accept excludes application/json, application/x-ndjson and text/csv",
    ))
}

/// A part of `Accept`.
struct Range {
    media: String,
    /// In thousandths.
    quality: u16,
}

impl Range {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().filter(|media| !media.is_empty())?.to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
        let quality = (quality.clamp(0.0, 1.0) * 1000.0).round() as u16;
        Some(Self { media, quality })
    }

    /// How narrow a range around the form it is; `None` where the form does not lie in it.
    fn narrowness(&self, form: Form) -> Option<u8> {
        let kind = form.media_type();
        let (family, _) = kind.split_once('/')?;
        match self.media.as_str() {
            "*/*" => Some(0),
            media if media.strip_suffix("/*") == Some(family) => Some(1),
            "application/jsonl" if form == Form::Ndjson => Some(2),
            media if media == kind => Some(2),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &str) -> Option<Form> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        form(&headers).ok()
    }

    #[test]
    fn the_form_with_the_highest_quality_is_taken() {
        assert!(matches!(form(&HeaderMap::new()), Ok(Form::Json)));
        for (accept, expected) in [
            ("", Some(Form::Json)),
            ("*/*", Some(Form::Json)),
            ("application/*", Some(Form::Json)),
            ("text/*", Some(Form::Csv)),
            ("text/csv", Some(Form::Csv)),
            ("text/csv, */*", Some(Form::Csv)),
            ("text/csv;q=0.5, */*;q=0.8", Some(Form::Json)),
            ("application/json;q=0, */*", Some(Form::Ndjson)),
            ("application/x-ndjson, application/json;q=0.9", Some(Form::Ndjson)),
            ("application/jsonl", Some(Form::Ndjson)),
            ("Text/CSV; header=present; q=0.1", Some(Form::Csv)),
            ("text/html", None),
            ("*/*;q=0", None),
        ] {
            assert_eq!(of(accept), expected, "{accept}");
        }
    }
}
