//! Whether this process ends TLS itself.

use std::path::PathBuf;

use anyhow::{Result, bail};
use serde::Deserialize;

use crate::connections::tls::Files;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    certificate_file: PathBuf,
    key_file: PathBuf,
}

impl RawTls {
    pub(super) fn check(self) -> Result<Option<Files>> {
        let is_given = |file: &PathBuf| !file.as_os_str().is_empty();
        match (is_given(&self.certificate_file), is_given(&self.key_file)) {
            (false, false) => Ok(None),
            (true, true) => Ok(Some(Files { certificate: self.certificate_file, key: self.key_file })),
            (true, false) => bail!("tls.key_file: required, as tls.certificate_file is set"),
            (false, true) => bail!("tls.certificate_file: required, as tls.key_file is set"),
        }
    }
}
