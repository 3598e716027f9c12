//! Interop tests of `silverback connect`: servers over TLS, forward proxies, and reverse proxies.

mod front;
pub(crate) mod fronts;
mod haproxy;
mod nginx;
pub(crate) mod proxies;
mod talk;
pub(crate) mod tls;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use self::talk::Talk;
use crate::error::{Error, Verdict};

/// Runs `connect` and counts the checks that passed.
pub(super) struct Checks<'a> {
    program: &'a Path,
    passed: AtomicUsize,
}

impl<'a> Checks<'a> {
    pub(super) fn new(program: &'a Path) -> Self {
        Self { program, passed: AtomicUsize::new(0) }
    }

    /// `connect` with these words, which is not started yet.
    pub(super) fn connect(&self, words: &[&str]) -> Talk {
        Talk::new(self.program, words)
    }

    pub(super) fn ok(&self, what: &str) {
        println!("ok {what}");
        self.passed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }

    fn verdict(&self) -> Verdict {
        match self.count() {
            0 => Err(Error::Failed("nothing was checked".to_owned())),
            count => Ok(format!("{count} conversations")),
        }
    }
}

/// Lines that repeat themselves near and far, as real messages do.
fn prose(lines: usize) -> Vec<u8> {
    let line = |number: usize| format!("{{\"id\":{},\"name\":\"user {}\"}}\n", number * 7919 % 100_003, number % 61);
    (0..lines).flat_map(|number| line(number).into_bytes()).collect()
}

/// Bytes of every kind that do not compress.
pub(super) fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(count).collect()
}

const MIB: usize = 1024 * 1024;
