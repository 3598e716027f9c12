//! The nodes that a node has heard of, and its questions to them.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::control::Part;
use crate::clock;

/// The nodes that were heard of, and the questions of this node that wait for answers.
#[derive(Default)]
pub(crate) struct Asked {
    /// When each was heard of last.
    nodes: Mutex<HashMap<u64, Instant>>,
    open: Mutex<HashMap<u64, mpsc::Sender<(u64, Part)>>>,
    next: AtomicU64,
}

/// A question that waits for answers. Dropping it ends that.
pub(super) struct Asking<'a> {
    asked: &'a Asked,
    pub(super) number: u64,
    pub(super) answers: mpsc::Receiver<(u64, Part)>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        lock(&self.asked.open).remove(&self.number);
    }
}

impl Asked {
    pub(crate) fn heard_of(&self, node: u64) {
        let mut nodes = lock(&self.nodes);
        let now = clock::now();
        nodes.retain(|_, at| now.saturating_duration_since(*at) < HEARD);
        if nodes.len() < MAX_NODES {
            nodes.insert(node, now);
        }
    }

    pub(crate) fn forget(&self, node: u64) {
        lock(&self.nodes).remove(&node);
    }

    pub(crate) fn answered(&self, number: u64, node: u64, part: Part) {
        let mut open = lock(&self.open);
        let Some(asking) = open.get(&number) else { return };
        if asking.try_send((node, part)).is_err() {
            // A part is missing now, so the question ends, and its nodes count as silent.
            open.remove(&number);
        }
    }

    pub(super) fn begin(&self) -> Asking<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answers) = mpsc::channel(MAX_NODES);
        lock(&self.open).insert(number, sender);
        Asking { asked: self, number, answers }
    }

    /// Returns the nodes that were heard of lately.
    pub(super) fn nodes(&self) -> Vec<u64> {
        let now = clock::now();
        let is_alive = |at: &Instant| now.saturating_duration_since(*at) < HEARD;
        lock(&self.nodes).iter().filter(|(_, at)| is_alive(at)).map(|(node, _)| *node).collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a node counts as alive after it was heard of.
const HEARD: Duration = Duration::from_secs(30);
/// Nodes that are remembered, and parts of answers that wait.
const MAX_NODES: usize = 1024;
