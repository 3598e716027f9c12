//! The same input, cut in every way a network may cut it.
//!
//! ```
//! use silverback_testkit::cuts::for_each_way;
//!
//! for_each_way(b"Hello", 1, |pieces| assert_eq!(pieces.concat(), b"Hello"));
//! ```

use std::thread;

/// Calls `check` with both parts of every cut in two, including cuts before the first byte and after the last. If
/// `check` panics, the position of the cut is printed.
pub fn for_each_cut(bytes: &[u8], mut check: impl FnMut(&[u8], &[u8])) {
    for (first, second) in every_split(bytes) {
        let _culprit = Culprit(|| format!("cut at byte {} of {}", first.len(), bytes.len()));
        check(first, second);
    }
}

/// Calls `check` with the input uncut, cut in two at every byte, cut into single bytes, and cut at random in 32 ways
/// drawn from `seed`. If `check` panics, the lengths of the pieces are printed.
pub fn for_each_way(bytes: &[u8], seed: u64, mut check: impl FnMut(&[&[u8]])) {
    let in_two = every_split(bytes).map(|(first, second)| vec![first, second]);
    let mut random = Random::new(seed);
    let at_random = (0..32).map(|_| {
        let pieces = 3 + random.below(6);
        random_split(bytes, pieces, random.next_u64())
    });
    let ways = [vec![bytes], one_byte_at_a_time(bytes).collect()];
    for pieces in ways.into_iter().chain(in_two).chain(at_random) {
        let lengths = || pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>();
        let _culprit = Culprit(|| format!("cut into pieces of {:?} bytes", lengths()));
        check(&pieces);
    }
}

/// Returns both parts of every cut in two: `bytes.len() + 1` pairs, the first and the last with an empty part.
pub fn every_split(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    (0..=bytes.len()).map(|at| bytes.split_at(at))
}

/// Returns the bytes one by one.
pub fn one_byte_at_a_time(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(1)
}

/// Cuts into `pieces` pieces at positions drawn from `seed`. Some may be empty, like some reads.
///
/// # Panics
/// If `pieces` is 0.
#[must_use]
#[track_caller]
pub fn random_split(bytes: &[u8], pieces: usize, seed: u64) -> Vec<&[u8]> {
    assert!(pieces > 0, "bytes cannot be split into 0 pieces");
    let mut random = Random::new(seed);
    let mut places: Vec<usize> = (1..pieces).map(|_| random.below(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut start = 0;
    let piece_up_to = |end| {
        let piece = &bytes[start..end];
        start = end;
        piece
    };
    places.into_iter().map(piece_up_to).collect()
}

/// A small generator (SplitMix64) that returns the same numbers for the same seed on every machine. For tests only.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Creates the generator for `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`. It has a slight bias, which does not matter for tests.
    ///
    /// # Panics
    /// If `bound` is 0.
    #[track_caller]
    pub fn below(&mut self, bound: usize) -> usize {
        assert!(bound > 0, "no number is below 0");
        (self.next_u64() % bound as u64) as usize
    }

    /// Returns `count` random bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next_u64() as u8).collect()
    }
}

/// Prints the case in which a panic happened.
struct Culprit<F: Fn() -> String>(F);

impl<F: Fn() -> String> Drop for Culprit<F> {
    #[expect(clippy::print_stderr, reason = "a failed test must name the cut that failed")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("failed with the input {}", (self.0)());
        }
    }
}

#[cfg(test)]
#[path = "cuts_tests.rs"]
mod tests;
