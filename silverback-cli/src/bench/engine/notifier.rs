//! Wakes the task of a connection when the stage changes or an answer is overdue.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
};

/// Wakes the task of a connection, and gives the reason.
#[derive(Debug)]
pub(super) struct Notifier {
    waker: Mutex<Option<Waker>>,
    /// When the oldest message in flight was sent; `NOTHING` if there is none.
    oldest: AtomicU64,
    /// Whether the oldest message has been in flight for too long.
    is_overdue: AtomicBool,
}

impl Notifier {
    pub(super) fn new() -> Arc<Self> {
        let oldest = AtomicU64::new(NOTHING);
        Arc::new(Self { waker: Mutex::default(), oldest, is_overdue: AtomicBool::new(false) })
    }

    /// Wakes this task from now on. A task keeps its waker, so once is enough.
    pub(super) fn listen(&self, waker: &Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker.clone());
    }

    pub(super) fn notify(&self) {
        if let Some(waker) = &*self.waker.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }

    pub(super) fn note_oldest(&self, sent: Option<u64>) {
        self.oldest.store(sent.unwrap_or(NOTHING), Ordering::Relaxed);
    }

    /// Notifies the task if a message has been in flight since before `then`.
    pub(super) fn notify_if_older(&self, then: u64) {
        if self.oldest.load(Ordering::Relaxed) < then {
            self.is_overdue.store(true, Ordering::Relaxed);
            self.notify();
        }
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.is_overdue.load(Ordering::Relaxed)
    }
}

const NOTHING: u64 = u64::MAX;
