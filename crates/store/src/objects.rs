//! An object store that speaks S3: the only file that names its client.
//!
//! An object is a content, and its key says its digest and its id: `PREFIX/3f/3fa8....ID.gz`. As no id comes twice, no key is
//! ever written again after it was deleted, so that a delete that arrives late hits nothing.

use std::fmt;
use std::time::Duration;

use domain::ids::ContentId;
use domain::report::Content;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectMeta, ObjectStore as _, ObjectStoreExt as _, RetryConfig,
};

use crate::{Error, Result};

/// How large a piece is that is read at a time.
pub const PIECE_BYTES: u64 = 1024 * 1024;
/// How large a part is that is uploaded at a time: S3 wants five mebibytes at least, and takes 10,000 parts.
pub const PART_BYTES: usize = 8 * 1024 * 1024;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a request is tried again that was refused for a moment or broke off.
const RETRIES: usize = 3;

/// Where an object store is, and as whom it is used.
#[derive(Debug, Clone, Default)]
pub struct Address<'a> {
    /// Scheme, host and port; empty: AWS's own of the region.
    pub endpoint: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The region.
    pub region: &'a str,
    /// What all keys begin with.
    pub prefix: &'a str,
    /// Access key and secret key; `None`: those of the machine's role.
    pub keys: Option<(&'a str, &'a str)>,
    /// Whether the bucket stands in the path, not in the host's name.
    pub path_style: bool,
    /// Further root certificates to trust, PEM.
    pub authorities: Option<&'a [u8]>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// An object store. Cheap to clone.
#[derive(Clone)]
pub struct Objects {
    s3: AmazonS3,
    prefix: Path,
    name: String,
}

/// What lies in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// The content that its key names; `None` where it names none.
    pub id: Option<ContentId>,
    /// When it was written, by the object store's clock.
    pub written_at: domain::time::Instant,
}

impl Objects {
    /// Makes ready to use it; the reason where its address cannot be used. Nothing is asked of it yet.
    pub fn at(address: &Address<'_>) -> std::result::Result<Self, String> {
        let mut client = ClientOptions::new()
            .with_timeout(address.timeout)
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_allow_http(address.endpoint.starts_with("http://"));
        if let Some(pem) = address.authorities {
            for certificate in Certificate::from_pem_bundle(pem).map_err(|error| error.to_string())? {
                client = client.with_root_certificate(certificate);
            }
        }
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.,
        };
        let retry = RetryConfig { backoff, max_retries: RETRIES, retry_timeout: 2 * address.timeout };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(address.bucket)
            .with_region(address.region)
            .with_virtual_hosted_style_request(!address.path_style)
            .with_client_options(client)
            .with_retry(retry)
            // One request each: not every store knows the call for many.
            .with_disable_bulk_delete(true);
        if !address.endpoint.is_empty() {
            builder = builder.with_endpoint(endpoint(address));
        }
        if let Some((access_key, secret_key)) = address.keys {
            builder = builder.with_access_key_id(access_key).with_secret_access_key(secret_key);
        }
        let prefix = Path::parse(address.prefix).map_err(|error| error.to_string())?;
        let s3 = builder.build().map_err(|error| error.to_string())?;
        let host = if address.endpoint.is_empty() { address.region } else { address.endpoint };
        Ok(Self { s3, name: format!("s3://{}/{prefix} at {host}", address.bucket), prefix })
    }

    /// The key of a content.
    fn key(&self, content: &Content) -> Path {
        let (first, _) = content.sha256.split_at_checked(2).unwrap_or_default();
        self.prefix.clone().join(first).join(format!("{}.{}.gz", content.sha256, content.id))
    }

    /// Puts a content that is small, whole.
    pub async fn put(&self, content: &Content, bytes: Vec<u8>) -> Result<()> {
        self.s3.put(&self.key(content), bytes.into()).await.map(drop).map_err(away)
    }

    /// Begins to put a content in parts; gives the name of this upload.
    pub async fn begin(&self, content: &Content) -> Result<String> {
        self.s3.create_multipart(&self.key(content)).await.map_err(away)
    }

    /// Puts the next part of [`PART_BYTES`], the last one may be smaller; gives what [`Objects::complete`] wants of it.
    pub async fn put_part(
        &self,
        content: &Content,
        upload_id: &str,
        no: usize,
        bytes: Vec<u8>,
    ) -> Result<String> {
        let (key, upload) = (self.key(content), upload_id.to_owned());
        let part = self.s3.put_part(&key, &upload, no, bytes.into()).await.map_err(away)?;
        Ok(part.content_id)
    }

    /// Makes one object of the parts. Until then nobody sees any of it.
    pub async fn complete(&self, content: &Content, upload_id: &str, parts: Vec<String>) -> Result<()> {
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        let (key, upload) = (self.key(content), upload_id.to_owned());
        self.s3.complete_multipart(&key, &upload, parts).await.map(drop).map_err(away)
    }

    /// Throws away what was put of an upload. One that is not there any more is none to worry about.
    pub async fn abort(&self, content: &Content, upload_id: &str) -> Result<()> {
        match self.s3.abort_multipart(&self.key(content), &upload_id.to_owned()).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(away(error)),
        }
    }

    /// A piece of [`PIECE_BYTES`] from 0 on, the last one may be smaller; `None` after the last.
    pub async fn piece(&self, content: &Content, no: i64) -> Result<Option<Vec<u8>>> {
        let (no, size) =
            (u64::try_from(no).unwrap_or(u64::MAX), u64::try_from(content.size_bytes).unwrap_or(0));
        let start = no.saturating_mul(PIECE_BYTES);
        if start >= size {
            return Ok(None);
        }
        let key = self.key(content);
        match self.s3.get_range(&key, start..size.min(start + PIECE_BYTES)).await {
            Ok(bytes) => Ok(Some(bytes.into())),
            // Of a bucket that is not there it is said in the same way.
            Err(object_store::Error::NotFound { source, .. })
                if !source.to_string().contains("NoSuchBucket") =>
            {
                Err(Error::Missing { key: key.to_string() })
            }
            // It is shorter than it was.
            Err(error) if error.to_string().contains("InvalidRange") => {
                Err(Error::Missing { key: key.to_string() })
            }
            Err(error) => Err(away(error)),
        }
    }

    /// Deletes the object of a content, where there is one.
    pub async fn delete(&self, content: &Content) -> Result<()> {
        self.delete_key(&self.key(content)).await
    }

    /// Deletes what [`Objects::list`] has found.
    pub async fn delete_stored(&self, stored: &Stored) -> Result<()> {
        self.delete_key(&Path::parse(&stored.key).map_err(|error| away(error.into()))?).await
    }

    async fn delete_key(&self, key: &Path) -> Result<()> {
        match self.s3.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(away(error)),
        }
    }

    /// All objects below the prefix.
    pub fn list(&self) -> BoxStream<'static, Result<Stored>> {
        self.s3.list(Some(&self.prefix)).map(|found| found.map(|meta| stored(&meta)).map_err(away)).boxed()
    }

    /// Whether it takes, gives and deletes an object, which is put below the prefix for a moment.
    pub async fn try_out(&self) -> Result<()> {
        let key = self.prefix.clone().join("tidemark-check");
        self.s3.put(&key, b"tidemark".to_vec().into()).await.map_err(away)?;
        let read = self.s3.get(&key).await.map_err(away)?.bytes().await.map_err(away)?;
        if read.as_ref() != b"tidemark" {
            return Err(Error::Away("it gave back something else than it was given".into()));
        }
        self.delete_key(&key).await
    }
}

/// Without keys.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Objects").field(&self.name).finish()
    }
}

/// Bucket, prefix and host.
impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The endpoint as the client wants it: with the bucket in the host's name, where it stands there.
fn endpoint(address: &Address<'_>) -> String {
    let plain = address.endpoint.trim_end_matches('/');
    match plain.split_once("://") {
        Some((scheme, host)) if !address.path_style => format!("{scheme}://{}.{host}", address.bucket),
        _ => plain.to_owned(),
    }
}

fn stored(meta: &ObjectMeta) -> Stored {
    let name = meta.location.filename().unwrap_or_default();
    let id = name.strip_suffix(".gz").and_then(|name| name.split_once('.'));
    Stored {
        id: id.and_then(|(_, id)| id.parse().ok()),
        key: meta.location.to_string(),
        written_at: domain::time::Instant(meta.last_modified.timestamp_micros()),
    }
}

fn away(error: object_store::Error) -> Error {
    Error::Away(Box::new(error))
}

#[cfg(test)]
mod tests {
    use domain::report::Place;

    use super::*;

    #[test]
    fn a_key_says_digest_and_id_and_no_secret_is_shown() {
        let address = Address {
            endpoint: "https://s3.example.com/",
            bucket: "reports",
            region: "eu-1",
            prefix: "tide/one",
            keys: Some(("key", "s3cret")),
            path_style: false,
            timeout: Duration::from_secs(1),
            ..Address::default()
        };
        assert_eq!(endpoint(&address), "https://reports.s3.example.com");
        assert_eq!(endpoint(&Address { path_style: true, ..address.clone() }), "https://s3.example.com");
        let objects = Objects::at(&address).unwrap();
        assert!(!format!("{objects} {objects:?}").contains("s3cret"));
        let id: ContentId = "8b50297b-facb-49b0-9351-5afdf0ab72c0".parse().unwrap();
        let (sha256, place) = ("3fa8".repeat(16), Place::S3);
        let content = Content { id, sha256: sha256.clone(), place, size_bytes: 1, plain_bytes: 1 };
        assert_eq!(objects.key(&content).as_ref(), format!("tide/one/3f/{sha256}.{id}.gz"));
        #[expect(clippy::default_trait_access, reason = "its type is of a crate that only the client names")]
        let meta = |location| ObjectMeta {
            location,
            last_modified: Default::default(),
            size: 1,
            e_tag: None,
            version: None,
        };
        assert_eq!(stored(&meta(objects.key(&content))).id, Some(id));
        assert_eq!(stored(&meta(Path::from("tide/one/readme"))).id, None);
    }
}
