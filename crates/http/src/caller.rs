//! Names the caller: the bearer token, the `access_token` of the query, or Basic (wire-conventions, section 4).

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use app::access::Proof;
use app::{App, Caller, Error};
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::access::Permission;

use crate::params::Params;
use crate::problem::Problem;

/// What a route asks of its caller, before anything else is looked at.
pub trait Needs: Send + Sync + 'static {
    /// The permission it must hold on some tenant; `None`: any caller who is signed in.
    const PERMISSION: Option<Permission>;
    /// Whether a user's login and password do instead of a token.
    const BASIC: bool = true;
    /// Whether a user who must set up a second factor may do so here by login and password.
    const ENROLS: bool = false;
    /// Whether only API clients may call.
    const CLIENTS_ONLY: bool = false;
    /// Whether an `Accept` that excludes JSON is refused with 415.
    const ANSWERS_JSON: bool = true;
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident = $permission:expr $(, BASIC = $basic:literal)? $(, ENROLS = $enrols:literal)? $(, CLIENTS_ONLY = $clients:literal)?
        $(, ANSWERS_JSON = $json:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl Needs for $name {
            const PERMISSION: Option<Permission> = $permission;
            $(const BASIC: bool = $basic;)?
            $(const ENROLS: bool = $enrols;)?
            $(const CLIENTS_ONLY: bool = $clients;)?
            $(const ANSWERS_JSON: bool = $json;)?
        }
    )*};
}

needs! {
    /// Anybody who is signed in.
    Anyone = None;
    /// Anybody with a bearer token.
    AnyToken = None, BASIC = false;
    /// tenant_viewer
    TenantViewer = Some(Permission::TenantViewer);
    /// tenant_admin
    TenantAdmin = Some(Permission::TenantAdmin);
    /// user_admin
    UserAdmin = Some(Permission::UserAdmin);
    /// user_admin of an API client.
    ClientUserAdmin = Some(Permission::UserAdmin), CLIENTS_ONLY = true;
    /// Administrators of the top tenant.
    RootAdmin = Some(Permission::RootAdmin);
    /// Anybody about its own second factor.
    Enroller = None, ENROLS = true;
    /// Administrators of top tenants, partners and customers.
    MfaAdmin = Some(Permission::MfaAdmin);
    /// Readers of locations and storages; bearer only.
    InfraViewer = Some(Permission::InfraViewer), BASIC = false;
    /// Writers of locations and storages; bearer only.
    InfraAdmin = Some(Permission::InfraAdmin), BASIC = false;
    /// Writers of brands.
    BrandAdmin = Some(Permission::InfraAdmin);
    /// Readers of logos, which are no JSON.
    LogoViewer = Some(Permission::TenantViewer), ANSWERS_JSON = false;
    /// Readers of reports; bearer only.
    ReportReader = Some(Permission::ReportReader), BASIC = false;
    /// Readers of stored files, which no `Accept` can refuse.
    FileReader = Some(Permission::ReportReader), BASIC = false, ANSWERS_JSON = false;
    /// Writers of reports; bearer only.
    ReportWriter = Some(Permission::ReportWriter), BASIC = false;
    /// Those who change a report: `Accept` is checked after the report is found.
    ReportChanger = Some(Permission::ReportWriter), BASIC = false, ANSWERS_JSON = false;
}

/// A caller who may do what the route needs on some tenant at least; on which, the use case decides.
pub struct Can<N>(pub Caller, PhantomData<N>);

impl<N: Needs> FromRequestParts<App> for Can<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = identify::<N>(parts, app).await?;
        app.admit(caller.actor)?;
        if N::CLIENTS_ONLY {
            caller.require_client()?;
        }
        if let Some(permission) = N::PERMISSION {
            caller.require(permission)?;
        }
        if N::ANSWERS_JSON {
            check_accept(&parts.headers)?;
        }
        Ok(Self(caller, PhantomData))
    }
}

/// Somebody who runs the installation: a client or user of the top tenant, by bearer token or by login and password.
#[derive(Debug)]
pub struct Operator;

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = identify::<Anyone>(parts, app).await?;
        caller.require_operator()?;
        Ok(Self)
    }
}

/// The caller whom the credentials of a request prove.
pub(crate) async fn identify<N: Needs>(parts: &Parts, app: &App) -> Result<Caller, Problem> {
    let header = parts.headers.get(header::AUTHORIZATION);
    let query = Params::of(parts.uri.query());
    let in_query = query.get("access_token").filter(|token| !token.is_empty());
    let (scheme, value) = match (header, in_query) {
        (Some(_), Some(_)) => {
            return Err(Error::invalid("access_token", "sent together with the Authorization header").into());
        }
        (None, None) => return Err(Error::unauthenticated("no credentials").into()),
        (None, Some(token)) => ("bearer", token),
        (Some(header), None) => header
            .to_str()
            .ok()
            .and_then(|header| header.split_once(' '))
            .ok_or_else(|| Error::unauthenticated("the Authorization header is malformed"))?,
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return Ok(app::auth::bearer(app, value).await?);
    }
    if !N::BASIC || !scheme.eq_ignore_ascii_case("basic") {
        return Err(Error::unauthenticated("a bearer token is needed").into());
    }
    let (login, password) =
        basic_pair(value).ok_or_else(|| Error::unauthenticated("the Authorization header is malformed"))?;
    let caller = if N::ENROLS {
        app::auth::basic_to_enrol(app, &login, &password, peer(parts)).await?
    } else {
        app::auth::basic(app, &login, &password, peer(parts)).await?
    };
    debug_assert!(caller.proof == Proof::Basic);
    Ok(caller)
}

/// The two halves of a Basic credential, as they were sent (RFC 7617).
pub fn basic_pair(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    text.split_once(':').map(|(name, secret)| (name.to_owned(), secret.to_owned()))
}

/// The address of the other end of the connection.
pub fn peer(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

/// Fails where `Accept` excludes JSON: of the ranges that JSON lies in the narrowest says (RFC 9110, 12.5.1).
pub(crate) fn check_accept(headers: &HeaderMap) -> Result<(), Problem> {
    let mut accepts =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if accepts.peek().is_none() {
        return Ok(());
    }
    let ranges = accepts.flat_map(|value| value.split(',')).filter_map(json_range);
    match ranges.max() {
        Some((_, true)) => Ok(()),
        _ => Err(Problem::UnsupportedMedia("Accept excludes application/json")),
    }
}

/// How narrow a range around JSON is, and whether it is wanted at all; `None` where JSON does not lie in it.
fn json_range(range: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let narrowness = match parts.next().unwrap_or("").to_ascii_lowercase().as_str() {
        "" | "*/*" => 0,
        "application/*" => 1,
        "application/json" => 2,
        _ => return None,
    };
    let refused =
        parts.any(|part| part.strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0)));
    Some((narrowness, !refused))
}
