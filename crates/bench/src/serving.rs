//! A real `tidemark serve` on a copy of a store.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context as _, Result};
use domain::ids::TenantId;
use domain::time::Instant;
use serde_json::Value;
use testkit::Client;

use crate::channel::{Channel, ITEMS, Meta};
use crate::installation;

/// What is served: a copy, so that the store stays as it was loaded.
pub struct Place {
    folder: PathBuf,
    /// What the channel says of itself.
    pub meta: Meta,
    ids: Vec<u8>,
}

impl Place {
    /// Copies the store.
    pub fn copy_of(channel: &Channel, store: &Path) -> Result<Self> {
        let folder = store.with_extension("served");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder)?;
        for name in ["tidemark.db", "secret.key", "credentials.json"] {
            std::fs::copy(store.join(name), folder.join(name)).with_context(|| name.to_owned())?;
        }
        let ids = std::fs::read(store.join("ids.bin"))?;
        Ok(Self { folder, meta: Meta::read(&channel.0)?, ids })
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The id of the tenant that the channel numbers so.
    pub fn id(&self, number: u32) -> Result<TenantId> {
        let ids = self.ids.as_chunks().0;
        let bytes = ids.get(number as usize).context("a tenant of the channel")?;
        Ok(TenantId(uuid::Uuid::from_bytes(*bytes)))
    }

    /// A meter of each reading of the channel's last day: tenant and item.
    pub fn meters(&self, channel: &Channel) -> Result<Vec<(TenantId, &'static str)>> {
        let readings = channel.day(self.meta.number("last")?)?;
        let meter = |reading: crate::channel::Reading| {
            let item =
                ITEMS.get(usize::from(reading.item).wrapping_sub(1)).context("an item of the channel")?;
            Ok((self.id(reading.tenant)?, *item))
        };
        readings.into_iter().map(meter).collect()
    }

    /// Starts a server whose clock shows `start` now and runs on.
    pub fn serve(&self, tidemark: &Path, start: Instant) -> Result<Serving> {
        let mut command = Command::new(tidemark);
        command.arg("serve").arg("--data-dir").arg(&self.folder);
        command.args(["--listen", "127.0.0.1:0", "--clock-start", &start.to_string()]);
        let credentials = std::fs::read_to_string(self.folder.join("credentials.json"))?;
        Serving::start(command, &serde_json::from_str(&credentials)?)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A server that is ready, and a token for it; killed when it is dropped.
pub struct Serving {
    child: Child,
    /// Speaks to it.
    pub client: Client,
    /// Of a root_admin.
    pub token: String,
    /// What it writes on standard error.
    pub log: Option<mpsc::Receiver<String>>,
}

/// The text of a member.
pub fn word(object: &Value, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

impl Serving {
    /// Starts the server that this command runs, and waits until it is ready.
    pub fn start(mut command: Command, credentials: &Value) -> Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (write, log) = mpsc::channel();
        let lines = BufReader::new(child.stderr.take().context("a pipe")?).lines();
        // Read to its end, so that the server never waits for its log.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| drop(write.send(line))));
        let mut ready = String::new();
        BufReader::new(child.stdout.take().context("a pipe")?).read_line(&mut ready)?;
        let address = ready.trim().strip_prefix("ready http://").and_then(|rest| rest.strip_suffix("/api/2"));
        let client = Client::new(address.with_context(|| format!("not ready: {ready}"))?.parse()?);
        let (id, secret) = (word(credentials, "client_id"), word(credentials, "client_secret"));
        let call = client.post("/api/2/idp/token").basic(&id, &secret);
        let answer = call.form(&[("grant_type", "client_credentials")]).send().ok();
        let token = answer.get("access_token").and_then(Value::as_str).context("a token")?.to_owned();
        Ok(Self { log: Some(log), child, client, token })
    }

    /// The most memory it had, in MiB.
    pub fn peak_mib(&self) -> Result<u64> {
        Ok(self.kib("VmHWM:")? / 1024)
    }

    /// A line of what the system says of its memory, in KiB.
    pub fn kib(&self, line: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let value =
            status.lines().find_map(|said| said.strip_prefix(line)).context("a line of its status")?;
        Ok(value.trim().trim_end_matches("kB").trim().parse()?)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Half past midnight after the channel's last day.
pub fn next_morning(meta: &Meta) -> Result<Instant> {
    Ok(installation::morning(meta.day(meta.number("last")?)?.next()))
}
