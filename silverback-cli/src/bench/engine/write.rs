//! A write that continues over several polls. Dropping the future between two polls would lose its place among the
//! waiting writers and, for a large message, the part of the frame that is already made.

use std::{
    fmt,
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use silverback::Error;

/// The write that is under way, if any.
#[derive(Default)]
pub(super) struct PendingWrite(Option<Write>);

type Write = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl PendingWrite {
    pub(super) fn is_pending(&self) -> bool {
        self.0.is_some()
    }

    /// Polls the write that is under way. If there is none, polls `attempt` for a message of this length, and begins
    /// `lasting` if that was not accepted at once. Both write the same message.
    pub(super) fn poll<F>(
        &mut self,
        cx: &mut Context<'_>,
        len: usize,
        attempt: impl Future<Output = Result<(), Error>>,
        lasting: impl FnOnce() -> F,
    ) -> Poll<Result<(), Error>>
    where
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        if self.0.is_none()
            && len <= LARGE
            && let Poll::Ready(written) = pin!(attempt).poll(cx)
        {
            return Poll::Ready(written);
        }
        let write = self.0.get_or_insert_with(|| Box::pin(lasting()));
        let written = ready!(write.as_mut().poll(cx));
        self.0 = None;
        Poll::Ready(written)
    }
}

impl fmt::Debug for PendingWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PendingWrite").field(&self.is_pending()).finish()
    }
}

/// Larger messages are made into frames over several polls.
const LARGE: usize = 64 * 1024;
