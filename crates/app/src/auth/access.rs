//! Access tokens: their claims, and the caller they prove.

use domain::access::{Actor, Grant, Permission, Role};
use domain::ids::{ClientId, TenantId, TenantNo, UserId};
use serde::{Deserialize, Serialize};
use store::Conn;
use store::tokens::{Held, Live, Principal};
use uuid::Uuid;

use super::jwt::Unverified;
use super::{Scope, keys};
use crate::access::Proof;
use crate::{App, Caller, Result};

/// How far ahead of this node's clock a token may begin: another node's clock may have issued it.
const SKEW_SECONDS: i64 = 30;

/// The claims of an access token (accounts-api, 1.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    /// The configured `public_url`.
    pub iss: String,
    /// Its host name.
    pub aud: String,
    /// The client or user.
    pub sub: Uuid,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<UserId>,
    /// When it runs out, in Unix seconds.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// From when on it is good.
    pub nbf: i64,
    /// Its id.
    pub jti: Uuid,
    /// Always 2.
    pub ver: i64,
    /// The client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// The tenant that the client or user belongs to.
    pub owner_tuid: TenantId,
    /// The roles held when it was issued; what counts is what is held when it is used.
    pub scope: Vec<ScopeItem>,
    /// The tenant it is narrowed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub narrowing: Option<Vec<Vec<String>>>,
}

/// A role on a tenant, as tokens carry it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScopeItem {
    /// The tenant's numeric id.
    pub tid: String,
    /// The tenant's id.
    pub tuid: TenantId,
    /// The role.
    pub role: Role,
}

impl Claims {
    /// Whose token it is; `None` where the claims contradict each other.
    pub fn owner(&self) -> Option<Actor> {
        match (self.client_id, self.uid) {
            (Some(client), None) if client.0 == self.sub => Some(Actor::Client(client)),
            (None, Some(user)) if user.0 == self.sub => Some(Actor::User(user)),
            _ => None,
        }
    }

    /// The tenant it is narrowed to: the outer option is `None` where the claim is not of a known form, so that what
    /// cannot be read is never taken for "not narrowed".
    pub fn narrowed_to(&self) -> Option<Option<TenantId>> {
        let Some(narrowing) = &self.narrowing else { return Some(None) };
        match narrowing.as_slice() {
            [words] => match words.as_slice() {
                [word] => Scope::tenant_of_word(word).map(Some),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Grants as tokens carry them.
pub(super) fn scope_items(grants: &[Grant]) -> Vec<ScopeItem> {
    let item =
        |grant: &Grant| ScopeItem { tid: grant.tenant.to_string(), tuid: grant.tenant_id, role: grant.role };
    grants.iter().map(item).collect()
}

/// The claims of an access token of ours that has not run out; `None` where it is anything else. Whether it was revoked
/// and whether its owner may still sign in is not asked here.
pub(super) async fn claims(app: &App, conn: &mut Conn, token: &str) -> Result<Option<Claims>> {
    let Some(claims) = signed_claims(app, conn, token).await? else { return Ok(None) };
    let now = app.clock.now().unix_seconds();
    Ok(Some(claims).filter(|claims| now < claims.exp && claims.nbf <= now + SKEW_SECONDS))
}

/// As [`claims`], also where it has run out. An id_token is not of this shape: it has no `scope`, and its `aud` is not
/// the API's host.
pub(super) async fn signed_claims(app: &App, conn: &mut Conn, token: &str) -> Result<Option<Claims>> {
    let Some(unverified) = Unverified::read(token) else { return Ok(None) };
    let Some(key) = keys::verifier(app, conn, &unverified.kid).await? else { return Ok(None) };
    let claims = unverified.verify::<Claims>(&key);
    Ok(claims.filter(|claims| claims.iss == app.settings.public_url && claims.aud == app.settings.host()))
}

/// An access token that is good now.
pub(super) struct Verified {
    /// What it says.
    pub(super) claims: Claims,
    /// The caller it proves.
    pub(super) caller: Caller,
    /// Whose it is.
    pub(super) principal: Principal,
    /// What it belongs to.
    pub(super) live: Live,
}

/// What an access token that is good now says and proves; `None` where it is not.
pub(super) async fn verify(app: &App, conn: &mut Conn, token: &str) -> Result<Option<Verified>> {
    let Some(claims) = claims(app, conn, token).await? else { return Ok(None) };
    let (Some(owner), Some(narrowed_to)) = (claims.owner(), claims.narrowed_to()) else { return Ok(None) };
    let Some(live) = store::tokens::live(conn, claims.jti).await? else { return Ok(None) };
    let caller = caller(app, conn, owner, narrowed_to, Proof::Bearer).await?;
    Ok(caller.map(|(caller, principal)| Verified { claims, caller, principal, live }))
}

/// The caller that a client or user is now; `None` where it may not sign in.
pub(super) async fn caller(
    app: &App,
    conn: &mut Conn,
    owner: Actor,
    narrowed_to: Option<TenantId>,
    proof: Proof,
) -> Result<Option<(Caller, Principal)>> {
    let Some(principal) = store::tokens::principal(conn, owner).await? else { return Ok(None) };
    if !principal.live || principal.disable_after.is_some_and(|end| end <= app.clock.now()) {
        return Ok(None);
    }
    let grants = match (owner, narrowed_to) {
        // Known already, as every request of every client asks for them.
        (Actor::Client(_), None) => own_grants(&principal),
        _ => narrowed(&store::tokens::grants(conn, owner, narrowed_to).await?, narrowed_to),
    };
    let is_client = matches!(owner, Actor::Client(_));
    let looks =
        |grant: &Grant| grant.tenant == principal.tenant && grant.role.permits(Permission::TenantViewer);
    let operates = principal.at_top && narrowed_to.is_none() && grants.iter().any(looks);
    let administers = grants.iter().any(|grant| grant.role.is_admin());
    let caller = Caller {
        actor: owner,
        tenant: principal.tenant,
        tenant_id: principal.tenant_id,
        grants,
        narrowed_to,
        proof,
        reports_usage: is_client && administers && (principal.at_top || principal.origin_id.is_some()),
        introspects: is_client && principal.at_top && narrowed_to.is_none(),
        operates,
    };
    Ok(Some((caller, principal)))
}

fn own_grants(client: &Principal) -> Vec<Grant> {
    let (tenant, tenant_id) = (client.tenant, client.tenant_id);
    client.roles.iter().map(|role| Grant { tenant, tenant_id, role: *role }).collect()
}

/// What is left of the roles held: one that covers the tenant narrowed to is held there, one below it stays, and others
/// go. No wall is lost on the way: a role that a wall keeps out does not cover the tenant.
fn narrowed(held: &[Held], to: Option<TenantId>) -> Vec<Grant> {
    let Some(to) = to else { return held.iter().map(|held| held.grant).collect() };
    let keep = |held: &Held| match held.narrowed_no {
        Some(no) if held.covers => Some(Grant { tenant: no, tenant_id: to, ..held.grant }),
        _ => held.is_below.then_some(held.grant),
    };
    let mut grants = Vec::new();
    for grant in held.iter().filter_map(keep) {
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    grants
}

/// Whether a token of this owner, which reaches `within` at most, may be narrowed to a tenant: one of its roles covers
/// it.
pub(super) async fn may_narrow(
    conn: &mut Conn,
    owner: Actor,
    within: Option<TenantId>,
    to: TenantId,
) -> Result<bool> {
    if !store::tokens::grants(conn, owner, Some(to)).await?.iter().any(|held| held.covers) {
        return Ok(false);
    }
    let Some(within) = within else { return Ok(true) };
    let numbers = (number(conn, within).await?, number(conn, to).await?);
    let (Some(within), Some(to)) = numbers else { return Ok(false) };
    Ok(store::tenants::reach(conn, within, to).await?.is_some())
}

async fn number(conn: &mut Conn, tenant: TenantId) -> Result<Option<TenantNo>> {
    Ok(store::tenants::by_id(conn, tenant).await?.map(|tenant| tenant.no))
}
