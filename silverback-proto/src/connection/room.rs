//! The order in which writers wait for room in the output queue: first come, first served, in bytes.
//! It has neither the queue nor a clock. Its owner says how much fits, and gives it what wakes each writer.

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, num::NonZeroU64};

/// Writers that wait for room, in the order in which they came. `W` is what wakes one.
///
/// A writer that finds room and nobody before it just writes. Otherwise it [waits](Self::wait). When there is room, the owner
/// [calls](Self::call) the first. A writer that was called tries again, and [leaves](Self::leave) when it has written or
/// does not want to any more: then the owner calls the next. Nobody overtakes a writer that waits.
#[derive(Debug)]
pub struct RoomQueue<W> {
    /// By `WaiterId`, ascending.
    waiting: VecDeque<Waiter<W>>,
    /// The last number that was given to one of them.
    last: u64,
}

/// A writer's place among those that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WaiterId(NonZeroU64);

#[derive(Debug)]
struct Waiter<W> {
    id: WaiterId,
    len: usize,
    /// `None` once it was called, until it waits again.
    waker: Option<W>,
    patience: Patience,
}

/// What a writer that was called owes to those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It tries again or leaves, also when it is dropped: the others wait for it.
    Leaves,
    /// Nobody hears of it when it gives up, as with `Sink::poll_ready`: once it was called, the others go on. When it comes
    /// back it is still the first.
    MayVanish,
}

impl<W> Default for RoomQueue<W> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), last: 0 }
    }
}

impl<W> RoomQueue<W> {
    /// Whether nobody waits, called or not.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a writer may go now if its message fits: nobody has to go before it. `None` stands for one that comes just
    /// now.
    pub fn admits(&self, id: Option<WaiterId>) -> bool {
        let before = self.waiting.iter().take_while(|waiter| Some(waiter.id) != id);
        before.into_iter().all(Waiter::lets_pass)
    }

    /// Has a writer with a message of `len` bytes wait. It keeps the place that it has.
    pub fn wait(&mut self, id: &mut Option<WaiterId>, len: usize, patience: Patience, waker: W) {
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

    /// A writer has written, or does not want to any more.
    pub fn leave(&mut self, id: WaiterId) {
        if let Some(place) = self.place(id) {
            self.waiting.remove(place);
        }
    }

    /// Calls the writer whose turn it is, if its message fits: gives what wakes it. To be asked again until nobody is called.
    pub fn call(&mut self, fits: impl Fn(usize) -> bool) -> Option<W> {
        for waiter in &mut self.waiting {
            if waiter.lets_pass() {
                continue;
            }
            // One that was called already is waited for.
            return if fits(waiter.len) { waiter.waker.take() } else { None };
        }
        None
    }

    /// Calls everybody: there will be no room any more.
    pub fn call_all(&mut self) -> impl Iterator<Item = W> {
        self.waiting.iter_mut().filter_map(|waiter| waiter.waker.take())
    }

    fn place(&self, id: WaiterId) -> Option<usize> {
        self.waiting.binary_search_by_key(&id, |waiter| waiter.id).ok()
    }
}

impl<W> Waiter<W> {
    /// Whether those behind it need not wait for it.
    fn lets_pass(&self) -> bool {
        self.patience == Patience::MayVanish && self.waker.is_none()
    }
}
