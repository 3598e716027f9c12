//! Accepts sockets from the listeners. An error of one socket or a lack of descriptors neither ends the loop nor makes
//! it spin.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::sockets::{AsyncListener, Listener, Peer, Stream};
use crate::error::{self, Error};

/// The listeners of a thread. There may be none.
#[derive(Debug)]
pub(crate) struct Acceptor {
    listeners: Vec<AsyncListener>,
    /// The listener to poll first. It rotates, so that a busy listener does not starve the others.
    first: usize,
}

impl Acceptor {
    /// Needs a runtime.
    pub(crate) fn new(listeners: impl IntoIterator<Item = Listener>) -> Result<Self, Error> {
        let listeners: io::Result<_> = listeners.into_iter().map(Listener::into_async).collect();
        let listeners = listeners.map_err(|error| Error::System(format!("cannot listen: {error}")))?;
        Ok(Self { listeners, first: 0 })
    }

    /// Returns the next socket, however long it takes.
    ///
    /// Cancel safe: an accepted socket is always returned.
    pub(crate) async fn accept(&mut self) -> (Stream, Peer) {
        loop {
            match poll_fn(|cx| self.poll_accept(cx)).await {
                Ok(accepted) => return accepted,
                Err(error) if is_of_one_socket(&error) => {}
                Err(error) => {
                    report(&error);
                    // The process is out of descriptors or memory. The socket waits in the kernel until some are free.
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, Peer)>> {
        self.first = (self.first + 1) % self.listeners.len().max(1);
        let (before, after) = self.listeners.split_at(self.first);
        for listener in after.iter().chain(before) {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

/// Reports at most once a minute over all threads.
fn report(error: &io::Error) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| last.elapsed() >= BETWEEN_REPORTS) {
        *last = Some(Instant::now());
        error::report(&format_args!("cannot accept connections at the moment: {error}"));
    }
}

/// Whether the client disconnected before it was accepted.
fn is_of_one_socket(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

const PAUSE: Duration = Duration::from_millis(100);
const BETWEEN_REPORTS: Duration = Duration::from_secs(60);
