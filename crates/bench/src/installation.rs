//! The store: a data directory that `tidemark serve --clock-start` serves.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use app::auth::sealing::SealingKey;
use app::clock::ManualClock;
use app::settings::{Mail, Proxies, Settings, Storage, Uploads};
use app::{App, Clock, Ids};
use domain::time::{Day, Instant};
use store::Db;

/// Where the database lies, as `tidemark init` has it.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("tidemark.db")
}

/// Half past midnight of a day.
pub fn morning(day: Day) -> Instant {
    Instant::from_unix_seconds(i64::from(day.0) * 86_400 + 1_800)
}

/// An installation made on this day, with the credentials of its first API client beside it.
pub async fn make(folder: &Path, day: Day) -> Result<(App, ManualClock)> {
    std::fs::create_dir_all(folder)?;
    SealingKey::create(&folder.join("secret.key"))?;
    let (app, clock) = open(folder, day).await?;
    let first = app::setup::init(&app, "Root", "root@example.com").await?;
    let credentials = serde_json::json!({
        "tenant_id": first.tenant_id.to_string(),
        "client_id": first.client_id.to_string(),
        "client_secret": first.client_secret,
    });
    let file = folder.join("credentials.json");
    std::fs::write(&file, credentials.to_string()).with_context(|| file.display().to_string())?;
    Ok((app, clock))
}

/// The installation in this folder, on the morning of a day.
pub async fn open(folder: &Path, day: Day) -> Result<(App, ManualClock)> {
    let sealing = SealingKey::read(&folder.join("secret.key"))?;
    let clock = ManualClock::at(morning(day));
    let db = Db::open(&database(folder)).await?;
    Ok((App::new(db, Clock::Manual(clock.clone()), Ids::default(), settings(folder), sealing), clock))
}

fn settings(folder: &Path) -> Settings {
    let mail = Mail::to_folder("Tidemark <reports@tide.example.com>", folder.join("mail"));
    let uploads = Uploads { folder: folder.join("spool"), ..Uploads::default() };
    Settings {
        public_url: "https://tide.example.com".to_owned(),
        mail,
        uploads,
        requests: None,
        proxies: Proxies::default(),
        storage: Storage::default(),
    }
}
