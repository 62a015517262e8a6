//! What must be so in the end, whatever happened.

mod mails;
mod readings;
mod runs;

use std::collections::BTreeMap;

use anyhow::Result;

use crate::load::Told;
use crate::load::caller::Caller;
use crate::load::channel::Channel;
use crate::machine::Machine;
use crate::rows::Rows;

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many of what were looked at.
    pub seen: BTreeMap<&'static str, u64>,
    /// Why mails came twice, and how many.
    pub repeated: BTreeMap<&'static str, u64>,
    /// What must not be.
    pub faults: Vec<String>,
}

impl Verdict {
    fn count(&mut self, what: &'static str, count: usize) {
        *self.seen.entry(what).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
    }

    /// A fault, unless it is so.
    fn demand(&mut self, is_so: bool, fault: impl FnOnce() -> String) {
        if !is_so {
            self.faults.push(fault());
        }
    }
}

/// Looks at everything.
pub fn check(machine: &Machine, caller: &mut Caller, channel: &Channel, told: &Told) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let rows = Rows::open(machine.database().as_deref(), &machine.data(0))?;
    let (leases, open) = rows.held()?;
    verdict.demand((leases, open) == (0, 0), || format!("{leases} leases are held, {open} jobs open"));
    runs::check(&mut verdict, &rows, machine.clocks.now(), told)?;
    runs::check_orders(&mut verdict, caller, &told.orders);
    mails::check(&mut verdict, &rows, machine, channel, &told.orders.resent)?;
    readings::check(&mut verdict, caller, channel, machine.clocks.now().day(), told);
    let output = machine.tidemark("verify").output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    verdict.demand(output.status.success(), || format!("tidemark verify: {said}"));
    let panics = machine.logged("panicked");
    verdict.demand(panics == 0, || format!("the logs of the nodes tell of {panics} panics"));
    Ok(verdict)
}
