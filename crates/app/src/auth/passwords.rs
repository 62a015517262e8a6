//! Passwords of users: argon2id, on a blocking thread, a few at a time.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};

use crate::{App, Error, Result};

/// How many are hashed at once: each takes 19 MiB and a core.
pub(super) const AT_ONCE: usize = 4;

/// Stands in where there is no user or no password, so that the answer takes as long and tells nothing.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What to store of a password: the PHC string of its argon2id hash.
pub async fn hash(app: &App, password: &str) -> Result<String> {
    let salt = app.ids.bytes::<16>()?;
    let password = password.to_owned();
    blocking(app, move || Argon2::default().hash_password_with_salt(password.as_bytes(), &salt))
        .await?
        .map(|hash| hash.to_string())
        .map_err(|error| Error::internal(error.to_string()))
}

/// Whether this is the password that was hashed; `None` takes as long and is never it.
pub async fn verify(app: &App, password: &str, hash: Option<&str>) -> Result<bool> {
    let known = hash.is_some();
    let (password, hash) = (password.to_owned(), hash.unwrap_or(NOBODYS).to_owned());
    let verified =
        blocking(app, move || Argon2::default().verify_password(password.as_bytes(), hash.as_str())).await?;
    Ok(known && verified.is_ok())
}

async fn blocking<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let _permit = app.auth.hashing.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
