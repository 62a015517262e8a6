//! The relay that mails leave by.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use app::settings::{Security, Smtp, Transport};
use secrecy::SecretString;
use serde::Deserialize;

use super::secrets::Secrets;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSmtp {
    host: String,
    port: u16,
    security: String,
    user: String,
    password: String,
    password_file: PathBuf,
    ca_file: PathBuf,
    timeout_seconds: u64,
}

impl RawSmtp {
    pub(super) const fn is_set(&self) -> bool {
        !self.host.is_empty()
    }

    pub(super) fn check(self, data_dir: &Path, secrets: &mut Secrets) -> Result<Transport> {
        if !self.is_set() {
            ensure!(self.user.is_empty() && self.password.is_empty(), "smtp.user: given without smtp.host");
            return Ok(Transport::Folder(data_dir.join("mail")));
        }
        let password = secrets.either("smtp.password", self.password, &self.password_file)?;
        let credentials = match (self.user.is_empty(), password.is_empty()) {
            (true, true) => None,
            (false, false) => Some((self.user, SecretString::from(password))),
            _ => bail!("smtp.user: user and password go together"),
        };
        let security = security("smtp.security", &self.security)?;
        ensure!(
            credentials.is_none() || security != Security::None || is_this_machine(&self.host),
            "smtp.security: a password would cross the network unprotected; use starttls or tls"
        );
        let ca_file = (!self.ca_file.as_os_str().is_empty()).then_some(self.ca_file);
        Ok(Transport::Smtp(Smtp {
            host: self.host,
            port: self.port,
            security,
            credentials,
            ca_file,
            timeout_seconds: self.timeout_seconds.max(1),
        }))
    }
}

pub(super) fn security(key: &str, word: &str) -> Result<Security> {
    Ok(match word {
        "starttls" => Security::Starttls,
        "tls" => Security::Tls,
        "none" => Security::None,
        other => bail!("{key}: {other:?} is none of starttls, tls, none"),
    })
}

pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}
