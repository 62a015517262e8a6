//! Where files are kept, and for how long.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use app::settings::Storage;
use domain::report::Place;
use serde::Deserialize;
use store::Objects;
use store::objects::Address;

use super::secrets::Secrets;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStorage {
    r#type: String,
    bucket: String,
    endpoint: String,
    region: String,
    prefix: String,
    access_key: String,
    secret_key: String,
    secret_key_file: PathBuf,
    path_style: bool,
    ca_file: PathBuf,
    timeout_seconds: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    artefacts_days: u32,
}

impl RawStorage {
    pub(super) fn check(self, retention: &RawRetention, secrets: &mut Secrets) -> Result<Storage> {
        let new_in: Place = self
            .r#type
            .parse()
            .map_err(|_| anyhow::anyhow!("storage.type: {:?} is none of database, s3", self.r#type))?;
        let objects = if self.bucket.is_empty() { None } else { Some(self.objects(secrets)?) };
        ensure!(new_in == Place::Database || objects.is_some(), "storage.bucket: required for s3");
        Ok(Storage { new_in, objects, kept_days: NonZero::new(retention.artefacts_days) })
    }

    fn objects(self, secrets: &mut Secrets) -> Result<Objects> {
        let scheme = self.endpoint.split_once("://").map(|(scheme, _)| scheme);
        ensure!(
            self.endpoint.is_empty() || matches!(scheme, Some("https" | "http")),
            "storage.endpoint: {:?} must be scheme, host and port, such as https://s3.example.com",
            self.endpoint
        );
        ensure!(!self.region.is_empty(), "storage.region: required; most stores but AWS take any word");
        ensure!(self.timeout_seconds > 0, "storage.timeout_seconds: more than 0");
        let secret_key = secrets.either("storage.secret_key", self.secret_key, &self.secret_key_file)?;
        ensure!(
            self.access_key.is_empty() == secret_key.is_empty(),
            "storage.access_key: access key and secret key go together"
        );
        let authorities = if self.ca_file.as_os_str().is_empty() {
            None
        } else {
            let read = std::fs::read(&self.ca_file);
            Some(read.with_context(|| format!("storage.ca_file: {} cannot be read", self.ca_file.display()))?)
        };
        let address = Address {
            endpoint: &self.endpoint,
            bucket: &self.bucket,
            region: &self.region,
            prefix: &self.prefix,
            keys: (!secret_key.is_empty()).then_some((&self.access_key, &secret_key)),
            path_style: self.path_style,
            authorities: authorities.as_deref(),
            timeout: Duration::from_secs(self.timeout_seconds),
        };
        Objects::at(&address).map_err(|why| anyhow::anyhow!("storage: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage(change: impl FnOnce(&mut RawStorage)) -> Result<Storage> {
        let mut raw = RawStorage {
            r#type: "s3".to_owned(),
            bucket: "reports".to_owned(),
            endpoint: "https://s3.example.com".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "tidemark".to_owned(),
            access_key: "key".to_owned(),
            secret_key: "s3cret".to_owned(),
            secret_key_file: PathBuf::new(),
            path_style: true,
            ca_file: PathBuf::new(),
            timeout_seconds: 30,
        };
        change(&mut raw);
        raw.check(&RawRetention { artefacts_days: 0 }, &mut Secrets::default())
    }

    fn refusal(change: impl FnOnce(&mut RawStorage)) -> String {
        format!("{:#}", storage(change).unwrap_err())
    }

    #[test]
    fn refusals_name_the_key_and_nothing_shows_the_secret() {
        let storage = storage(|_| {}).unwrap();
        assert_eq!(storage.new_in, Place::S3);
        let shown = format!("{storage:?} {}", storage.objects.as_ref().unwrap());
        assert!(shown.contains("s3://reports/tidemark at https://s3.example.com"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(refusal(|raw| raw.r#type = "ftp".to_owned()).starts_with("storage.type: \"ftp\" is none of"));
        assert!(refusal(|raw| raw.bucket = String::new()).starts_with("storage.bucket:"));
        assert!(refusal(|raw| raw.endpoint = "s3.example.com".to_owned()).starts_with("storage.endpoint:"));
        assert!(refusal(|raw| raw.region = String::new()).starts_with("storage.region:"));
        assert!(refusal(|raw| raw.secret_key = String::new()).starts_with("storage.access_key:"));
        assert!(refusal(|raw| raw.secret_key_file = "/x".into()).starts_with("storage.secret_key: given"));
        assert!(refusal(|raw| raw.ca_file = "/not/there".into()).starts_with("storage.ca_file:"));
        assert!(refusal(|raw| raw.timeout_seconds = 0).starts_with("storage.timeout_seconds:"));
    }
}
