//! A repeatable random source (SplitMix64). It is good enough to mix a load, and for masks in a test.

pub(crate) struct Random(u64);

impl Random {
    /// Creates a different source for each client.
    pub(crate) fn new(seed: u64, place: usize, turn: u64) -> Self {
        let mut random = Self(seed);
        random.0 = random.next() ^ place as u64;
        random.0 = random.next() ^ turn;
        random
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Draws a number up to `2^power`. Each power of two is equally likely, so small numbers are as frequent as large
    /// ones.
    pub(crate) fn up_to_power(&mut self, power: u32) -> usize {
        let largest = 1_usize << self.below(power as usize + 1);
        self.below(largest + 1)
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}
