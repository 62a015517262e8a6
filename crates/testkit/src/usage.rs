//! Items switched on, storages and readings, made below the use cases that manage them.

use ::app::usage::{Entry, Fault};
use domain::access::{Actor, Role};
use domain::ids::{InfraId, InfraNo, ItemNo, TenantId};
use domain::usage::Reading;
use store::audit::{Change, Object, item_key};
use store::usage::MeterKey;
use store::{Write, args};

use crate::TestApp;

/// A reading of an item without storage.
///
/// # Panics
/// Where the value is none.
#[expect(clippy::expect_used, reason = "a literal of the test")]
pub fn reading(tenant: TenantId, item: &str, value: i64) -> Entry {
    Entry {
        tenant: Some(tenant),
        offering_item: Some(item.to_owned()),
        value: Reading::new(value).expect("a reading"),
        ..Entry::default()
    }
}

#[expect(clippy::expect_used, reason = "a test without its fixture cannot go on")]
impl TestApp {
    /// The number of an item.
    pub async fn item_no(&self, name: &str) -> ItemNo {
        let mut conn = self.app.read().await.expect("a snapshot");
        let numbers = store::catalogue::item_numbers(&mut conn).await.expect("a read");
        numbers.no(name).expect("an item of the catalogue")
    }

    /// The key of a tenant's meter.
    pub async fn meter(&self, tenant: TenantId, item: &str, infra: Option<InfraId>) -> MeterKey {
        MeterKey {
            tenant: self.no(tenant).await,
            item: self.item_no(item).await,
            infra: match infra {
                Some(infra) => self.infra_no(infra).await,
                None => InfraNo::NONE,
            },
        }
    }

    /// The number of a storage.
    pub async fn infra_no(&self, infra: InfraId) -> InfraNo {
        let mut conn = self.app.read().await.expect("a snapshot");
        InfraNo(conn.count("SELECT no AS n FROM infras WHERE id = $1", args![infra]).await.expect("a read"))
    }

    /// Switches an item on, or off.
    pub async fn switch(&self, tenant: TenantId, item: &str, infra: Option<InfraId>, enabled: bool) {
        let key = self.meter(tenant, item, infra).await;
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let was_on = store::usage::switched_on(&mut tx, &[key]).await.expect("a read").contains(&key);
        let is_first = self.items_of(&mut tx, key).await == 0;
        tx.run(
            "INSERT INTO tenant_items (tenant_no, item_no, infra_no, enabled, quota_version, updated_at)
             VALUES ($1, $2, $3, $4, 0, $5)
             ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET enabled = excluded.enabled",
            args![key.tenant, key.item, key.infra, enabled, self.clock.now()],
        )
        .await
        .expect("an insert");
        let change = Change {
            object: Object::Item,
            id: &item_key(item, infra),
            tenant: key.tenant,
            field: "enabled",
            old: (!is_first).then(|| was_on.to_string()),
            new: Some(enabled.to_string()),
        };
        let logged = if is_first { tx.log_first(change).await } else { tx.log(change).await };
        logged.expect("a log");
        tx.commit().await.expect("a commit");
    }

    async fn items_of(&self, tx: &mut Write, key: MeterKey) -> i64 {
        tx.count(
            "SELECT COUNT(*) AS n FROM tenant_items WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3",
            args![key.tenant, key.item, key.infra],
        )
        .await
        .expect("a read")
    }

    /// A new storage for one capability.
    pub async fn storage(&self, owner: TenantId, name: &str, capability: &str) -> InfraId {
        let id = InfraId(self.app.ids.other().expect("an id"));
        let owner = self.no(owner).await;
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let now = self.clock.now();
        // Its id serves as the id of its location too.
        tx.run(
            "INSERT INTO locations (id, owner_no, name, version, created_at) VALUES ($1, $2, $3, 1, $4)",
            args![id, owner, name, now],
        )
        .await
        .expect("a location");
        tx.run(
            "INSERT INTO infras (id, owner_no, location_id, name, url, capabilities, version, created_at)
             VALUES ($1, $2, $1, $3, 'abgw://storage.example.com', $4, 1, $5)",
            args![id, owner, name, capability, now],
        )
        .await
        .expect("a storage");
        let (id_text, old) = (id.to_string(), None);
        let new = Some(name.to_owned());
        tx.log_first(Change { object: Object::Infra, id: &id_text, tenant: owner, field: "name", old, new })
            .await
            .expect("a log");
        tx.commit().await.expect("a commit");
        id
    }

    /// Reports usage in the name of the top tenant.
    pub async fn report_usage(&self, entries: Vec<Entry>) -> Vec<Result<(), Fault>> {
        let caller = self.caller(self.top, Role::RootAdmin).await;
        let entries = entries.into_iter().map(Ok).collect();
        ::app::usage::accept(&self.app, &caller, entries).await.expect("a call that is answered")
    }
}
