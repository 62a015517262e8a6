//! Work that is shared by two threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Does the same to each of the items, on two threads if there are several; the results stand in the order of the items.
///
/// Each thread takes the next item that nobody took, so that both are done at about the same time, whatever an item costs.
pub fn on_two_threads<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if items.len() < 2 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(item)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        let there = scope.spawn(take);
        let mut done = take();
        done.extend(there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_the_results_are_in_order() {
        for count in [0, 1, 2, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let calls = AtomicUsize::new(0);
            let doubled = on_two_threads(&items, |item| {
                calls.fetch_add(1, Ordering::Relaxed);
                item * 2
            });
            assert_eq!(doubled, items.iter().map(|item| item * 2).collect::<Vec<_>>());
            assert_eq!(calls.into_inner(), count);
        }
    }

    #[test]
    #[should_panic(expected = "the last one")]
    fn a_panic_of_either_thread_is_not_lost() {
        on_two_threads(&[1, 2, 3, 4], |item| assert!(*item != 4, "the last one"));
    }
}
