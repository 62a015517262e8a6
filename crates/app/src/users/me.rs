//! What a caller sees of itself.

use domain::access::{Actor, ClientStatus};
use domain::ids::ClientId;
use domain::pricing::PricingMode;
use domain::tenant::Tenant;
use domain::time::Instant;
use domain::user::User;

use crate::{App, Caller, Error, Result};

/// A caller with the facts of its tenant that come along.
#[derive(Debug, Clone)]
pub struct Me {
    /// Who.
    pub myself: Myself,
    /// Its tenant.
    pub tenant: Tenant,
    /// How that tenant is billed now.
    pub tenant_pricing_mode: PricingMode,
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Myself {
    /// A user.
    User {
        /// The user.
        user: Box<User>,
        /// When a code of its second factor was last taken.
        login_totp_time: Option<Instant>,
    },
    /// An API client, which is shown in the shape of a user (accounts-api, 1.6).
    Client {
        /// Its id.
        id: ClientId,
        /// `client_name` of its data; its id where there is none.
        name: String,
        /// Whether it gets tokens.
        enabled: bool,
        /// When it was made.
        created_at: Instant,
    },
}

/// The caller, and the tenant it belongs to.
pub async fn me(app: &App, caller: &Caller) -> Result<Me> {
    let mut conn = app.read().await?;
    let myself = match caller.actor {
        Actor::User(id) => {
            let user = store::users::by_id(&mut conn, id).await?;
            let user = Box::new(user.ok_or(Error::NotFound { what: "user" })?);
            Myself::User { user, login_totp_time: store::mfa::used_at(&mut conn, id).await? }
        }
        Actor::Client(id) => {
            let client = store::clients::by_id(&mut conn, id).await?;
            let client = client.ok_or(Error::NotFound { what: "client" })?;
            let name = client_name(&client.data).unwrap_or_else(|| id.to_string());
            let enabled = client.status == ClientStatus::Enabled;
            Myself::Client { id, name, enabled, created_at: client.created_at }
        }
        Actor::System => return Err(Error::NotFound { what: "user" }),
    };
    let details = crate::tenants::load(app, &mut conn, caller.tenant).await?;
    Ok(Me { myself, tenant: details.tenant, tenant_pricing_mode: details.pricing_mode })
}

/// `client_name` in a client's data.
pub(crate) fn client_name(data: &str) -> Option<String> {
    let data: serde_json::Value = serde_json::from_str(data).ok()?;
    data.get("client_name")?.as_str().map(str::to_owned)
}
