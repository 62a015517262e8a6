//! Mails that are asked for once more.

use serde_json::{Value, json};
use ureq::http::Method;

use super::caller::{Body, Caller};
use super::channel::id;

/// Sends one of the report's mails again; gives the id of the new delivery, where that was acknowledged.
pub fn resend(caller: &mut Caller, report: &str) -> Option<String> {
    let deliveries = format!("/api/tidemark/1/reports/{report}/deliveries?state=sent,bounced,gave_up");
    let list = caller.ask(&Method::GET, &deliveries, None)?.json();
    // Of one that was sent again only the newest can be.
    let ended = list.get("items")?.as_array()?.iter().filter(|it| it.get("resent_at") == Some(&Value::Null));
    let old = ended.map(id).find_map(Result::ok)?;
    let path = format!("/api/tidemark/1/deliveries/{old}/resend");
    let answer = caller.ask(&Method::POST, &path, Some(&Body::Json(json!({}))))?;
    match answer.status {
        201 => id(&answer.json()).ok(),
        // A try that was not answered has been heard after all.
        409 => None,
        status => {
            caller.faults.push(format!("{path}: {status} {}", answer.text()));
            None
        }
    }
}
