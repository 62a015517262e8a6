//! What the tests of readings share: items switched on and storages, made below the use cases that manage them.

use app::usage::{Entry, Fault};
use domain::access::{Actor, Role};
use domain::ids::{InfraId, InfraNo, ItemNo, TenantId};
use domain::usage::MeterKey;
use domain::usage::Reading;
use store::audit::{Change, Object, item_key};
use store::{Write, args};

use testkit::TestApp;

/// A reading of an item without storage.
pub(crate) fn reading(tenant: TenantId, item: &str, value: i64) -> Entry {
    Entry {
        tenant: Some(tenant),
        offering_item: Some(item.to_owned()),
        value: Reading::new(value).unwrap(),
        ..Entry::default()
    }
}

/// A [`TestApp`] on which usage can be reported.
pub(crate) trait Metering {
    /// The number of an item.
    async fn item_no(&self, name: &str) -> ItemNo;

    /// The key of a tenant's meter.
    async fn meter(&self, tenant: TenantId, item: &str, infra: Option<InfraId>) -> MeterKey;

    /// The number of a storage.
    async fn infra_no(&self, infra: InfraId) -> InfraNo;

    /// Switches an item on, or off.
    async fn switch(&self, tenant: TenantId, item: &str, infra: Option<InfraId>, enabled: bool);

    /// A new storage for one capability.
    async fn storage(&self, owner: TenantId, name: &str, capability: &str) -> InfraId;

    /// Reports usage in the name of the top tenant.
    async fn report_usage(&self, entries: Vec<Entry>) -> Vec<Result<(), Fault>>;
}

impl Metering for TestApp {
    async fn item_no(&self, name: &str) -> ItemNo {
        let mut conn = self.app.read().await.unwrap();
        let numbers = store::catalogue::item_numbers(&mut conn).await.unwrap();
        numbers.no(name).unwrap()
    }

    async fn meter(&self, tenant: TenantId, item: &str, infra: Option<InfraId>) -> MeterKey {
        MeterKey {
            tenant: self.no(tenant).await,
            item: self.item_no(item).await,
            infra: match infra {
                Some(infra) => self.infra_no(infra).await,
                None => InfraNo::NONE,
            },
        }
    }

    async fn infra_no(&self, infra: InfraId) -> InfraNo {
        let mut conn = self.app.read().await.unwrap();
        InfraNo(conn.count("SELECT no AS n FROM infras WHERE id = $1", args![infra]).await.unwrap())
    }

    async fn switch(&self, tenant: TenantId, item: &str, infra: Option<InfraId>, enabled: bool) {
        let key = self.meter(tenant, item, infra).await;
        let mut tx = self.app.write_as(Actor::System).await.unwrap();
        let was_on = store::usage::switched_on(&mut tx, &[key]).await.unwrap().contains(&key);
        let is_first = rows_of(&mut tx, key).await == 0;
        tx.run(
            "INSERT INTO tenant_items (tenant_no, item_no, infra_no, enabled, quota_version, updated_at)
             VALUES ($1, $2, $3, $4, 0, $5)
             ON CONFLICT (tenant_no, item_no, infra_no) DO UPDATE SET enabled = excluded.enabled",
            args![key.tenant, key.item, key.infra, enabled, self.clock.now()],
        )
        .await
        .unwrap();
        let change = Change {
            object: Object::Item,
            id: &item_key(item, infra),
            tenant: key.tenant,
            field: "enabled",
            old: (!is_first).then(|| was_on.to_string()),
            new: Some(enabled.to_string()),
        };
        let logged = if is_first { tx.log_first(change).await } else { tx.log(change).await };
        logged.unwrap();
        tx.commit().await.unwrap();
    }

    async fn storage(&self, owner: TenantId, name: &str, capability: &str) -> InfraId {
        let id = InfraId(self.app.ids.other().unwrap());
        let owner = self.no(owner).await;
        let mut tx = self.app.write_as(Actor::System).await.unwrap();
        let now = self.clock.now();
        // Its id serves as the id of its location too.
        tx.run(
            "INSERT INTO locations (id, owner_no, name, version, created_at) VALUES ($1, $2, $3, 1, $4)",
            args![id, owner, name, now],
        )
        .await
        .unwrap();
        tx.run(
            "INSERT INTO infras (id, owner_no, location_id, name, url, capabilities, version, created_at)
             VALUES ($1, $2, $1, $3, 'abgw://storage.example.com', $4, 1, $5)",
            args![id, owner, name, capability, now],
        )
        .await
        .unwrap();
        let (id_text, old) = (id.to_string(), None);
        let new = Some(name.to_owned());
        tx.log_first(Change { object: Object::Infra, id: &id_text, tenant: owner, field: "name", old, new })
            .await
            .unwrap();
        tx.commit().await.unwrap();
        id
    }

    async fn report_usage(&self, entries: Vec<Entry>) -> Vec<Result<(), Fault>> {
        let caller = self.caller(self.top, Role::RootAdmin).await;
        let entries = entries.into_iter().map(Ok).collect();
        app::usage::accept(&self.app, &caller, entries).await.unwrap()
    }
}

async fn rows_of(tx: &mut Write, key: MeterKey) -> i64 {
    tx.count(
        "SELECT COUNT(*) AS n FROM tenant_items WHERE tenant_no = $1 AND item_no = $2 AND infra_no = $3",
        args![key.tenant, key.item, key.infra],
    )
    .await
    .unwrap()
}
