//! How mails leave, and how they come back.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail, ensure};
use app::settings::{BounceAddress, Bounces, Imap, Mail, Mailbox, Security, Transport};
use secrecy::SecretString;
use serde::Deserialize;

use super::secrets::Secrets;
use super::smtp::{is_this_machine, security};

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
    pub(super) fn check(
        self,
        transport: Transport,
        bounces: RawBounces,
        secrets: &mut Secrets,
    ) -> Result<Mail> {
        let from = self.from;
        app::mail::check_sender(&from)
            .map_err(|why| anyhow!("mail.from: {from:?}: {why}; such as Tidemark <reports@example.com>"))?;
        ensure!((1..=3_650).contains(&self.link_days), "mail.link_days: 1 to 3650");
        let mailbox = bounces.check(secrets)?;
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

impl RawBounces {
    fn check(self, secrets: &mut Secrets) -> Result<Option<Mailbox>> {
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
        let password = secrets.either("bounces.imap_password", String::new(), &self.imap_password_file)?;
        ensure!(!password.is_empty(), "bounces.imap_password_file: required with bounces.imap_host");
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
