//! Each recipient of an edition has one Message-ID, and one mail: another one of the same Message-ID only where something
//! came between the end of DATA and the recorded answer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;

use super::Verdict;
use crate::load::channel::Channel;
use crate::machine::Machine;
use crate::rows::{Delivery, Rows};
use crate::sink::Taken;
use crate::trouble::Trouble;

/// How long an answer takes to be recorded where nothing comes between.
const RECORDED_WITHIN: Duration = Duration::from_secs(3);
/// How long a connection or a database takes to be there again.
const RECOVERED_WITHIN: Duration = Duration::from_secs(1);
/// After what time nobody waits any more for somebody who writes and has stopped (ADR 9).
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Compares the ledger with what the relay took.
pub fn check(
    verdict: &mut Verdict,
    rows: &Rows,
    machine: &Machine,
    channel: &Channel,
    resent: &[String],
) -> Result<()> {
    let memory = machine.sink.memory();
    let mut taken: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for mail in &memory.taken {
        taken.entry(&mail.message_id).or_default().push(mail);
    }
    verdict.count("mails taken by the relay", memory.taken.len());
    let addresses: BTreeMap<&str, &str> =
        channel.users.iter().map(|(id, address)| (id.as_str(), address.as_str())).collect();
    let (mut keys, mut bounced) = (BTreeSet::new(), BTreeMap::<&str, usize>::new());
    let deliveries = rows.deliveries()?;
    let there: BTreeSet<&str> = deliveries.iter().map(|delivery| delivery.id.as_str()).collect();
    verdict.count("mails asked for once more", resent.len());
    for id in resent {
        verdict.demand(there.contains(id.as_str()), || format!("a resend is lost: {id}"));
    }
    for delivery in &deliveries {
        let is_new = keys.insert((&delivery.run, &delivery.user, delivery.resend_no));
        verdict.demand(is_new, || format!("two rows of the ledger for one mail: {delivery:?}"));
        let address = addresses.get(delivery.user.as_str()).copied().unwrap_or_default();
        let mails = taken.remove(delivery.message_id.as_str()).unwrap_or_default();
        one(verdict, delivery, address, &mails, &machine.troubles);
        if delivery.status == "bounced" {
            *bounced.entry(address).or_default() += 1;
        }
    }
    for (id, mails) in taken {
        verdict.faults.push(format!("{} mails with a Message-ID that no ledger knows: {id}", mails.len()));
    }
    for (address, count) in bounced {
        let refused = memory.refused.iter().filter(|refused| *refused == address).count();
        verdict.demand(count <= refused, || format!("{address}: {count} bounced, {refused} refused"));
    }
    Ok(())
}

/// One row of the ledger, and the mails of its Message-ID.
fn one(verdict: &mut Verdict, row: &Delivery, address: &str, mails: &[&Taken], troubles: &[Trouble]) {
    let is_over = match row.status.as_str() {
        "sent" => {
            verdict.count("mails sent", 1);
            !mails.is_empty()
        }
        "bounced" | "gave_up" | "skipped" => {
            verdict.count("mails with a reason why not", 1);
            row.detail.is_some()
        }
        _ => false,
    };
    verdict.demand(is_over, || format!("the relay took {} mails of {row:?}", mails.len()));
    let alike = mails.windows(2).all(|pair| matches!(pair, [one, other] if one.is_as(other)));
    verdict.demand(alike, || format!("mails of one Message-ID differ: {row:?}"));
    verdict.demand(mails.iter().all(|mail| mail.to == address), || format!("to somebody else: {row:?}"));
    // The last one needs no excuse where it was recorded.
    let recorded = usize::from(row.status == "sent");
    let repeated = mails.len().saturating_sub(recorded);
    for mail in mails.iter().take(repeated) {
        match cause(mail, troubles) {
            Some(cause) => *verdict.repeated.entry(cause).or_default() += 1,
            None => verdict.faults.push(format!(
                "node {} sent a mail that was sent once more (or not recorded), and nothing came between: {row:?}",
                mail.node
            )),
        }
    }
}

/// What kept the node that brought this mail from recording that the relay took it.
fn cause(mail: &Taken, troubles: &[Trouble]) -> Option<&'static str> {
    if !mail.answered {
        return Some("the relay did not answer");
    }
    // A node that is stopped in the middle of a write, or a database that is away, holds all others up.
    let mut until = mail.at + RECORDED_WITHIN;
    for trouble in troubles.iter().filter(|trouble| trouble.from <= mail.at + RECORDED_WITHIN) {
        if let Some(end) = trouble.until.filter(|end| *end >= mail.at) {
            until = until.max(end.min(mail.at + LONGEST_WAIT) + RECORDED_WITHIN);
        }
    }
    let came_between = |trouble: &&Trouble| {
        trouble.node.is_none_or(|node| node == mail.node)
            && trouble.from <= until
            && trouble.until.is_none_or(|end| end + recovery(trouble) >= mail.at)
    };
    troubles.iter().find(came_between).map(|trouble| trouble.by)
}

/// How long a trouble goes on after what it came by. A node that was stopped has no excuse for what it does afterwards: that is
/// what epochs are for.
fn recovery(trouble: &Trouble) -> Duration {
    if trouble.is_stop() { Duration::ZERO } else { RECOVERED_WITHIN }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn mail(at: Instant, answered: bool) -> Taken {
        Taken::of("m@tidemark.example", "ann@north.example", 1, at, answered)
    }

    fn row() -> Delivery {
        Delivery {
            id: "d".into(),
            run: "r".into(),
            user: "u".into(),
            resend_no: 0,
            message_id: "m@tidemark.example".into(),
            status: "sent".into(),
            detail: Some("250 ok".into()),
        }
    }

    fn faults(mails: &[Taken], troubles: &[Trouble]) -> usize {
        let mut verdict = Verdict::default();
        one(&mut verdict, &row(), "ann@north.example", &mails.iter().collect::<Vec<_>>(), troubles);
        verdict.faults.len()
    }

    #[test]
    fn a_mail_comes_twice_only_where_something_came_between() {
        let now = Instant::now();
        let later = now + Duration::from_mins(1);
        let kill = |node, from| Trouble { node: Some(node), by: "kill", from, until: Some(from) };
        assert_eq!(faults(&[mail(now, true)], &[]), 0);
        assert_eq!(faults(&[], &[]), 1, "said to be sent, and was not");
        assert_eq!(faults(&[mail(now, true), mail(later, true)], &[]), 1);
        assert_eq!(faults(&[mail(now, false), mail(later, true)], &[]), 0);
        let soon = now + Duration::from_secs(1);
        assert_eq!(faults(&[mail(now, true), mail(later, true)], &[kill(1, soon)]), 0);
        assert_eq!(faults(&[mail(now, true), mail(later, true)], &[kill(2, soon)]), 1, "another node");
        let stop = Trouble { node: Some(1), by: Trouble::STOP, from: now, until: Some(soon) };
        let afterwards = soon + Duration::from_millis(100);
        assert_eq!(faults(&[mail(soon, true), mail(later, true)], &[stop]), 0);
        assert_eq!(
            faults(&[mail(afterwards, true), mail(later, true)], &[stop]),
            1,
            "it was taken over meanwhile"
        );
        let too_late = now + Duration::from_secs(20);
        assert_eq!(faults(&[mail(now, true), mail(later, true)], &[kill(1, too_late)]), 1);
    }
}
