//! Cursors: where a page of a list ended, with all that was asked for, so that the next page needs nothing else.
//!
//! A cursor is sealed, for one list and for callers who reach from one tenant: nobody can read, change or make one up, or
//! use another's (wire-conventions, 9).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{App, Caller, Error, Result};

/// The text of a cursor of the list of this name.
pub fn seal<T: Serialize>(app: &App, caller: &Caller, list: &str, content: &T) -> Result<String> {
    let bytes = serde_json::to_vec(content).map_err(Error::internal)?;
    Ok(URL_SAFE_NO_PAD.encode(app.sealing.seal(&bound_to(caller, list), &bytes)?))
}

/// What a cursor holds; 400 where the text is none of this list, or of callers of another tenant.
pub fn open<T: DeserializeOwned>(app: &App, caller: &Caller, list: &str, text: &str) -> Result<T> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok();
    let opened = sealed.and_then(|sealed| app.sealing.open(&bound_to(caller, list), &sealed).ok());
    let read = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.ok_or_else(|| Error::invalid("after", "is no cursor of this list and caller"))
}

fn bound_to(caller: &Caller, list: &str) -> String {
    let reach = caller.narrowed_to.unwrap_or(caller.tenant_id);
    format!("cursor of {list} for {reach}")
}
