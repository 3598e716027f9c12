//! One message written as a stream of bytes (RFC 6455, 5.4).

use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use silverback_proto::{
    CloseCode, CloseFrame,
    connection::{FlushFor, LARGE_MESSAGE, Polled},
};
use tokio::io::AsyncWrite;

use crate::{error::Error, io::output::SharedHandle};

/// Writes one message in fragments. A fragment is as large as the connection's write buffer, and 64 KiB at most.
/// [`finish`](Self::finish) or `shutdown` ends the message.
///
/// A writer that is dropped before that closes the connection with 1011, because the peer must not take a part of the
/// message for the whole.
pub struct MessageWriter {
    shared: SharedHandle,
    /// Bytes that were not sent as a fragment yet. Always <= fragment_size.
    gathered: Vec<u8>,
    fragment_size: usize,
    is_finished: bool,
}

impl MessageWriter {
    pub(crate) fn new(shared: SharedHandle, fragment_size: usize) -> Self {
        // Fragments are compressed and copied under the lock, so they must not be larger.
        let fragment_size = fragment_size.min(LARGE_MESSAGE);
        Self { shared, gathered: Vec::new(), fragment_size, is_finished: false }
    }

    /// Ends the message.
    ///
    /// # Errors
    /// Fails if the connection is closing or has failed, or if the text ends inside a character.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message has not ended. Call this again.
    pub async fn finish(&mut self) -> Result<(), Error> {
        poll_fn(|cx| self.poll_finish(cx)).await
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.is_finished {
            ready!(self.shared.poll_send_fragment(cx, &self.gathered, true))?;
            self.is_finished = true;
            self.gathered = Vec::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_fragment(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.shared.poll_send_fragment(cx, &self.gathered, false))?;
        self.gathered.clear();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for MessageWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_finished {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if self.gathered.len() >= self.fragment_size {
            ready!(self.poll_fragment(cx))?;
        }
        let count = bytes.len().min(self.fragment_size - self.gathered.len());
        self.gathered.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.gathered.is_empty() {
            ready!(self.poll_fragment(cx))?;
        }
        self.shared.poll_flush(cx, FlushFor::Polled(Polled::MessageWriter)).map_err(io::Error::from)
    }

    /// Ends the message. The connection stays open.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_finish(cx).map_err(io::Error::from)
    }
}

impl Drop for MessageWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            let close = CloseFrame::new(CloseCode::INTERNAL_ERROR, "a message was not finished");
            self.shared.start_close(close.ok());
        }
    }
}

impl fmt::Debug for MessageWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageWriter").field("gathered", &self.gathered.len()).finish_non_exhaustive()
    }
}
