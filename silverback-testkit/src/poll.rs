//! Polling by hand, for tests of wake-ups and of futures that are dropped early.
//!
//! ```
//! use std::{future, pin::pin, task::Poll};
//! use silverback_testkit::poll::{CountingWaker, poll_once};
//!
//! assert_eq!(poll_once(future::ready(1)), Poll::Ready(1));
//!
//! let waker = CountingWaker::new();
//! let mut forever = pin!(future::pending::<()>());
//! assert!(waker.poll(forever.as_mut()).is_pending());
//! assert_eq!(waker.count(), 0);
//! ```

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls a future once, with a waker that does nothing. Pass a pinned `&mut` to continue with the future afterwards; a
/// future passed by value is dropped.
pub fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A waker that counts how often it was woken. Clones of [`CountingWaker::waker`] share a count; two `CountingWaker`s
/// stand for two tasks.
#[derive(Debug, Default)]
pub struct CountingWaker(Arc<Count>);

impl CountingWaker {
    /// Creates a waker with a count of 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns how often it was woken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Returns the waker itself, for a [`Context`].
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    /// Polls a future once with this waker.
    pub fn poll<F: Future>(&self, future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(&self.waker()))
    }
}

#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Returns a future that polls `future` at most `polls` times and then drops it, like a timeout or a `select!`. Its
/// output is `Some` if `future` finished, `None` if it was dropped.
///
/// ```
/// use std::{future, task::Poll};
/// use silverback_testkit::poll::{drop_after_polls, poll_once};
///
/// assert_eq!(poll_once(drop_after_polls(1, future::ready(1))), Poll::Ready(Some(1)));
/// assert_eq!(poll_once(drop_after_polls(1, future::pending::<()>())), Poll::Ready(None));
/// ```
pub fn drop_after_polls<F: Future>(polls: usize, future: F) -> DropAfterPolls<F> {
    DropAfterPolls { left: polls, future: Some(Box::pin(future)) }
}

/// The future of [`drop_after_polls`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct DropAfterPolls<F> {
    left: usize,
    /// `None` once it is done or dropped.
    future: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for DropAfterPolls<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.left > 0 {
            self.left -= 1;
            let Some(future) = &mut self.future else {
                panic!("drop_after_polls was polled after it had ended");
            };
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                self.future = None;
                return Poll::Ready(Some(output));
            }
        }
        if self.left > 0 {
            return Poll::Pending;
        }
        self.future = None;
        Poll::Ready(None)
    }
}

#[cfg(test)]
#[path = "poll_tests.rs"]
mod tests;
