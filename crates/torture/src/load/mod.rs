//! What clients do meanwhile, and what they were told.

pub mod caller;
pub mod channel;
pub mod orders;
pub mod readings;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow};

use caller::{Access, Caller};
use channel::Channel;
use orders::Orders;
use readings::Meter;

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
    /// Starts them: two that send readings with keys, one that sends some without, and one that orders reports.
    pub fn start(access: &Access, channel: &Channel, seed: u64) -> Self {
        let mut clients = Vec::new();
        let mut start = |stream: u64, work: Box<dyn FnOnce(&mut Caller, &mut Told) + Send>| {
            let mut caller = Caller::new(access, seed, stream);
            clients.push(std::thread::spawn(move || {
                let mut told = Told::default();
                work(&mut caller, &mut told);
                (told.statuses, told.faults) = (caller.statuses, caller.faults);
                told
            }));
        };
        let (mut own, mut others) = (channel.customers.clone(), Vec::new());
        others.extend(own.split_off(own.len() / 2));
        start(1, Box::new(move |caller, told| told.keyed = readings::keyed(caller, &own)));
        start(2, Box::new(move |caller, told| told.keyed = readings::keyed(caller, &others)));
        let all = channel.customers.clone();
        start(3, Box::new(move |caller, told| told.plain = readings::plain(caller, &all)));
        let channel = channel.clone();
        start(4, Box::new(move |caller, told| told.orders = orders::orders(caller, &channel)));
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
            all.faults.extend(told.faults);
            for (status, count) in told.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
        }
        Ok(all)
    }
}
