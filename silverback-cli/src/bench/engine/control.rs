//! Shared state of the engine and its workers: the load, its stage, and the notifiers that wake connections.

use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU8, Ordering},
};

use tokio::sync::watch;

use super::notifier::Notifier;
use super::{clock::Clock, counts::Counts, load::Load, publications::Publications, schedule::Schedule};

/// The stages of a load, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Connections are being opened.
    Opening,
    /// Messages are being sent.
    Running,
    /// Connections send nothing more. Messages in flight may still be answered.
    Stopping,
    /// Everybody closes, answered or not.
    Leaving,
    /// Connections that have not closed yet are dropped.
    Over,
}

/// Shared by all threads.
#[derive(Debug)]
pub(super) struct Control {
    pub(super) load: Load,
    pub(super) clock: Clock,
    /// For those who wait for the next one.
    pub(super) stages: watch::Sender<Stage>,
    /// The same, for those who look at it with each burst.
    stage: AtomicU8,
    /// Set before the stage is `Running`.
    pub(super) start: OnceLock<Start>,
    /// Of a broadcast.
    pub(super) publications: Mutex<Publications>,
}

/// Facts that are known once all connections are open.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) at: u64,
    /// The number of connections of each worker.
    pub(super) opened: Vec<usize>,
}

/// Which connection: the worker that it belongs to, and its place among those of that worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) worker: usize,
    pub(super) index: usize,
}

impl Start {
    pub(super) fn total(&self) -> usize {
        self.opened.iter().sum()
    }

    /// Returns the schedule of a connection in an open model. The connections of one worker are spread evenly over each
    /// round, and the workers are interleaved.
    pub(super) fn schedule(&self, rate: f64, place: Place) -> Schedule {
        let workers = self.opened.len();
        let mine = self.opened[place.worker].max(1);
        let phase = (place.index as f64 + place.worker as f64 / workers as f64) / mine as f64;
        Schedule::new(self.at, rate / self.total().max(1) as f64, phase)
    }

    /// The place of this connection among the senders of a broadcast, if it is one: the first of each worker in turn.
    pub(super) fn sender_rank(&self, place: Place, senders: usize) -> Option<usize> {
        let before = |(worker, opened): (usize, &usize)| {
            let ahead = if worker < place.worker { place.index + 1 } else { place.index };
            ahead.min(*opened)
        };
        let rank: usize = self.opened.iter().enumerate().map(before).sum();
        (rank < senders).then_some(rank)
    }

    /// The plan of that sender.
    pub(super) fn sender_schedule(&self, rate: f64, rank: usize, senders: usize) -> Schedule {
        let senders = senders.min(self.total()).max(1) as f64;
        Schedule::new(self.at, rate / senders, rank as f64 / senders)
    }

    /// The number of messages, out of `count`, that this connection sends.
    pub(super) fn share(&self, count: u64, place: Place) -> u64 {
        let rank = self.opened[..place.worker].iter().sum::<usize>() + place.index;
        let total = self.total().max(1) as u64;
        count / total + u64::from((rank as u64) < count % total)
    }
}

impl Control {
    pub(super) fn new(load: Load) -> Arc<Self> {
        Arc::new(Self {
            load,
            clock: Clock::start(),
            stages: watch::Sender::new(Stage::Opening),
            stage: AtomicU8::new(Stage::Opening as u8),
            start: OnceLock::new(),
            publications: Mutex::default(),
        })
    }

    pub(super) fn has_reached(&self, stage: Stage) -> bool {
        self.stage.load(Ordering::Acquire) >= stage as u8
    }

    pub(super) fn enter(&self, stage: Stage) {
        self.stage.store(stage as u8, Ordering::Release);
        self.stages.send_replace(stage);
    }

    pub(super) fn publications(&self) -> MutexGuard<'_, Publications> {
        self.publications.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// State that the connections of one worker share.
#[derive(Debug)]
pub(super) struct WorkerState {
    pub(super) control: Arc<Control>,
    /// The worker's number.
    pub(super) number: usize,
    counts: Mutex<Counts>,
    notifiers: Mutex<Vec<Arc<Notifier>>>,
}

impl WorkerState {
    pub(super) fn new(control: Arc<Control>, number: usize) -> Arc<Self> {
        Arc::new(Self { control, number, counts: Mutex::new(Counts::new()), notifiers: Mutex::default() })
    }

    /// Takes one more connection in.
    pub(super) fn enlist(&self) -> (Place, Arc<Notifier>) {
        let notifier = Notifier::new();
        let mut notifiers = self.lock_notifiers();
        notifiers.push(notifier.clone());
        (Place { worker: self.number, index: notifiers.len() - 1 }, notifier)
    }

    pub(super) fn notifiers(&self) -> Vec<Arc<Notifier>> {
        self.lock_notifiers().clone()
    }

    pub(super) fn notify_all(&self) {
        self.lock_notifiers().iter().for_each(|notifier| notifier.notify());
    }

    /// Wakes those who have waited for an answer since before `then`.
    pub(super) fn notify_if_older(&self, then: u64) {
        self.lock_notifiers().iter().for_each(|notifier| notifier.notify_if_older(then));
    }

    fn lock_notifiers(&self) -> MutexGuard<'_, Vec<Arc<Notifier>>> {
        self.notifiers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the counts to add to them. The engine holds the lock only while it swaps them out.
    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the counts since the last call and leaves `empty` in their place.
    pub(super) fn swap_counts(&self, empty: &mut Counts) {
        std::mem::swap(&mut *self.counts(), empty);
    }
}
