//! An in-memory transport for tokio, and the test's end of it. It has no clock and no random source: its behaviour
//! follows from the calls and from the [`Plan`] of each direction.
//!
//! Pass the [`Pipe`] to the code under test. With the [`Remote`] the test sends, checks the written bytes, causes
//! faults of the network and counts the calls.
//!
//! ```
//! use silverback_testkit::pipe::{Plan, pipe};
//! use silverback_testkit::wire::{ping, pong, text};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let (mut pipe, remote) = pipe();
//! remote.plan_reads(Plan::new().read_at_most(3));
//! remote.send("Hello");
//!
//! let mut buffer = [0; 16];
//! assert_eq!(pipe.read(&mut buffer).await?, 3);
//! assert_eq!(pipe.read(&mut buffer).await?, 2);
//!
//! pipe.write_all(&pong("?").encode()).await?;
//! remote.expect(pong("?")).await;
//! assert_eq!(remote.counters().reads, 2);
//! # Ok(()) }
//! ```

mod plan;
mod remote;
mod state;

pub use plan::Plan;
pub use remote::Remote;
pub use state::Counters;

use state::{Shared, State};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Creates a transport. Returns the end for the code under test and the end for the test.
#[must_use]
pub fn pipe() -> (Pipe, Remote) {
    let shared = Arc::<Shared>::default();
    (Pipe(Arc::clone(&shared)), Remote::new(shared))
}

/// The end for the code under test. It may be read and written by two tasks (`tokio::io::split`).
///
/// The test sees that it was dropped by [`Remote::is_dropped`].
#[derive(Debug)]
pub struct Pipe(Arc<Shared>);

impl Pipe {
    fn call<R>(&self, call: impl FnOnce(&mut State) -> R) -> R {
        self.0.change(|state| {
            state.news = true;
            call(state)
        })
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.call(|state| state.poll_read(cx, buf))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let slices = [IoSlice::new(bytes)];
        self.call(|state| state.poll_write(cx, &slices))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.call(|state| {
            if state.outbound.plain_writes_only {
                let first = slices.iter().position(|slice| !slice.is_empty());
                let first = first.map_or(&[][..], |place| &slices[place..=place]);
                return state.poll_write(cx, first);
            }
            let result = state.poll_write(cx, slices);
            state.counters.vectored_writes += usize::from(result.is_ready());
            result
        })
    }

    fn is_write_vectored(&self) -> bool {
        self.0.change(|state| !state.outbound.plain_writes_only)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.call(|state| {
            let result = state.poll_flush(cx);
            state.counters.flushes += usize::from(result.is_ready());
            result
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.call(|state| {
            let result = state.poll_flush(cx);
            if result.is_ready() {
                state.counters.shutdowns += 1;
                state.outbound.shut_down = true;
            }
            result
        })
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.call(|state| state.outbound.dropped = true);
    }
}

#[cfg(test)]
mod tests;
