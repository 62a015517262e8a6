//! A channel as bench/make_channel.py wrote it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use domain::time::Day;
use serde_json::Value;

/// The items that the channel's item numbers 1 to 12 stand for: plain levels.
pub const ITEMS: [&str; 12] = [
    "universal_devices",
    "workstations",
    "servers",
    "win_server_essentials",
    "virtualhosts",
    "vms",
    "mobiles",
    "mailboxes",
    "o365_sharepoint_sites",
    "o365_teams",
    "hosted_exchange",
    "gsuite_seats",
];

/// A channel's last day, the end of a month of 31 days, in days since 1970-01-01.
const LAST: Day = Day(20_604);

/// What meta.json says: all that may be known when a question is asked.
pub struct Meta(Value);

impl Meta {
    /// Reads it.
    pub fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("meta.json");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        Ok(Self(serde_json::from_str(&text)?))
    }

    /// A number of it.
    pub fn number(&self, name: &str) -> Result<i32> {
        let number =
            self.0.get(name).and_then(Value::as_i64).with_context(|| format!("meta.json: {name}"))?;
        Ok(i32::try_from(number)?)
    }

    /// The day that the channel numbers so.
    pub fn day(&self, number: i32) -> Result<Day> {
        Ok(LAST.plus(number - self.number("days")? + 1))
    }
}

/// The tenants, parents before their children.
pub struct Tenants {
    /// By tenant: the one above; the root's own is nobody's number.
    pub parents: Vec<u32>,
    /// By tenant: 0 root, 1 partner, 2 customer, 3 unit.
    pub kinds: Vec<u8>,
}

/// One reading.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// Whose.
    pub tenant: u32,
    /// Of which item, from 1 on.
    pub item: u16,
    /// The level.
    pub value: i64,
}

/// The folder.
pub struct Channel(pub PathBuf);

impl Channel {
    /// Reads the tenants.
    pub fn tenants(&self) -> Result<Tenants> {
        let bytes = std::fs::read(self.0.join("tenants.bin"))?;
        ensure!(bytes.len() % 6 == 0, "tenants.bin has no whole tenants");
        let (parents, rest) = bytes.split_at(bytes.len() / 6 * 4);
        let kinds = rest.get(..rest.len() / 2).unwrap_or_default().to_vec();
        let parents = parents.as_chunks().0.iter().map(|parent| u32::from_le_bytes(*parent)).collect();
        Ok(Tenants { parents, kinds })
    }

    /// Reads what was read on a day, by tenant and item.
    pub fn day(&self, number: i32) -> Result<Vec<Reading>> {
        let bytes = std::fs::read(self.0.join(format!("days/{number:03}.bin")))?;
        ensure!(bytes.len() % 14 == 0, "the day has no whole readings");
        let count = bytes.len() / 14;
        let (tenants, rest) = bytes.split_at(4 * count);
        let (items, values) = rest.split_at(2 * count);
        let tenants = tenants.as_chunks().0.iter().map(|tenant| u32::from_le_bytes(*tenant));
        let items = items.as_chunks().0.iter().map(|item| u16::from_le_bytes(*item));
        let values = values.as_chunks().0.iter().map(|value| i64::from_le_bytes(*value));
        let readings = tenants.zip(items).zip(values);
        Ok(readings.map(|((tenant, item), value)| Reading { tenant, item, value }).collect())
    }
}
