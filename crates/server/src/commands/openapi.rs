//! `tidemark openapi`: the document that is committed as api/openapi.json.

use crate::say::say;
use anyhow::Result;

/// Prints it.
pub fn run() -> Result<()> {
    let (_, document) = http_api::serve::documented();
    say(document.to_pretty_json()?);
    Ok(())
}
