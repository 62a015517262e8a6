//! Any two months of a channel over HTTP: what was accepted is replayed by hand, and every row of every csv_v2_0 file that
//! the server made on the way has the nine figures which follow from it (reports-api, 9 to 11).

mod channel;
mod files;
mod naive;
mod plan;

use proptest::prelude::*;

use channel::Channel;
use plan::{Event, Plan};

async fn every_file_has_the_figures_of_what_was_accepted(plan: Plan) {
    let mut channel = Channel::new().await;
    for tenant in &plan.tenants {
        channel.does(tenant).await;
    }
    for (subject, level, kind) in plan.monthly {
        channel.orders_monthly(subject, level, kind).await;
    }
    for step in &plan.steps {
        channel.moves_on(step.days_later, step.time).await;
        channel.reads(&step.readings).await;
        for event in &step.events {
            channel.does(event).await;
        }
    }
    // At the end a report of everything over all the time, as it is known now.
    for kind in 0..4 {
        let order =
            plan::Order { subject: 0, level: 3, kind, ends_before: 0, days: 60, hide_zero_usage: false };
        channel.does(&Event::Report(order)).await;
    }
    assert!(channel.files >= 4);
}

// A case takes seconds: few are tried, and a failing one is not made smaller.
proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn files_follow_from_what_was_accepted(plan in plan::plan()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(every_file_has_the_figures_of_what_was_accepted(plan));
    }
}
