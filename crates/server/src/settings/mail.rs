//! How mails leave, and how they come back.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use app::settings::{BounceAddress, Bounces, Imap, Mail, Mailbox, Security, Smtp, Transport};
use secrecy::SecretString;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMail {
    from: String,
    max_message_bytes: u64,
    private_brand_servers: bool,
    max_attachment_bytes: u64,
    link_days: u32,
    bounce_address: String,
    late_after_seconds: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSmtp {
    pub(super) host: String,
    port: u16,
    security: String,
    user: String,
    password: String,
    password_file: PathBuf,
    ca_file: PathBuf,
    timeout_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBounces {
    maildir: PathBuf,
    imap_host: String,
    imap_port: u16,
    imap_security: String,
    imap_user: String,
    imap_password_file: PathBuf,
    imap_mailbox: String,
    imap_ca_file: PathBuf,
}

impl RawMail {
    pub(super) fn check(self, transport: Transport, bounces: RawBounces) -> Result<Mail> {
        let from = self.from;
        app::mail::check_sender(&from)
            .map_err(|why| anyhow!("mail.from: {from:?}: {why}; such as Tidemark <reports@example.com>"))?;
        ensure!((1..=3_650).contains(&self.link_days), "mail.link_days: 1 to 3650");
        let mailbox = bounces.check()?;
        let bounces = if self.bounce_address.is_empty() {
            let needs = "needs mail.bounce_address, the address that mails come back to";
            match mailbox {
                None => None,
                Some(Mailbox::Maildir(_)) => bail!("bounces.maildir: {needs}"),
                Some(Mailbox::Imap(_)) => bail!("bounces.imap_host: {needs}"),
            }
        } else {
            let address = BounceAddress::parse(&self.bounce_address)
                .map_err(|why| anyhow!("mail.bounce_address: {:?} {why}", self.bounce_address))?;
            Some(Bounces { address, mailbox })
        };
        Ok(Mail {
            from,
            transport,
            max_message_bytes: self.max_message_bytes,
            private_brand_servers: self.private_brand_servers,
            max_attachment_bytes: self.max_attachment_bytes,
            link_days: self.link_days,
            bounces,
            late_after_seconds: self.late_after_seconds,
        })
    }
}

impl RawSmtp {
    pub(super) fn check(self, data_dir: &Path) -> Result<Transport> {
        if self.host.is_empty() {
            ensure!(self.user.is_empty() && self.password.is_empty(), "smtp.user: given without smtp.host");
            return Ok(Transport::Folder(data_dir.join("mail")));
        }
        let from_file = !self.password_file.as_os_str().is_empty();
        ensure!(
            self.password.is_empty() || !from_file,
            "smtp.password: given together with smtp.password_file"
        );
        let password =
            if from_file { password_in("smtp.password_file", &self.password_file)? } else { self.password };
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

impl RawBounces {
    fn check(self) -> Result<Option<Mailbox>> {
        let by_maildir = !self.maildir.as_os_str().is_empty();
        if self.imap_host.is_empty() {
            return Ok(by_maildir.then_some(Mailbox::Maildir(self.maildir)));
        }
        ensure!(!by_maildir, "bounces.maildir: given together with bounces.imap_host");
        ensure!(!self.imap_user.is_empty(), "bounces.imap_user: required with bounces.imap_host");
        let security = security("bounces.imap_security", &self.imap_security)?;
        ensure!(
            security != Security::None || is_this_machine(&self.imap_host),
            "bounces.imap_security: a password would cross the network unprotected; use starttls or tls"
        );
        let password = password_in("bounces.imap_password_file", &self.imap_password_file)?;
        Ok(Some(Mailbox::Imap(Imap {
            host: self.imap_host,
            port: self.imap_port,
            security,
            user: self.imap_user,
            password: SecretString::from(password),
            mailbox: self.imap_mailbox,
            ca_file: (!self.imap_ca_file.as_os_str().is_empty()).then_some(self.imap_ca_file),
        })))
    }
}

fn security(key: &str, word: &str) -> Result<Security> {
    Ok(match word {
        "starttls" => Security::Starttls,
        "tls" => Security::Tls,
        "none" => Security::None,
        other => bail!("{key}: {other:?} is none of starttls, tls, none"),
    })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.starts_with("127.")
}

fn password_in(key: &str, file: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("{key}: {} cannot be read", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
