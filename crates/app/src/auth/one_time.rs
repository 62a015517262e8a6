//! One-time tokens: an API client signs a user of its tenant in, without a password (accounts-api, tier 3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::access::{Actor, Permission};
use domain::ids::{TenantNo, UserId};
use domain::oauth::OneTimePurpose;
use domain::user::User;
use serde_json::Value;
use store::Conn;
use store::sign_in::OneTimeToken;

use super::{fingerprint, sessions};
use crate::ids::hex;
use crate::{App, Caller, Error, Result};

/// How long a token is good.
const TOKEN_SECONDS: i64 = 300;
/// The longest `audit_data` that the change log keeps, as JSON.
const AUDIT_MAX_BYTES: usize = 4_096;

/// Who is to be signed in.
#[derive(Debug, Clone)]
pub enum Whom {
    /// The user with this id.
    Id(UserId),
    /// The user with this login.
    Login(String),
    /// The user with this id of another system, in the caller's reach.
    ExternalId(String),
}

/// Makes a token for a user all of whose roles lie within the caller's reach. `audit_data` is kept in the change log.
pub async fn create(
    app: &App,
    caller: &Caller,
    whom: &Whom,
    purpose: OneTimePurpose,
    audit_data: Option<&Value>,
) -> Result<String> {
    if !matches!(caller.actor, Actor::Client(_)) {
        return Err(Error::Forbidden);
    }
    let reason = audit_data.map(Value::to_string);
    if reason.as_ref().is_some_and(|reason| reason.len() > AUDIT_MAX_BYTES) {
        return Err(Error::invalid("audit_data", "is too long"));
    }
    // Of hex digits, base64 has neither of the two signs that an address would have to escape.
    let token = STANDARD.encode(hex(&app.ids.bytes::<24>()?));
    let mut tx = app.write(caller).await?;
    let user = find(&mut tx, caller, whom).await?;
    if let Some(reason) = reason {
        tx.because(reason);
    }
    let row = OneTimeToken {
        sha256: fingerprint(&token),
        user: user.id,
        purpose,
        expires_at: tx.now().plus_seconds(TOKEN_SECONDS),
    };
    store::sign_in::insert_one_time(&mut tx, user.tenant, &row).await?;
    tx.commit().await?;
    Ok(token)
}

/// The user, where one of the caller's grants stands above all that it is and may; 403 for any other that exists.
async fn find(conn: &mut Conn, caller: &Caller, whom: &Whom) -> Result<User> {
    let writing = caller.grants.iter().filter(|grant| grant.role.permits(Permission::UserAdmin));
    let roots: Vec<TenantNo> = writing.map(|grant| grant.tenant).collect();
    let (field, id) = match whom {
        Whom::Id(id) => ("user_id", Some(*id)),
        Whom::Login(login) => {
            ("login", store::tokens::user_for_sign_in(conn, login).await?.map(|user| user.id))
        }
        Whom::ExternalId(id) => {
            let found = store::sign_in::users_with_external_id(conn, &roots, id).await?;
            if found.len() > 1 {
                return Err(Error::invalid("external_id", "more than one user has it"));
            }
            ("external_id", found.first().copied())
        }
    };
    let user = match id {
        Some(id) => store::users::by_id(conn, id).await?.filter(|user| user.deleted_at.is_none()),
        None => None,
    };
    let user = user.ok_or_else(|| Error::invalid(field, "no such user"))?;
    for root in roots {
        if store::sign_in::covers(conn, root, Actor::User(user.id)).await? {
            return Ok(user);
        }
    }
    Err(Error::Forbidden)
}

/// Somebody whom a token has signed in.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// What the cookie of the browser session is to hold; `None` where the token was not for one.
    pub session: Option<String>,
}

/// Uses a token up. Fails with 401 where it is unknown, used, run out, or the user may not sign in.
pub async fn login(app: &App, token: &str) -> Result<SignedIn> {
    let wrong = || Error::unauthenticated("the one-time token is invalid, used up or too old");
    let known = store::sign_in::one_time(&mut app.read().await?, &fingerprint(token)).await?;
    let used = known.filter(|known| app.clock.now() < known.expires_at).ok_or_else(wrong)?;
    let mut tx = app.write_as(Actor::User(used.user)).await?;
    let user = match store::users::by_id(&mut tx, used.user).await? {
        Some(user) if sessions::may_sign_in(app, &mut tx, user.id).await? => user,
        _ => return Err(wrong()),
    };
    // Of two who have it one gets in.
    if !store::sign_in::use_one_time(&mut tx, user.tenant, &used).await? {
        return Err(wrong());
    }
    let session = if used.purpose == OneTimePurpose::UserLogin {
        Some(sessions::insert(app, &mut tx, user.id).await?)
    } else {
        None
    };
    tx.commit().await?;
    Ok(SignedIn { user, session })
}
