//! The publications that a node has accepted, in the order of each topic.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// An accepted publication. Its number in the topic is its index in the journal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Accepted {
    pub(crate) epoch: Arc<str>,
    pub(crate) offset: u64,
    pub(crate) at: Instant,
}

/// One list for each topic.
pub(crate) struct Journal(Vec<Mutex<Vec<Accepted>>>);

impl Journal {
    pub(crate) fn new(topics: usize) -> Self {
        Self((0..topics).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn topics(&self) -> usize {
        self.0.len()
    }

    /// Adds the next publication of a topic.
    pub(crate) fn push(&self, topic: usize, epoch: Arc<str>, offset: u64) {
        self.locked(topic).push(Accepted { epoch, offset, at: Instant::now() });
    }

    /// Returns how many publications of a topic were accepted.
    pub(crate) fn len(&self, topic: usize) -> usize {
        self.locked(topic).len()
    }

    /// Returns how many publications were accepted.
    pub(crate) fn total(&self) -> usize {
        (0..self.topics()).map(|topic| self.len(topic)).sum()
    }

    pub(crate) fn of(&self, topic: usize) -> Vec<Accepted> {
        self.locked(topic).clone()
    }

    /// Returns the longest time since `since` in which no publication of any topic was accepted.
    pub(crate) fn longest_gap(&self, since: Instant) -> Duration {
        let mut times: Vec<_> = (0..self.topics()).flat_map(|topic| self.of(topic)).map(|one| one.at).collect();
        times.retain(|at| *at > since);
        times.push(since);
        times.sort_unstable();
        times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }

    fn locked(&self, topic: usize) -> MutexGuard<'_, Vec<Accepted>> {
        self.0[topic].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
