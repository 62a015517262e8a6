//! The walk of the published page, over HTTP: a report is made, fetched, changed and mailed.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use app::Ids;
use app::clock::ManualClock;
use app::ids::Noun;
use app::setup::FirstSetup;
use domain::time::Day;
use serde_json::{Value, json};

use super::channel::{self, Meter, PARTNER, REPORT, USER};
use super::client::Client;

const FIRST_DAY: &str = "2017-03-07";
const LAST_DAY: &str = "2017-05-07";
/// How often, and how long at most, the server is asked whether a report is ready.
const POLL: Duration = Duration::from_millis(50);
const POLLS: u32 = 600;

/// What the walk needs.
pub struct Walk {
    /// Ends in /api/2.
    pub base_url: String,
    /// The data directory.
    pub directory: PathBuf,
    /// Gives the ids of the published page.
    pub ids: Ids,
    /// The server's clock.
    pub clock: ManualClock,
    /// The credentials.
    pub first: FirstSetup,
}

/// What the walk saw.
pub struct Shown {
    /// Ends in /api/2.
    pub base_url: String,
    /// The data directory.
    pub directory: PathBuf,
    /// The API client's id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How many readings went in, over how many days.
    pub readings: (usize, i64),
    /// The report as made.
    pub created: Value,
    /// The body of the PUT.
    pub change: Value,
    /// The report after it.
    pub updated: Value,
    /// The mail.
    pub mail: PathBuf,
    /// The files of both reports, the mail's attachments first.
    pub files: Vec<PathBuf>,
    /// The saved csv_v2_0 file's text.
    pub csv: String,
}

impl Walk {
    /// Walks. Every step is a call that an integration would make; only the clock is moved by hand.
    pub fn walk(self) -> Result<Shown> {
        let mut client =
            Client::new(&self.base_url, &self.first.client_id.to_string(), &self.first.client_secret)?;
        let meters = channel::make(&client, &self.ids, &self.first.tenant_id.to_string())?;
        let readings = self.two_months(&mut client, &meters)?;
        self.ids.preset(Noun::Report, REPORT);
        let created = client.post("/reports", &ordered())?;
        let path = format!("/reports/{REPORT}");
        client.get(&path)?;
        let change = json!({"recipients": [USER], "parameters": {"kind": "usage_current", "level": "direct_partners"}});
        let updated = client.put(&path, &change)?;
        self.clock.set("2017-05-08T00:00:01Z".parse()?);
        let mail = self.wait_for_mail()?;
        client.sign_in()?;
        let (saved, csv) = self.saved_report(&client)?;
        let mut files = self.unpack(&mail)?;
        files.push(saved);
        Ok(Shown {
            base_url: self.base_url,
            directory: self.directory,
            client_id: self.first.client_id.to_string(),
            client_secret: self.first.client_secret,
            readings,
            created,
            change,
            updated,
            mail,
            files,
            csv,
        })
    }

    fn two_months(&self, client: &mut Client, meters: &[Meter]) -> Result<(usize, i64)> {
        let (first, last) = (FIRST_DAY.parse::<Day>()?, LAST_DAY.parse::<Day>()?);
        let (mut readings, mut days) = (0, 0);
        let mut day = first;
        while day <= last {
            self.clock.set(day.start().plus_seconds(12 * 3600));
            client.sign_in()?;
            readings += channel::report_usage(client, meters, day, days)?;
            days += 1;
            day = day.next();
        }
        Ok((readings, days))
    }

    fn wait_for_mail(&self) -> Result<PathBuf> {
        let folder = self.directory.join("mail");
        wait_for("the mail", || {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            Ok(entries
                .map(|entry| entry.path())
                .find(|path| path.extension().is_some_and(|kind| kind == "eml")))
        })
    }

    /// A second report, saved on the server, polled and downloaded as an integration would.
    fn saved_report(&self, client: &Client) -> Result<(PathBuf, String)> {
        let order = json!({"result_action": "save", "schedule": {"type": "once"},
            "parameters": {"tenant_id": PARTNER, "level": "accounts", "kind": "usage_current", "formats": ["csv_v2_0"],
                "period": {"start": "2017-05-01", "end": "2017-05-07"}, "show_skus": true, "hide_zero_usage": true}});
        let report = client.post("/reports", &order)?;
        let id = report.get("id").and_then(Value::as_str).context("no id")?.to_owned();
        let stored = wait_for("the saved report", || {
            let listed = client.get(&format!("/reports/{id}/stored"))?;
            let item = listed.pointer("/items/0").context("a due report always lists its items")?.clone();
            Ok((item.get("status") == Some(&json!("saved"))).then_some(item))
        })?;
        let item_id = stored.get("id").and_then(Value::as_str).context("no id")?;
        let bytes = client.download(&format!("/reports/{id}/stored/{item_id}"))?;
        let folder = self.directory.join("reports");
        std::fs::create_dir_all(&folder)?;
        let file = folder.join("north-partner-2017-05-v2.csv");
        std::fs::write(&file, &bytes)?;
        Ok((file, String::from_utf8(bytes)?))
    }

    /// The mail's attachments as files, so that they can be opened at once.
    fn unpack(&self, mail: &std::path::Path) -> Result<Vec<PathBuf>> {
        let text = std::fs::read_to_string(mail)?;
        let folder = self.directory.join("reports");
        std::fs::create_dir_all(&folder)?;
        let mut files = Vec::new();
        for (name, bytes) in super::mailbox::attachments(&text)? {
            let file = folder.join(&name);
            std::fs::write(&file, bytes)?;
            files.push(file);
        }
        ensure!(!files.is_empty(), "{} has no attachments", mail.display());
        Ok(files)
    }
}

/// The once report of the published page.
fn ordered() -> Value {
    json!({"recipients": [USER], "result_action": "send", "schedule": {"type": "once"}, "generation_date": "2017-05-08",
        "parameters": {"tenant_id": PARTNER, "level": "accounts", "kind": "usage_summary", "formats": ["csv", "html"],
            "period": {"start": "2017-05-01", "end": "2017-05-07"}}})
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    for _ in 0..POLLS {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(POLL);
    }
    anyhow::bail!("{what} has not come within {} s", POLL.as_secs_f64() * f64::from(POLLS))
}
