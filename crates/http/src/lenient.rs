//! Headers that say nothing, or the right thing in another way: set right before anybody looks at a request.

use axum::body::HttpBody as _;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

/// What is said of a body without a byte is not heard: libraries name a type by default with every POST, and such a body
/// counts as missing (wire-conventions, 10).
pub async fn forget_nothing(mut request: Request) -> Request {
    if request.body().is_end_stream() {
        request.headers_mut().remove(header::CONTENT_TYPE);
        request.headers_mut().remove(header::CONTENT_ENCODING);
    }
    request
}

/// Codings are named in any case, gzip by its old name too (RFC 9110, 8.4.1).
pub async fn name_codings(mut request: Request) -> Request {
    let headers = request.headers_mut();
    rewrite(headers, &header::CONTENT_ENCODING, |coding| Some(coding_name(coding)));
    rewrite(headers, &header::ACCEPT_ENCODING, |range| (!refuses_plain(range)).then(|| range.to_owned()));
    request
}

/// Maps each member of a list of words; a header of which none is left goes.
fn rewrite(headers: &mut HeaderMap, name: &HeaderName, map: impl Fn(&str) -> Option<String>) {
    let lists = headers.get_all(name).iter().map(|list| list.to_str());
    let Ok(lists) = lists.collect::<Result<Vec<_>, _>>() else { return };
    let words: Vec<_> =
        lists.iter().flat_map(|list| list.split(',')).filter_map(|word| map(word.trim())).collect();
    match HeaderValue::try_from(words.join(", ")) {
        Ok(list) if !words.is_empty() => headers.insert(name, list),
        _ => headers.remove(name),
    };
}

fn coding_name(coding: &str) -> String {
    let name = coding.to_ascii_lowercase();
    if name == "x-gzip" { "gzip".to_owned() } else { name }
}

/// Whether a range says that an answer must not come as it is. There is no 406 for that (wire-conventions, 5.2): who
/// takes gzip gets it, and everybody else the plain answer.
fn refuses_plain(range: &str) -> bool {
    let (coding, weight) = range.split_once(';').unwrap_or((range, ""));
    let weight = weight.trim().to_ascii_lowercase();
    let weight = weight.strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok());
    ["identity", "*"].contains(&coding.trim().to_ascii_lowercase().as_str())
        && weight.is_some_and(|weight| weight <= 0.0)
}
