//! The order in which writers wait for room in the output queue: first come, first served.
//! It knows neither the queue nor a clock. Its owner says how much fits, and passes in what wakes each writer.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, num::NonZeroU64};

/// The writers that wait for room, in their order of arrival. A `W` wakes one writer.
///
/// A writer writes at once if there is room and no other writer waits. Otherwise it [waits](Self::wait). When there is
/// room, the owner [calls](Self::call) the first writer. This writer tries again, and [leaves](Self::leave) when it has
/// written or gives up. Then the owner calls the next one. No writer overtakes one that waits.
#[derive(Debug)]
pub(super) struct RoomQueue<W> {
    /// Sorted by `WaiterId`.
    waiting: VecDeque<Waiter<W>>,
    /// The last number that a writer got.
    last: u64,
}

/// Identifies a waiting writer. Lower numbers are served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaiterId(NonZeroU64);

#[derive(Debug)]
struct Waiter<W> {
    id: WaiterId,
    len: usize,
    /// `None` from the call of the writer until it waits again.
    waker: Option<W>,
    patience: Patience,
}

/// How the other writers treat one that was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// The others wait for it. It always tries again or leaves, even when it is dropped.
    Leaves,
    /// The others do not wait for it, because it may give up silently, as with `Sink::poll_ready`. If it tries again,
    /// it is still the first.
    MayVanish,
}

impl<W> Default for RoomQueue<W> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), last: 0 }
    }
}

impl<W> RoomQueue<W> {
    /// Whether no writer waits, called or not.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether no other writer comes before this one, so that it may write if its message fits. `None` means a new
    /// writer.
    pub(super) fn admits(&self, id: Option<WaiterId>) -> bool {
        let before = self.waiting.iter().take_while(|waiter| Some(waiter.id) != id);
        before.into_iter().all(Waiter::lets_pass)
    }

    /// Lets a writer with a message of `len` bytes wait. A writer that waits already keeps its position.
    pub(super) fn wait(&mut self, id: &mut Option<WaiterId>, len: usize, patience: Patience, waker: W) {
        let found = id.and_then(|id| self.place(id));
        match found.and_then(|place| self.waiting.get_mut(place)) {
            Some(waiter) => (waiter.len, waiter.waker) = (len, Some(waker)),
            None => {
                self.last += 1;
                let new = WaiterId(NonZeroU64::MIN.saturating_add(self.last));
                self.waiting.push_back(Waiter { id: new, len, waker: Some(waker), patience });
                *id = Some(new);
            }
        }
    }

    /// Removes a writer that has written or gives up.
    pub(super) fn leave(&mut self, id: WaiterId) {
        if let Some(place) = self.place(id) {
            self.waiting.remove(place);
        }
    }

    /// Calls the next writer if its message fits, and returns what wakes it. Call this until it returns `None`.
    pub(super) fn call(&mut self, fits: impl Fn(usize) -> bool) -> Option<W> {
        for waiter in &mut self.waiting {
            if waiter.lets_pass() {
                continue;
            }
            // This writer was called before, and the others wait for it.
            return if fits(waiter.len) { waiter.waker.take() } else { None };
        }
        None
    }

    /// Calls all writers, because there will be no room any more.
    pub(super) fn call_all(&mut self) -> impl Iterator<Item = W> {
        self.waiting.iter_mut().filter_map(|waiter| waiter.waker.take())
    }

    fn place(&self, id: WaiterId) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |waiter| waiter.id).ok()
    }
}

impl<W> Waiter<W> {
    /// Whether the writers behind it need not wait for it.
    fn lets_pass(&self) -> bool {
        self.patience == Patience::MayVanish && self.waker.is_none()
    }
}
