//! Every acknowledged reading is in the history, once where it had a key, and the meters stand at the last.

use std::collections::BTreeMap;

use domain::time::Day;
use serde_json::Value;

use super::Verdict;
use crate::load::Told;
use crate::load::caller::Caller;
use crate::load::channel::{Channel, KEYED, PLAIN};
use crate::load::readings::Meter;

/// Before the first day of a run.
const BEGIN: &str = "2026-01-20";
/// Days of one question.
const DAYS: i32 = 300;

/// How often a meter was changed to which value.
type Changes = BTreeMap<u64, u64>;

/// Asks the history for every change, and the meters for what they show.
pub fn check(verdict: &mut Verdict, caller: &mut Caller, channel: &Channel, today: Day, told: &Told) {
    let Some(changes) = changes(verdict, caller, channel, today) else {
        verdict.faults.push("the history cannot be read".to_owned());
        return;
    };
    let none = Changes::new();
    for meter in told.keyed.iter().chain(&told.plain) {
        let known = changes.get(&(meter.tenant.clone(), meter.item.to_owned())).unwrap_or(&none);
        verdict.count("acknowledged readings", usize::try_from(meter.acknowledged).unwrap_or(0));
        compare(verdict, meter, known);
        let path = format!("/api/2/tenants/{}/usages?usage_names={}", meter.tenant, meter.item);
        let shown = caller.get(&path).and_then(|usages| usages.pointer("/items/0/value")?.as_u64());
        let may_show = |value: u64| {
            value == meter.acknowledged || value == meter.sent || meter.unanswered.contains(&value)
        };
        let is_so = meter.sent == 0 || shown.is_some_and(may_show);
        verdict.demand(is_so, || format!("{meter:?} shows {shown:?}"));
    }
}

fn compare(verdict: &mut Verdict, meter: &Meter, known: &Changes) {
    let name = || format!("{} of {}", meter.item, meter.tenant);
    for value in 1..=meter.acknowledged {
        let times = known.get(&value).copied().unwrap_or(0);
        verdict.demand(times > 0, || format!("{value} of {} was acknowledged and is lost", name()));
        let once = times <= 1 || meter.item == PLAIN;
        verdict.demand(once, || format!("{value} of {} counts {times} times", name()));
    }
    for (value, times) in known.range(meter.acknowledged + 1..) {
        let is_so = *value == meter.sent && (*times == 1 || meter.item == PLAIN);
        verdict.demand(is_so, || format!("{value} of {} is there {times} times, which nobody sent", name()));
    }
}

/// Every change of every meter.
fn changes(
    verdict: &mut Verdict,
    caller: &mut Caller,
    channel: &Channel,
    today: Day,
) -> Option<BTreeMap<(String, String), Changes>> {
    let mut all: BTreeMap<(String, String), Changes> = BTreeMap::new();
    let mut from: Day = BEGIN.parse().ok()?;
    while from <= today {
        let to = Day(from.0 + DAYS - 1).min(today);
        let path = format!("/api/tidemark/1/tenants/{}/history/changes", channel.partner);
        let mut asked = format!("{path}?from={from}&to={to}&items={KEYED},{PLAIN}&limit=1000");
        loop {
            let page = caller.get(&asked)?;
            let items = page.get("items")?.as_array()?;
            verdict.count("changes of meters", items.len());
            for item in items {
                let word = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
                let meter = (word("tenant_id")?, word("offering_item")?);
                let value = item.get("new")?.as_u64()?;
                *all.entry(meter).or_default().entry(value).or_default() += 1;
            }
            let Some(after) = page.get("after").and_then(Value::as_str) else { break };
            asked = format!("{path}?limit=1000&after={after}");
        }
        from = to.next();
    }
    Some(all)
}
