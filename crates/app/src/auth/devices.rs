//! Devices without a browser: they show a code, and a person who is signed in elsewhere types it (RFC 8628).

use std::net::IpAddr;

use domain::access::{Actor, Permission};
use domain::ids::{ClientId, TenantId};
use domain::oauth::UserCode;
use domain::text;
use store::Conn;
use store::sign_in::Device;

use super::throttle::Guess;
use super::{Refusal, Scope, access, fingerprint, sign_in};
use crate::access::Proof;
use crate::ids::hex;
use crate::{App, Caller, Error, Result};

/// How long a device may wait for its person (accounts-api, tier 3).
const DEVICE_SECONDS: i64 = 600;
/// How long it waits between two questions, and by how much more after one that came too early.
const INTERVAL_SECONDS: i64 = 5;
/// Where people type the code, behind `public_url`.
pub const PAGE: &str = "/device";

/// What a device shows and asks with.
#[derive(Debug, Clone)]
pub struct DeviceAuthorization {
    /// What it asks with.
    pub device_code: String,
    /// What it shows.
    pub user_code: UserCode,
    /// Where that is to be typed.
    pub verification_uri: String,
    /// How long both are good, in seconds.
    pub expires_in: i64,
    /// How long to wait between two questions, in seconds.
    pub interval: i64,
}

/// Lets a device that runs this client wait for its person. Its name is the client's where it has none. Nobody has proved
/// anything yet, so too many from one address are slowed down as guesses are.
pub async fn begin(
    app: &App,
    client_id: &str,
    scope: Scope,
    display_name: Option<&str>,
    from: Option<IpAddr>,
) -> Result<DeviceAuthorization, Refusal> {
    sign_in::begin_try(app, Guess::NewDevice, from)?;
    let client = client(app, client_id).await?;
    let display_name = match display_name {
        Some(name) => text::check_name(name)
            .map(|()| name.to_owned())
            .map_err(|why| Refusal::malformed(format!("display_name: {why}")))?,
        None => name_of(app, client).await?,
    };
    let device_code = hex(&app.ids.bytes::<32>()?);
    let user_code = UserCode::of(u64::from_le_bytes(app.ids.bytes()?));
    let mut tx = app.write_as(Actor::Client(client)).await?;
    let device = Device {
        sha256: fingerprint(&device_code),
        user_code_sha256: fingerprint(user_code.letters()),
        client,
        display_name,
        scope: scope.to_string(),
        interval_seconds: INTERVAL_SECONDS,
        polled_at: None,
        approved_by: None,
        denied: false,
        expires_at: tx.now().plus_seconds(DEVICE_SECONDS),
    };
    store::sign_in::insert_device(&mut tx, &device).await?;
    tx.commit().await?;
    Ok(DeviceAuthorization {
        device_code,
        user_code,
        verification_uri: format!("{}{PAGE}", app.settings.public_url),
        expires_in: DEVICE_SECONDS,
        interval: INTERVAL_SECONDS,
    })
}

/// The client with this id, where it gets tokens. It proves nothing: who has the device code has proof enough.
pub(super) async fn client(app: &App, id: &str) -> Result<ClientId, Refusal> {
    let id: ClientId = id.parse().map_err(|_| Refusal::BadClient)?;
    let mut conn = app.read().await?;
    let live = access::caller(app, &mut conn, Actor::Client(id), None, Proof::Bearer).await?;
    live.map(|_| id).ok_or(Refusal::BadClient)
}

async fn name_of(app: &App, client: ClientId) -> Result<String> {
    let known = store::clients::by_id(&mut app.read().await?, client).await?;
    let name = known.and_then(|client| crate::users::client_name(&client.data));
    Ok(name.unwrap_or_else(|| client.to_string()))
}

/// What a person is asked before a device is connected.
#[derive(Debug, Clone)]
pub struct Question {
    /// The client that the device runs.
    pub client_id: ClientId,
    /// What the device is called.
    pub display_name: String,
    /// The words of its scope.
    pub scope: Vec<String>,
    /// The tenant that it would reach, with all below.
    pub tenant_id: TenantId,
    /// That tenant's name.
    pub tenant_name: String,
    /// Whether that is the person's own tenant.
    pub is_current_tenant: bool,
}

/// A code that was typed, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Typed<'a> {
    /// Who.
    pub caller: &'a Caller,
    /// What, as typed.
    pub code: &'a str,
    /// The tenant that the device is to reach, where the caller says so.
    pub tenant: Option<TenantId>,
    /// The other end of the connection.
    pub from: Option<IpAddr>,
}

/// What the device that shows this code asks for.
pub async fn look(app: &App, typed: Typed<'_>) -> Result<Question, Refusal> {
    let (device, scope) = find(app, typed).await?;
    let caller = typed.caller;
    let tenant = scope.narrowed_to.unwrap_or(caller.tenant_id);
    let tenant = store::tenants::by_id(&mut app.read().await?, tenant).await?;
    let tenant = tenant.ok_or(Error::NotFound { what: "tenant" })?;
    Ok(Question {
        client_id: device.client,
        display_name: device.display_name,
        scope: device.scope.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        tenant_id: tenant.id,
        tenant_name: tenant.name,
        is_current_tenant: tenant.id == caller.tenant_id,
    })
}

/// Gives the device that shows this code tokens of the caller, which reach no further than the caller's own.
pub async fn approve(app: &App, typed: Typed<'_>) -> Result<(), Refusal> {
    let (device, scope) = find(app, typed).await?;
    let mut tx = app.write(typed.caller).await?;
    let home = typed.caller.tenant;
    if !store::sign_in::approve_device(&mut tx, home, &device, &scope.to_string()).await? {
        return Err(unknown_code());
    }
    Ok(tx.commit().await?)
}

/// Refuses the device that shows this code.
pub async fn deny(app: &App, typed: Typed<'_>) -> Result<(), Refusal> {
    let (device, _) = find(app, typed).await?;
    let mut tx = app.write(typed.caller).await?;
    if !store::sign_in::deny_device(&mut tx, typed.caller.tenant, &device).await? {
        return Err(unknown_code());
    }
    Ok(tx.commit().await?)
}

fn unknown_code() -> Refusal {
    Refusal::malformed("code: unknown, run out, or decided on before")
}

/// The device that shows a code, where the caller may connect it, with the scope that it would get. Guessing is slowed
/// down as that of passwords is.
async fn find(app: &App, typed: Typed<'_>) -> Result<(Device, Scope), Refusal> {
    typed.caller.require(Permission::DeviceApprover)?;
    let code: UserCode = typed.code.parse().map_err(|why| Refusal::malformed(format!("code: {why}")))?;
    let guess = Guess::Device(typed.caller.actor);
    sign_in::begin_try(app, guess, typed.from)?;
    let mut conn = app.read().await?;
    let device = store::sign_in::device_of_user_code(&mut conn, &fingerprint(code.letters())).await?;
    let is_open = |device: &Device| {
        device.approved_by.is_none() && !device.denied && app.clock.now() < device.expires_at
    };
    let device = device.filter(is_open).ok_or_else(unknown_code)?;
    sign_in::end_try(app, guess, typed.from);
    let scope = reached(app, &mut conn, &device, typed).await?;
    Ok((device, scope))
}

/// The scope that the device would get from this caller: of the tenants that its scope, the caller's token and the
/// caller name, each must lie within the one before.
async fn reached(app: &App, conn: &mut Conn, device: &Device, typed: Typed<'_>) -> Result<Scope, Refusal> {
    let caller = typed.caller;
    let client = access::caller(app, conn, Actor::Client(device.client), None, Proof::Bearer).await?;
    let (client, _) = client.ok_or_else(unknown_code)?;
    if !store::sign_in::covers(conn, client.tenant, caller.actor).await? {
        return Err(Refusal::ScopeNotAllowed);
    }
    let asked = Scope::read(&device.scope)?;
    let mut narrowed_to = caller.narrowed_to;
    for to in [asked.narrowed_to, typed.tenant].into_iter().flatten() {
        if !access::may_narrow(conn, caller.actor, narrowed_to, to).await? {
            return Err(Refusal::ScopeNotAllowed);
        }
        narrowed_to = Some(to);
    }
    Ok(Scope { narrowed_to, ..asked })
}

/// Whose tokens a device gets.
pub(super) struct Approved {
    pub(super) owner: Actor,
    pub(super) scope: Scope,
}

/// What becomes of a device's question: tokens, or one of the refusals of RFC 8628, 3.5.
pub(super) async fn poll(app: &App, client: ClientId, device_code: &str) -> Result<Approved, Refusal> {
    let mut tx = app.write_as(Actor::Client(client)).await?;
    let device = store::sign_in::device(&mut tx, &fingerprint(device_code)).await?;
    let device = device.filter(|device| device.client == client);
    let device = device.ok_or(Refusal::BadGrant("device code"))?;
    let now = app.clock.now();
    if device.expires_at <= now {
        return Err(Refusal::Expired);
    }
    if device.denied {
        return Err(Refusal::Denied);
    }
    if let Some(owner) = device.approved_by {
        return Ok(Approved { owner, scope: Scope::read(&device.scope)? });
    }
    let due = device.polled_at.map(|at| at.plus_seconds(device.interval_seconds));
    let too_early = due.is_some_and(|due| now < due);
    let interval = device.interval_seconds + if too_early { INTERVAL_SECONDS } else { 0 };
    store::sign_in::note_poll(&mut tx, &device.sha256, interval).await?;
    tx.commit().await?;
    Err(if too_early { Refusal::SlowDown } else { Refusal::Pending })
}
