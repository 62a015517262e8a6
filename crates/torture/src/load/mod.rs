//! What clients do meanwhile, and what they were told.

pub mod caller;
pub mod channel;
pub mod orders;
pub mod readings;
mod resends;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use caller::{Access, Caller};
use channel::Channel;
use orders::Orders;
use readings::Meter;

/// What a client does until it is to end.
type Work = Box<dyn FnOnce(&mut Caller, &mut Told) + Send>;

/// Customers whose readings come from one client.
const OF_ONE: usize = 6;

/// Everything that was acknowledged, and that was not.
#[derive(Debug, Default)]
pub struct Told {
    /// Readings with keys.
    pub keyed: Vec<Meter>,
    /// Readings without.
    pub plain: Vec<Meter>,
    /// Reports.
    pub orders: Orders,
    /// How often which status came back; 0: no answer.
    pub statuses: BTreeMap<u16, u64>,
    /// What must not be.
    pub faults: Vec<String>,
}

/// Clients at work.
#[derive(Debug)]
pub struct Load {
    access: Access,
    clients: Vec<JoinHandle<Told>>,
}

impl Load {
    /// Starts them: some that send readings with keys, one that sends some without, and some that order reports.
    pub fn start(access: &Access, channel: &Channel, seed: u64) -> Self {
        let mut clients = Vec::new();
        let mut start = |stream: u64, work: Work| {
            let mut caller = Caller::new(access, seed, stream);
            clients.push(std::thread::spawn(move || {
                let mut told = Told::default();
                work(&mut caller, &mut told);
                (told.statuses, told.faults) = (caller.statuses, caller.faults);
                told
            }));
        };
        for (stream, own) in (10..).zip(channel.customers.chunks(OF_ONE)) {
            let own = own.to_vec();
            start(stream, Box::new(move |caller, told| told.keyed = readings::keyed(caller, &own)));
        }
        let all = channel.customers.clone();
        start(1, Box::new(move |caller, told| told.plain = readings::plain(caller, &all)));
        for stream in 2..4 {
            let channel = channel.clone();
            start(stream, Box::new(move |caller, told| told.orders = orders::orders(caller, &channel)));
        }
        Self { access: access.clone(), clients }
    }

    /// Ends them.
    pub fn end(self) -> Result<Told> {
        self.access.stop.store(true, Ordering::Relaxed);
        let mut all = Told::default();
        for client in self.clients {
            let told = client.join().map_err(|_| anyhow!("a client panicked"))?;
            all.keyed.extend(told.keyed);
            all.plain.extend(told.plain);
            all.orders.orders.extend(told.orders.orders);
            all.orders.sent += told.orders.sent;
            all.orders.resent.extend(told.orders.resent);
            all.faults.extend(told.faults);
            for (status, count) in told.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }
        Ok(all)
    }
}
