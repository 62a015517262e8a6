//! Numbers that follow from a seed, the same on every machine: SplitMix64 (Steele, Lea and Flood, 2014).

use std::ops::Range;

/// A source of numbers.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The source of this seed; another `stream` of the same seed gives other numbers.
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed);
        Self(random.next().wrapping_add(stream.wrapping_mul(0xd134_2543_de82_ef95)))
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range, which is not empty.
    pub fn of_range(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start).max(1)
    }

    /// A place in a list of so many.
    pub fn place(&mut self, count: usize) -> usize {
        let place = self.of_range(0..u64::try_from(count).unwrap_or(u64::MAX));
        usize::try_from(place).unwrap_or(0)
    }

    /// True as often as so many times in a hundred.
    pub fn percent(&mut self, share: u64) -> bool {
        self.of_range(0..100) < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_published_numbers() {
        // The first three of seed 1234567, as in the reference implementation.
        let mut random = Random(1_234_567);
        let first = [random.next(), random.next(), random.next()];
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_of_a_seed_differ() {
        assert_ne!(Random::of(7, 0).next(), Random::of(7, 1).next());
    }
}
