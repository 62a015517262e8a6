//! How the token endpoint refuses.

use std::borrow::Cow;

/// Why no token was given. The wire's words for them stand in the table of accounts-api, 1.2.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The form of the request is wrong.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// The refresh token or assertion is invalid or used up.
    #[error("the {0} is invalid, used up or revoked")]
    BadGrant(&'static str),
    /// The client is unknown, disabled or deleted, or its secret is wrong.
    #[error("unknown client, wrong secret, or disabled")]
    BadClient,
    /// The user is unknown or disabled, or the password is wrong.
    #[error("unknown user, wrong password, or disabled")]
    BadUser,
    /// A second factor is demanded of the user, who has none yet.
    #[error("a second factor is demanded: set it up with POST /api/tidemark/1/users/me/totp first")]
    TotpSetupRequired,
    /// The user has a second factor, and no code of it came.
    #[error("the code of the second factor is needed")]
    TotpRequired,
    /// The code is wrong, too old, or was used before.
    #[error("the code of the second factor is wrong or was used before")]
    InvalidTotp,
    /// The client that wants a code is unknown or gets none. Shown to a person, who can do nothing about it.
    #[error("unknown client, or one that nobody can sign in for")]
    UnknownClient,
    /// Nobody has decided on the device yet (RFC 8628, 3.5).
    #[error("nobody has approved the device yet")]
    Pending,
    /// As [`Refusal::Pending`], and the device asks too often: from now on it must wait longer.
    #[error("nobody has approved the device yet, and it asks too often")]
    SlowDown,
    /// The device's codes have run out.
    #[error("the codes have run out")]
    Expired,
    /// Somebody did not want the device.
    #[error("the device was refused")]
    Denied,
    /// The scope asks for more than there is.
    #[error("the scope is not allowed")]
    ScopeNotAllowed,
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] crate::Error),
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl Refusal {
    /// A request whose form is wrong.
    pub fn malformed(why: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(why.into())
    }
}
