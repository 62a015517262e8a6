//! An app on a throw-away database.

use ::app::access::Proof;
use ::app::auth::keys::SigningKey;
use ::app::auth::sealing::SealingKey;
use ::app::clock::ManualClock;
use ::app::settings::{Mail, Proxies, Settings, Storage, Uploads};
use ::app::tenants::TenantChange;
use ::app::{App, Caller, Clock, Ids};
use domain::access::{Actor, Grant, Role};
use domain::ids::{ClientId, ContactId, TenantId, TenantNo};
use domain::pricing::PricingMode;
use domain::tenant::TenantKind;
use domain::time::Instant;
use store::tenants::NewTenant;

use crate::{Database, Directory};

/// Two signing keys made for tests and for nothing else: making some takes a moment that no test needs to wait.
const ACTIVE_KEY: &[u8] = include_bytes!("../keys/active.pk8");
const NEXT_KEY: &[u8] = include_bytes!("../keys/next.pk8");

/// An instant from its text.
///
/// # Panics
/// Where the text is none.
#[expect(clippy::expect_used, reason = "a literal of the test")]
pub fn at(text: &str) -> Instant {
    text.parse().expect("a time such as 2026-05-08T10:58:53Z")
}

/// An app after its first setup, with a manual clock.
pub struct TestApp {
    /// The app.
    pub app: App,
    /// Its clock.
    pub clock: ManualClock,
    /// Its top tenant.
    pub top: TenantId,
    /// Its first API client, a root_admin of the top tenant.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: String,
    /// Its database.
    pub database: Database,
    /// Where its mails lie, and its database where that is a file.
    pub directory: Directory,
}

#[expect(clippy::expect_used, reason = "a test without its fixture cannot go on")]
impl TestApp {
    /// An app whose clock stands at this instant.
    pub async fn at(now: &str) -> Self {
        Self::with_mail(now, |_| {}).await
    }

    /// As [`TestApp::at`], with other settings of mail than a folder below the directory.
    pub async fn with_mail(now: &str, set: impl FnOnce(&mut Mail)) -> Self {
        Self::with_settings(now, |settings| set(&mut settings.mail)).await
    }

    /// As [`TestApp::at`], with other settings.
    pub async fn with_settings(now: &str, set: impl FnOnce(&mut Settings)) -> Self {
        let directory = Directory::new();
        let database = Database::new(directory.path()).await;
        Self::over(database, directory, now, set).await
    }

    /// As [`TestApp::at`], on SQLite wherever other tests run: its directory is a data directory.
    pub async fn in_file_at(now: &str) -> Self {
        let directory = Directory::new();
        Self::over(Database::file(directory.path()), directory, now, |_| {}).await
    }

    async fn over(
        database: Database,
        directory: Directory,
        now: &str,
        set: impl FnOnce(&mut Settings),
    ) -> Self {
        let clock = ManualClock::at(at(now));
        let mail = Mail::to_folder("Tidemark <reports@tide.example.com>", directory.path().join("mail"));
        let uploads = Uploads { folder: directory.path().join("spool"), ..Uploads::default() };
        let public_url = "https://tide.example.com".to_owned();
        let (proxies, storage) = (Proxies::default(), Storage::default());
        let mut settings = Settings { public_url, mail, uploads, requests: None, proxies, storage };
        set(&mut settings);
        let db = database.open().await;
        let sealing = SealingKey::from_bytes(&[7; 32]).expect("a key of 32 bytes");
        let app = App::new(db, Clock::Manual(clock.clone()), Ids::default(), settings, sealing);
        let key = |pkcs8: &[u8]| SigningKey::from_pkcs8(pkcs8).expect("a key");
        let (active, next) = (key(ACTIVE_KEY), key(NEXT_KEY));
        let first = ::app::setup::init_with_keys(&app, "Tidemark", "", &active, &next).await;
        let first = first.expect("a first setup");
        let (client_id, client_secret) = (first.client_id.to_string(), first.client_secret);
        Self { app, clock, top: first.tenant_id, client_id, client_secret, database, directory }
    }

    /// Another node on the same database, with the same clock.
    pub async fn another_node(&self) -> App {
        self.node_on(&self.database).await
    }

    /// A node with the same clock and settings on another database.
    pub async fn node_on(&self, database: &Database) -> App {
        let (clock, settings) = (Clock::Manual(self.clock.clone()), self.app.settings.clone());
        App::new(database.open().await, clock, Ids::default(), settings, self.app.sealing.clone())
    }

    /// A new tenant, made below the use cases.
    pub async fn tenant(&self, parent: TenantId, kind: TenantKind, name: &str) -> TenantId {
        let mut tx = self.app.write_as(Actor::System).await.expect("a transaction");
        let parent = store::tenants::by_id(&mut tx, parent).await.expect("a read").expect("a parent");
        let id = TenantId(self.app.ids.fresh(::app::ids::Noun::Tenant).expect("an id"));
        let contact = ContactId(self.app.ids.other().expect("an id"));
        let new = NewTenant {
            pricing_mode: if kind.sells() { PricingMode::Production } else { PricingMode::Trial },
            ..NewTenant::plain(id, contact, Some(parent.no), name.to_owned(), kind)
        };
        store::tenants::insert(&mut tx, &new).await.expect("an insert");
        tx.commit().await.expect("a commit");
        id
    }

    /// Opens a closed tenant, in the name of somebody inside it: nobody else may.
    pub async fn open(&self, tenant: TenantId) {
        let inside = self.caller(tenant, Role::RootAdmin).await;
        let mut conn = self.app.read().await.expect("a snapshot");
        let now = store::tenants::by_id(&mut conn, tenant).await.expect("a read").expect("a tenant");
        drop(conn);
        let change =
            TenantChange { version: now.version, ancestral_access: Some(true), ..Default::default() };
        ::app::tenants::update(&self.app, &inside, tenant, change).await.expect("an open tenant");
    }

    /// The number of a tenant.
    pub async fn no(&self, tenant: TenantId) -> TenantNo {
        let mut conn = self.app.read().await.expect("a snapshot");
        store::tenants::by_id(&mut conn, tenant).await.expect("a read").expect("a tenant").no
    }

    /// Somebody with this role on this tenant, made up below sign-in.
    pub async fn caller(&self, tenant: TenantId, role: Role) -> Caller {
        let no = self.no(tenant).await;
        Caller {
            actor: Actor::Client(ClientId(self.app.ids.other().expect("an id"))),
            tenant: no,
            tenant_id: tenant,
            grants: vec![Grant { tenant: no, tenant_id: tenant, role }],
            narrowed_to: None,
            proof: Proof::Bearer,
            reports_usage: tenant == self.top,
            introspects: tenant == self.top,
            operates: tenant == self.top,
        }
    }
}
