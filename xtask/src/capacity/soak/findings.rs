//! Whether a soak went well.
//!
//! A client's error counts unless the client provoked it, and clients do not listen any more once they provoke. The
//! program may print nothing, and must have closed everything. Memory is compared with itself, so that it does not
//! matter how fast the machine is:
//!
//! - under load, the median of the last quarter may be a quarter more than that of the second: the load is the same all
//!   the time, and two medians of it differ by less;
//! - when all have left, a half more may be kept than after the warm-up, which was the same load for a shorter time:
//!   which buffers are kept for later depends on who left last.
//!
//! A slower machine serves fewer clients meanwhile, so it finds less, but nothing that is not there. Between the middles
//! of those quarters a default run serves 25,000 connections and a million messages even on a busy one: what leaks is
//! found from half a kilobyte for each connection, or a dozen bytes for each message.

/// Memory at two times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    pub(super) before: u64,
    pub(super) after: u64,
}

impl Growth {
    /// From samples at equal distances. `None` if there are too few.
    pub(super) fn between_quarters(samples: &[u64]) -> Option<Self> {
        let quarter = samples.len() / 4;
        let second = samples.get(quarter..2 * quarter)?;
        let last = samples.get(samples.len() - quarter..)?;
        Some(Self { before: median(second)?, after: median(last)? })
    }

    fn exceeds(self, allowed_percent: u64) -> bool {
        self.after * 100 > self.before * (100 + allowed_percent)
    }
}

/// The findings of a soak.
#[derive(Debug)]
pub(super) struct Findings {
    /// Errors that the clients did not provoke.
    pub(super) errors: u64,
    pub(super) under_load: Growth,
    pub(super) when_empty: Growth,
    pub(super) kept_descriptors: usize,
    /// The program's output after its greeting.
    pub(super) said: String,
}

impl Findings {
    /// Everything that is wrong, for people.
    pub(super) fn complaints(&self) -> Vec<String> {
        let found = [
            (self.errors > 0, format!("errors that the clients did not provoke: {}", self.errors)),
            (self.under_load.exceeds(25), "memory grew under load".to_owned()),
            (self.when_empty.exceeds(50), "memory that was in use is kept when all have left".to_owned()),
            (self.kept_descriptors > 0, format!("descriptors kept: {}", self.kept_descriptors)),
            (!self.said.is_empty(), format!("the program said: {}", self.said)),
        ];
        found.into_iter().filter_map(|(is_wrong, complaint)| is_wrong.then_some(complaint)).collect()
    }
}

fn median(samples: &[u64]) -> Option<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
#[path = "findings_tests.rs"]
mod tests;
