//! `GET /tenants/applications`.

use std::collections::HashSet;

use domain::access::Permission;
use domain::ids::{ApplicationId, TenantId};

use crate::{App, Caller, Error, Result};

/// The services that are on at each of these tenants: 403 if any lies outside the caller's subtree, unknown ones are left
/// out (wire-conventions, 5.2).
pub async fn applications(
    app: &App,
    caller: &Caller,
    tenants: &[TenantId],
) -> Result<Vec<(TenantId, Vec<ApplicationId>)>> {
    let mut conn = app.read().await?;
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for tenant in tenants.iter().filter(|tenant| seen.insert(**tenant)) {
        match app.allow(&mut conn, caller, Permission::TenantViewer, *tenant).await {
            Err(Error::NotFound { .. }) => {}
            allowed => {
                let services = store::catalogue::services(&mut conn, allowed?.tenant().no).await?;
                let ids = services.into_iter().map(|service| app.catalogue().application_id(service));
                found.push((*tenant, ids.collect()));
            }
        }
    }
    Ok(found)
}
