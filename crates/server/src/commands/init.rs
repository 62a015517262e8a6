//! `tidemark init`: a new data directory.

use anyhow::{Context as _, Result, ensure};
use app::auth::sealing::SealingKey;
use app::setup::FirstSetup;
use app::{App, Clock, Ids};
use store::Db;

use crate::cli;
use crate::data_dir::DataDir;
use crate::database::Database;
use crate::say::say;
use crate::settings::Settings;

/// Makes it and prints the credentials, once.
pub async fn run(options: &cli::Init) -> Result<()> {
    let settings = Settings::read(&options.common, &[])?;
    let clock = settings.clock_start.map_or(Clock::System, Clock::running_from);
    let (made, first) = make(&settings, clock, Ids::default(), (&options.name, &options.email)).await?;
    made.app.db.close().await;
    if options.json {
        say(as_json(&first));
    } else {
        say(for_people(&settings, &options.name, &first));
    }
    Ok(())
}

/// An app on a data directory that stays this process's own as long as it lives.
pub struct Made {
    /// The app.
    pub app: App,
    _directory: DataDir,
}

/// A new data directory with its first setup.
pub async fn make(
    settings: &Settings,
    clock: Clock,
    ids: Ids,
    (name, email): (&str, &str),
) -> Result<(Made, FirstSetup)> {
    domain::text::check_name(name).map_err(|why| anyhow::anyhow!("--name: {why}"))?;
    ensure!(domain::user::is_email(email), "--email: {email:?} is not an address such as ann@example.com");
    let directory = DataDir::make(&settings.data_dir)?;
    if let Database::File(file) = &settings.database {
        ensure!(
            !file.exists(),
            "{} is initialised already; nothing was changed",
            settings.data_dir.display()
        );
    }
    let sealing = if settings.secret_key_file.exists() {
        SealingKey::read(&settings.secret_key_file)
    } else {
        SealingKey::create(&settings.secret_key_file)
    };
    let sealing = sealing.context("secret_key_file")?;
    let parts =
        || (clock.clone(), ids.clone(), use_case_settings(settings, settings.listen), sealing.clone());
    let app = |db| {
        let (clock, ids, settings, sealing) = parts();
        App::new(db, clock, ids, settings, sealing)
    };
    let (app, first) = match &settings.database {
        Database::File(file) => {
            // Made under another name, so that a first setup cut short leaves nothing that looks whole.
            let unfinished = file.with_extension("db.new");
            for suffix in ["", "-wal", "-shm"] {
                let _ = std::fs::remove_file(file.with_extension(format!("db.new{suffix}")));
            }
            let new = app(Db::open(&unfinished).await?);
            let first = app::setup::init(&new, name, email).await?;
            new.db.close().await;
            std::fs::rename(&unfinished, file)?;
            (app(Db::open(file).await?), first)
        }
        Database::Server(server) => {
            let db = Db::open_postgres(server).await.with_context(|| format!("{server} cannot be opened"))?;
            let app = app(db);
            let is_free = async || -> Result<()> {
                let is_done = app::setup::is_done(&mut app.read().await?).await?;
                ensure!(!is_done, "{server} is initialised already; nothing was changed");
                Ok(())
            };
            is_free().await?;
            let first = app::setup::init(&app, name, email).await;
            if first.is_err() {
                // Another process may have been quicker.
                is_free().await?;
            }
            (app.clone(), first?)
        }
    };
    Ok((Made { app, _directory: directory }, first))
}

/// The settings of the use cases, for a server at this address.
pub fn use_case_settings(settings: &Settings, listen: std::net::SocketAddr) -> app::Settings {
    app::Settings {
        public_url: settings
            .public_url
            .clone()
            .unwrap_or_else(|| format!("{}://{listen}", settings.scheme())),
        mail: settings.mail.clone(),
        uploads: settings.uploads.clone(),
        requests: settings.requests,
        proxies: settings.proxies.clone(),
        storage: settings.storage.clone(),
    }
}

fn as_json(first: &FirstSetup) -> serde_json::Value {
    serde_json::json!({
        "tenant_id": first.tenant_id,
        "client_id": first.client_id,
        "client_secret": first.client_secret,
        "user_id": first.user_id,
        "login": first.login,
        "password": first.password,
    })
}

fn for_people(settings: &Settings, name: &str, first: &FirstSetup) -> String {
    let directory = settings.data_dir.display();
    format!(
        "Tidemark is set up in {directory}. These credentials are shown once and stored only as hashes:

  top tenant     {name}  {tenant}
  API client     {client}
  secret         {secret}
  administrator  {login}  ({user})
  password       {password}

Keep {key} safe, and apart from backups of the database: without it the signing keys cannot be read.
Next: tidemark serve --data-dir {directory}
",
        tenant = first.tenant_id,
        client = first.client_id,
        secret = first.client_secret,
        login = first.login,
        user = first.user_id,
        password = first.password,
        key = settings.secret_key_file.display(),
    )
}
