//! Whether the jobs get on: what a watchdog of the process looks at.
//!
//! A job that waits for its next look is well. One that is at work must come to another step sooner or later; whoever
//! looks twice, and finds it at the same one, knows how long it has not.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

tokio::task_local! {
    /// The steps of the job whose work is being done.
    static STEPS: Arc<AtomicU64>;
}

/// The jobs that have begun to work at least once.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<BTreeMap<&'static str, Job>>);

#[derive(Debug, Default)]
struct Job {
    steps: Arc<AtomicU64>,
    is_at_work: bool,
}

impl Pulse {
    /// Does a round of this job's work.
    pub(super) async fn round<F: Future>(&self, job: &'static str, work: F) -> F::Output {
        let steps = {
            let mut jobs = self.jobs();
            let job = jobs.entry(job).or_default();
            job.is_at_work = true;
            job.steps.clone()
        };
        // A round that begins is a step beyond the one before.
        steps.fetch_add(1, Ordering::Relaxed);
        let _round = Round { pulse: self, job };
        STEPS.scope(steps, work).await
    }

    /// The jobs that are at work, each with the number of steps it has made since the process began.
    pub fn at_work(&self) -> BTreeMap<&'static str, u64> {
        let jobs = self.jobs();
        let at_work = jobs.iter().filter(|(_, job)| job.is_at_work);
        at_work.map(|(name, job)| (*name, job.steps.load(Ordering::Relaxed))).collect()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<&'static str, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that the job whose work is being done has come one step further; elsewhere it says nothing.
pub(super) fn step() {
    let _ = STEPS.try_with(|steps| steps.fetch_add(1, Ordering::Relaxed));
}

/// A round under way; it ends when this is dropped, by a panic, too.
struct Round<'a> {
    pulse: &'a Pulse,
    job: &'static str,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        if let Some(job) = self.pulse.jobs().get_mut(self.job) {
            job.is_at_work = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_job_at_work_is_seen_and_each_step_and_round_shows() {
        let pulse = Pulse::default();
        assert!(pulse.at_work().is_empty());
        let mut seen = Vec::new();
        for _ in 0..2 {
            pulse
                .round("mailer", async {
                    seen.push(pulse.at_work()["mailer"]);
                    step();
                    seen.push(pulse.at_work()["mailer"]);
                })
                .await;
            assert!(pulse.at_work().is_empty(), "it waits");
        }
        seen.dedup();
        assert_eq!(seen.len(), 4, "no two looks at a job that gets on are alike: {seen:?}");
    }

    #[tokio::test]
    async fn the_steps_of_one_job_do_not_make_another_look_well() {
        let pulse = Pulse::default();
        let mailer = pulse.round("mailer", async {
            let before = pulse.at_work();
            pulse.round("builder", async { step() }).await;
            assert_eq!(pulse.at_work(), before);
        });
        mailer.await;
    }
}
