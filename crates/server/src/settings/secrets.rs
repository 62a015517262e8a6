//! Secrets of the configuration: from the environment, or better from files, which service managers hand over.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

/// What is said of a password that every user of the machine can see.
pub(super) const ON_THE_COMMAND_LINE: &str = "--database-url: its password can be seen in the list of processes; \
     better database_url_file, TIDEMARK_DATABASE_URL or ~/.pgpass";

/// Reads them, and gathers what is amiss.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// Files that others can read.
    pub(super) warnings: Vec<String>,
}

impl Secrets {
    /// A secret that is given as it is, or as the file that holds it; empty where neither is.
    pub(super) fn either(&mut self, key: &str, given: String, file: &Path) -> Result<String> {
        if file.as_os_str().is_empty() {
            return Ok(given);
        }
        ensure!(given.is_empty(), "{key}: given together with {key}_file");
        let text = fs::read_to_string(file)
            .with_context(|| format!("{key}_file: {} cannot be read", file.display()))?;
        self.look_at(&format!("{key}_file"), file);
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Warns where everybody on the machine can read a file. Its group may: so do keys of certificates stand on many
    /// machines, and credentials of systemd.
    pub(super) fn look_at(&mut self, key: &str, file: &Path) {
        if fs::metadata(file).is_ok_and(|about| about.mode() & 0o007 != 0) {
            self.warnings.push(format!(
                "{key}: {} can be read by everybody on this machine; run chmod o= on it",
                file.display()
            ));
        }
    }
}

/// Whether the address of a database holds a password, in either of its two places.
pub(super) fn holds_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let user = place.split('/').next().and_then(|place| place.rsplit_once('@')).map_or("", |(user, _)| user);
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        || query.split('&').any(|pair| pair.starts_with("password="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_seen() {
        for (url, expected) in [
            ("postgres://tide:s3cret@db/tidemark", true),
            ("postgres://tide:s3@cret@db/tidemark", true),
            ("postgres://tide@db/tidemark?sslmode=require&password=s3cret", true),
            ("postgres://tide@db:5432/tidemark", false),
            ("postgres://tide:@db/tidemark", false),
            ("postgres://db/a:b@c", false),
        ] {
            assert_eq!(holds_password(url), expected, "{url}");
        }
    }
}
