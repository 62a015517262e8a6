//! Sealing of secrets at rest with a key that lies outside the database: a stolen database signs nothing.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::ids::{Ids, hex};

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// The key that secrets in the database are sealed with, and words that leave the server signed. Cheap to clone.
#[derive(Clone)]
pub struct SealingKey(Arc<Keys>);

struct Keys {
    seals: RandomizedNonceKey,
    signs: hmac::Key,
}

/// Why a key file could not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is one already; it is never overwritten, as everything sealed with it would be lost.
    #[error("{} exists already and is not overwritten", .0.display())]
    Exists(PathBuf),
    /// It cannot be read or written.
    #[error("{} cannot be used", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read or write it.
    #[error("{} is open to others (mode {mode:03o}): run chmod 600 on it", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It does not hold a key.
    #[error("{} does not hold a key: 64 hex digits are expected", .0.display())]
    NotAKey(PathBuf),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// What was sealed does not open: another key file, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret in the database does not open with this key file")]
pub struct Unopenable;

impl SealingKey {
    /// Makes a file with a new random key, readable by its owner alone.
    pub fn create(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = Ids::default().bytes::<KEY_BYTES>().map_err(|_| KeyFileError::Random)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
            _ => KeyFileError::Io { path: path.to_owned(), source },
        })?;
        write_key(file, &bytes).map_err(|source| KeyFileError::Io { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes).ok_or_else(|| KeyFileError::NotAKey(path.to_owned()))
    }

    /// Reads a key from its file; refuses one that others than its owner may use.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.to_owned(), source };
        let file = File::open(path).map_err(io)?;
        let about = file.metadata().map_err(io)?;
        let mode = about.mode() & 0o777;
        // A credential of systemd's is root's and read-only; what shows as the group's bits is the list of who else may
        // read it, which names the service's user alone.
        let by_systemd = mode == 0o440 && (about.uid(), about.gid()) == (0, 0);
        if mode & 0o077 != 0 && !by_systemd {
            return Err(KeyFileError::Open { path: path.to_owned(), mode });
        }
        let text = io::read_to_string(file).map_err(io)?;
        bytes_of_hex(text.trim())
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or_else(|| KeyFileError::NotAKey(path.to_owned()))
    }

    /// A key from its 32 bytes; `None` where there are fewer or more.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let seals = RandomizedNonceKey::new(&AES_256_GCM, bytes).ok()?;
        // Of the same bytes, and nothing that one of the two gives away says anything about the other.
        let derived = hmac::sign(&hmac::Key::new(HMAC_SHA256, bytes), b"tidemark: what is signed");
        Some(Self(Arc::new(Keys { seals, signs: hmac::Key::new(HMAC_SHA256, derived.as_ref()) })))
    }

    /// Seals a secret under a name, which it opens under again: nonce, ciphertext, tag.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, crate::Error> {
        let mut sealed = secret.to_vec();
        let nonce = self
            .0
            .seals
            .seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut sealed)
            .map_err(|_| crate::Error::internal("a secret could not be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &sealed].concat())
    }

    /// Opens what [`SealingKey::seal`] gave.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or(Unopenable)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Unopenable)?;
        let mut opened = sealed.to_vec();
        let secret = self.0.seals.open_in_place(nonce, Aad::from(name.as_bytes()), &mut opened);
        secret.map(|secret| secret.to_vec()).map_err(|_| Unopenable)
    }

    /// Proof that this installation says these words for this purpose: HMAC-SHA256.
    pub fn signature(&self, purpose: &str, words: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0.signs);
        context.update(purpose.as_bytes());
        // No purpose has a NUL in it, so that none is the beginning of another one.
        context.update(&[0]);
        context.update(words);
        let mut signature = [0; 32];
        signature.copy_from_slice(context.sign().as_ref());
        signature
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(..)")
    }
}

fn write_key(mut file: File, bytes: &[u8]) -> io::Result<()> {
    writeln!(file, "{}", hex(bytes))?;
    file.sync_all()
}

fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..KEY_BYTES).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_opens_only_under_its_name_and_with_its_key() {
        let key = SealingKey::from_bytes(&[7; 32]).unwrap();
        let sealed = key.seal("one", b"secret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(key.open("one", &sealed).unwrap(), b"secret");
        assert_ne!(sealed, key.seal("one", b"secret").unwrap(), "the nonce is new each time");
        assert_eq!(key.open("two", &sealed), Err(Unopenable));
        assert_eq!(SealingKey::from_bytes(&[8; 32]).unwrap().open("one", &sealed), Err(Unopenable));
        assert_eq!(key.open("one", b"short"), Err(Unopenable));
    }

    #[test]
    fn a_key_file_is_made_once_for_its_owner_alone() {
        let path = std::env::temp_dir().join(format!("tidemark-sealing-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let made = SealingKey::create(&path).unwrap();
        assert!(matches!(SealingKey::create(&path), Err(KeyFileError::Exists(_))));
        let sealed = made.seal("x", b"secret").unwrap();
        assert_eq!(SealingKey::read(&path).unwrap().open("x", &sealed).unwrap(), b"secret");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = SealingKey::read(&path).unwrap_err();
        assert!(refused.to_string().contains("chmod 600"), "{refused}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(SealingKey::read(&path), Err(KeyFileError::NotAKey(_))));
        std::fs::remove_file(&path).unwrap();
    }
}
