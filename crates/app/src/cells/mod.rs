//! Reading the history: what each meter said on each day, and the changes that made it so.

mod file;
mod trail;

use std::collections::{HashMap, HashSet};

use domain::access::Permission;
use domain::catalogue::ItemNumbers;
use domain::ids::{InfraId, InfraNo, ItemNo, Seq, TenantId, TenantNo};
use domain::time::{Day, Period};
use domain::usage::MeterKey;
use store::Conn;
use store::report_input::Outlook;

use crate::access::{Deleted, Depth};
use crate::reports::at_once::as_of;
use crate::{App, Caller, Error, Result};

pub use file::file;
pub use render::cells::Form;
pub use trail::{Change, Position, Trail, Who, trail};

/// The most days that are looked at at once.
pub const MAX_DAYS: i32 = 400;

/// What is to be looked at, checked for form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The first day; `None` for the 1st of the last one's month.
    pub from: Option<Day>,
    /// The last day; `None` for the last one that is closed.
    pub to: Option<Day>,
    /// The names of the items; `None` for all.
    pub items: Option<Vec<String>>,
    /// What was accepted after this number is not known; `None` for the newest.
    pub as_of: Option<Seq>,
}

/// What a caller may look at.
#[derive(Debug, Clone)]
struct View {
    /// The tenant.
    tenant: TenantId,
    /// The root of what the caller may see there.
    root: TenantNo,
    outlook: Outlook,
    period: Period,
    /// `None`: all.
    items: Option<HashSet<ItemNo>>,
    numbers: ItemNumbers,
    storages: HashMap<InfraNo, InfraId>,
}

impl View {
    /// Whoever may read reports on the tenant may look; of one that hides its inside from the caller, at itself alone
    /// (reports-api, 9.1).
    async fn of(
        app: &App,
        conn: &mut Conn,
        caller: &Caller,
        tenant: TenantId,
        asked: &Asked,
    ) -> Result<Self> {
        let permission = Permission::ReportReader;
        let granted = app.allow_at(conn, caller, permission, tenant, Depth::Own, Deleted::Hidden).await?;
        let numbers = store::catalogue::item_numbers(conn).await?;
        let items = asked.items.as_deref().map(|names| items(names, &numbers)).transpose()?;
        let now = app.clock.now().day();
        let frozen = store::history::days(conn).await?.map_or(now, |days| days.frozen);
        let period = period(asked, frozen.previous(), now)?;
        let as_of = as_of(asked.as_of, store::history::newest(conn).await?)?;
        let superseded_on = store::history::superseded_on(conn, as_of).await?;
        let outlook = Outlook {
            subject: granted.tenant().no,
            below_too: granted.may_look_inside(),
            since: superseded_on.map_or(period.start, |day| day.min(period.start)).previous(),
            as_of,
        };
        if !outlook.was_there(conn).await? {
            return Err(Error::invalid("as_of", "the tenant was not there yet"));
        }
        let storages = store::report_input::storages(conn).await?;
        Ok(Self { tenant, root: granted.root(), outlook, period, items, numbers, storages })
    }

    fn wants(&self, key: &MeterKey) -> bool {
        self.items.as_ref().is_none_or(|items| items.contains(&key.item))
    }
}

fn items(names: &[String], numbers: &ItemNumbers) -> Result<HashSet<ItemNo>> {
    let unknown = |name| Error::invalid("items", format!("there is no offering item {name}"));
    names.iter().map(|name| numbers.no(name).ok_or_else(|| unknown(name))).collect()
}

fn period(asked: &Asked, last_closed: Day, today: Day) -> Result<Period> {
    let to = asked.to.unwrap_or(last_closed);
    // A clock that went back opens no closed day again.
    if to > today.max(last_closed) {
        return Err(Error::invalid(
            "to",
            format!("lies in the future; the last closed day is {last_closed}"),
        ));
    }
    let from = asked.from.unwrap_or_else(|| to.first_of_month());
    if from > to {
        return Err(Error::invalid("from", format!("lies after the last day, {to}")));
    }
    if from.plus(MAX_DAYS) <= to {
        return Err(Error::invalid("from", format!("lies more than {MAX_DAYS} days before the end of {to}")));
    }
    Ok(Period::inclusive(from, to))
}
