//! Reads the attachments out of a mail that Tidemark wrote: base64 parts with a file name.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Names and bytes of the attachments.
pub fn attachments(mail: &str) -> Result<Vec<(String, Vec<u8>)>> {
    let mail = mail.replace("\r\n", "\n");
    let mut found = Vec::new();
    for part in mail.split("\n--") {
        let Some((head, body)) = part.split_once("\n\n") else { continue };
        let disposition = head.split_once("Content-Disposition: attachment;");
        let Some((_, name)) = disposition.and_then(|(_, rest)| rest.split_once("filename=\"")) else {
            continue;
        };
        let name = name.split('"').next().unwrap_or_default();
        // Nothing that a mail says may lead out of the folder.
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
        let encoded: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        found.push((name, STANDARD.decode(encoded).context("an attachment is not base64")?));
    }
    Ok(found)
}
