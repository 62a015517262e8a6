//! What memory holds of a run: 16 bits of each key, enough to know almost every key that is not in it.

/// About how many keys share a bucket, at least; fewer than twice as many, at most.
const PER_BUCKET: u64 = 8;

/// The fingerprints of a sorted run of keys, in buckets by the first bits of the key.
///
/// The keys are hashes, so that buckets fill evenly and what follows the bucket's bits is as good as random: a key that
/// is not in the run matches one of its bucket's 8 to 16 fingerprints with a chance of at most 16 in 65,536. That takes
/// 18 to 20 bits a key; a Bloom filter of that size which touches as few cache lines errs several times as often.
#[derive(Debug)]
pub(super) struct Fingerprints {
    bits: u32,
    /// Where each bucket begins, up to the last one that has keys.
    starts: Vec<u32>,
    prints: Vec<u16>,
}

impl Fingerprints {
    /// None yet, with room for about this many keys.
    pub(super) fn for_keys(keys: u64) -> Self {
        let bits = (keys / PER_BUCKET).max(2).ilog2();
        Self { bits, starts: Vec::new(), prints: Vec::new() }
    }

    /// Takes in the next key; keys come in rising order.
    pub(super) fn push(&mut self, key: &[u8; 16]) {
        let (bucket, print) = self.place(key);
        // A run holds far fewer than 2^32 keys.
        let here = u32::try_from(self.prints.len()).unwrap_or(u32::MAX);
        if self.starts.len() <= bucket {
            self.starts.resize(bucket + 1, here);
        }
        self.prints.push(print);
    }

    /// Whether the run may hold this key. A no is certain.
    pub(super) fn may_hold(&self, key: &[u8; 16]) -> bool {
        let (bucket, print) = self.place(key);
        let start = |bucket: usize| self.starts.get(bucket).map(|start| *start as usize);
        let Some(first) = start(bucket) else { return false };
        let end = start(bucket + 1).unwrap_or(self.prints.len());
        self.prints.get(first..end).is_some_and(|prints| prints.contains(&print))
    }

    fn place(&self, key: &[u8; 16]) -> (usize, u16) {
        // `bits` is from 1 to 61: no shift is too wide.
        let top = (u128::from_be_bytes(*key) >> 64) as u64;
        let [high, low, ..] = (top << self.bits).to_be_bytes();
        ((top >> (64 - self.bits)) as usize, u16::from_be_bytes([high, low]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Well mixed, and never the same for two numbers: an odd factor permutes.
    fn key(number: u64) -> [u8; 16] {
        let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
        let mixed = u128::from(number + 1).wrapping_mul(factor);
        (mixed ^ (mixed >> 64)).wrapping_mul(factor).to_be_bytes()
    }

    fn of(numbers: std::ops::Range<u64>, expected: u64) -> Fingerprints {
        let mut keys: Vec<_> = numbers.map(key).collect();
        keys.sort_unstable();
        let mut prints = Fingerprints::for_keys(expected);
        for key in &keys {
            prints.push(key);
        }
        prints
    }

    #[test]
    fn what_is_in_is_found_however_wrong_the_expected_number_was() {
        for (keys, expected) in [(0, 0), (1, 1), (3, 100_000), (5_000, 5_000), (5_000, 1), (5_000, 0)] {
            let prints = of(0..keys, expected);
            assert!((0..keys).all(|number| prints.may_hold(&key(number))), "{keys} keys of {expected}");
        }
    }

    #[test]
    fn what_is_not_in_is_taken_for_in_at_most_once_in_four_thousand_times() {
        let prints = of(0..100_000, 100_000);
        let wrong = (1_000_000..2_000_000).filter(|number| prints.may_hold(&key(*number))).count();
        assert!((50..250).contains(&wrong), "{wrong} of a million");
    }

    #[test]
    fn an_empty_run_holds_nothing() {
        assert!(!of(0..0, 0).may_hold(&key(1)));
    }
}
