//! What a new top tenant can sell.

use domain::catalogue::Service;
use domain::ids::{InfraId, LocationId, TenantNo};
use domain::infra::Capability;
use store::Write;
use store::infra::InfraFields;

use super::Keys;
use super::plan::switched;
use crate::{App, Result};

/// Name, address and use of the first storages. The addresses lead nowhere until somebody sets real ones.
const STORAGES: [(&str, &str, Capability); 3] = [
    ("Main backup", "abgw://backup.example.invalid:44445", Capability::Backup),
    ("Main recovery", "abgw://recovery.example.invalid:44445", Capability::DisasterRecovery),
    ("Main files", "ssfs://files.example.invalid:443", Capability::FilesCloud),
];

/// One location, one storage per capability, and every catalogue item on (accounts-api, 1.8).
pub async fn first_setup(tx: &mut Write, app: &App, top: TenantNo) -> Result<()> {
    let location_id = LocationId(app.ids.other()?);
    store::infra::insert_location(tx, location_id, top, "Default").await?;
    for (name, url, capability) in STORAGES {
        let fields = InfraFields {
            location_id,
            name: name.to_owned(),
            url: url.to_owned(),
            capabilities: vec![capability],
            content_url: None,
            content_mobile_url: None,
            backend_type: None,
        };
        store::infra::insert(tx, InfraId(app.ids.other()?), top, &fields).await?;
    }
    let keys = Keys::load(tx).await?;
    let all = keys.whole_catalogue(top).into_iter();
    let changes: Vec<_> = all.map(|key| switched(&keys, top, key, None, true)).collect();
    store::offering_items::save(tx, &changes).await?;
    Ok(store::catalogue::turn_services_on(tx, top, Service::ALL).await?)
}
