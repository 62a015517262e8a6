//! A new installation of few tenants, and servers on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::serving::{Serving, word};

/// An installation that `tidemark init` made. Dropped, its folder is removed.
pub struct Fresh {
    tidemark: PathBuf,
    folder: PathBuf,
    database_url: Option<String>,
    credentials: Value,
}

impl Fresh {
    /// Makes it in a folder that is emptied first; its database lies there too unless one of PostgreSQL is named.
    pub fn make(tidemark: &Path, folder: &Path, database_url: Option<&str>) -> Result<Self> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder)?;
        let mut fresh = Self {
            tidemark: tidemark.to_owned(),
            folder: folder.to_owned(),
            database_url: database_url.map(str::to_owned),
            credentials: Value::Null,
        };
        let output = fresh.command(None, "init", &fresh.folder).arg("--json").output()?;
        ensure!(output.status.success(), "init: {}", String::from_utf8_lossy(&output.stderr));
        fresh.credentials = serde_json::from_slice(&output.stdout)?;
        Ok(fresh)
    }

    /// The id and the secret of its API client.
    pub fn client(&self) -> (String, String) {
        (word(&self.credentials, "client_id"), word(&self.credentials, "client_secret"))
    }

    /// The id of its top tenant.
    pub fn top(&self) -> String {
        word(&self.credentials, "tenant_id")
    }

    /// Where its database lies, as [`crate::updates`] is told.
    pub fn database(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| self.folder.join("tidemark.db").display().to_string())
    }

    /// Starts a server on it, on one core of the machine or on all.
    pub fn serve(&self, core: Option<&str>) -> Result<Serving> {
        self.node(core, &self.folder)
    }

    /// Starts one more server on the same PostgreSQL database.
    pub fn join(&self, number: usize) -> Result<Serving> {
        let folder = self.folder.join(format!("node-{number}"));
        std::fs::create_dir_all(&folder)?;
        self.node(None, &folder)
    }

    fn node(&self, core: Option<&str>, folder: &Path) -> Result<Serving> {
        let mut command = self.command(core, "serve", folder);
        command.args(["--listen", "127.0.0.1:0"]);
        Serving::start(command, &self.credentials)
    }

    fn command(&self, core: Option<&str>, name: &str, folder: &Path) -> Command {
        let mut command = on_core(core, &self.tidemark);
        command.arg(name).arg("--data-dir").arg(folder);
        command.arg("--secret-key-file").arg(self.folder.join("secret.key"));
        if let Some(url) = &self.database_url {
            command.env("TIDEMARK_DATABASE_URL", url);
        }
        command
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A program that runs on one core of the machine, or on all.
pub fn on_core(core: Option<&str>, program: &Path) -> Command {
    let Some(core) = core else { return Command::new(program) };
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", core]).arg(program);
    command
}

/// Partners below the top, each with ten customers; gives the partners' ids.
pub fn partners(serving: &Serving, top: &str, count: usize) -> Result<Vec<String>> {
    let tenant = |name: String, parent: &str, kind: &str| {
        let body = json!({"name": name, "parent_id": parent, "kind": kind});
        let made = serving.client.post("/api/2/tenants").bearer(&serving.token).json(body).send().expect(201);
        made.get("id").and_then(Value::as_str).map(str::to_owned).context("a tenant")
    };
    let mut partners = Vec::with_capacity(count);
    for at in 0..count {
        let partner = tenant(format!("Partner {at}"), top, "partner")?;
        for customer in 0..10 {
            tenant(format!("Customer {at}.{customer}"), &partner, "customer")?;
        }
        partners.push(partner);
    }
    Ok(partners)
}
