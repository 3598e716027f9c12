//! The receiving half of a request stream.

use std::{
    fmt,
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use bytes::{Buf, BufMut, Bytes};
use quinn::{ReadError, RecvStream};
use silverback_proto::{
    Role,
    h3::{Error, ErrorCode, Limits, RequestStream, StreamEvent},
};

use tokio::task::coop::consume_budget;

use super::{
    codes::{PeerReset, varint},
    link::Link,
    shared::Shared,
};
use crate::io::yields::yields;

/// The receiving half of a stream. Dropping it tells the peer to send no more.
pub(crate) struct Http3Reader {
    stream: RecvStream,
    frames: RequestStream,
    /// Received bytes that are not handled.
    left: Bytes,
    /// How many bytes at the front of `left` are payload of a DATA frame.
    payload: usize,
    shared: Arc<Shared>,
    /// Ends when the peer has been told that the connection is over.
    leaving: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl Http3Reader {
    pub(super) fn new(stream: RecvStream, sender: Role, limits: Limits, shared: Arc<Shared>) -> Self {
        Self {
            stream,
            frames: RequestStream::new(sender, limits),
            left: Bytes::new(),
            payload: 0,
            shared,
            leaving: None,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.shared.link
    }

    /// Reads the head of the peer's message.
    ///
    /// Cancel safe.
    pub(crate) async fn read_head(&mut self) -> Result<StreamEvent, StreamError> {
        loop {
            while !self.left.is_empty() {
                let handled = self.frames.handle_input(&self.left)?;
                self.left.advance(handled.consumed);
                if let Some(event) = handled.event {
                    return Ok(event);
                }
            }
            match poll_fn(|cx| self.poll_chunk(cx, MAX_CHUNK)).await {
                Ok(true) => {}
                // No head has come, so this reports that it is missing.
                Ok(false) => {
                    self.frames.handle_end()?;
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
                }
                Err(error) => return Err(self.lost(error).into()),
            }
            // Frames without meaning must not keep this thread busy.
            consume_budget().await;
        }
    }

    /// Returns whether the peer has ended its side after the head, as far as it has arrived.
    pub(crate) async fn has_ended(&mut self) -> bool {
        poll_fn(|cx| {
            // The next read reports an error.
            Poll::Ready(self.left.is_empty() && matches!(self.poll_chunk(cx, MAX_CHUNK), Poll::Ready(Ok(false))))
        })
        .await
    }

    /// Waits until the peer has reset the stream or the connection is lost. Bytes that were not read stay.
    pub(crate) async fn is_reset(&mut self) {
        // `None` is a clean end.
        if let Ok(None) = self.stream.received_reset().await {
            std::future::pending().await
        }
    }

    /// Reads the payload of all DATA frames that have arrived and fits, so that a burst costs one read. The peer gets
    /// credit for the bytes that are taken, because its window bounds the memory that it can fill.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        let (mut read, mut skipped) = (0, 0);
        while into.has_remaining_mut() {
            if self.payload > 0 {
                let count = self.payload.min(into.remaining_mut());
                into.put_slice(&self.left[..count]);
                self.left.advance(count);
                self.payload -= count;
                read += count;
            } else if !self.left.is_empty() {
                skipped += self.find_payload()?;
            } else if skipped >= SKIPPED_PER_TURN {
                // Frames without meaning must not keep this thread busy.
                if read > 0 {
                    break;
                }
                ready!(yields(cx));
                skipped = 0;
            } else {
                // No more than fits, so that the peer gets credit for nothing else.
                let room = into.remaining_mut();
                match self.poll_chunk(cx, room) {
                    Poll::Ready(Ok(true)) => {}
                    // Hand out the bytes read so far first. The next call meets the end or the error again.
                    _ if read > 0 => break,
                    Poll::Ready(Ok(false)) => {
                        self.frames.handle_end().map_err(|fault| self.fail(&fault))?;
                        return Poll::Ready(Ok(0));
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(self.lost(error))),
                    Poll::Pending => return Poll::Pending,
                }
            }
        }
        Poll::Ready(Ok(read))
    }

    /// Ends the connection if this is its last stream and both sides of it have ended. Waits until the peer is told,
    /// because the program may exit right after.
    pub(crate) fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let leaving = match &mut self.leaving {
            Some(leaving) => leaving,
            None if self.shared.is_finished.load(Ordering::Relaxed) && self.shared.is_last() => {
                let shared = self.shared.clone();
                self.leaving.insert(Box::pin(async move { shared.link.leave().await }))
            }
            None => return Poll::Ready(()),
        };
        leaving.as_mut().poll(cx)
    }

    /// Takes the next bytes of the stream, if `left` is empty. Returns false at the end of the stream.
    fn poll_chunk(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<Result<bool, ReadError>> {
        let chunk = ready!(pin!(self.stream.read_chunk(most, true)).poll(cx))?;
        Poll::Ready(Ok(chunk.is_some_and(|chunk| {
            self.left = chunk.bytes;
            true
        })))
    }

    /// Handles `left` up to the next payload. Returns how many bytes were not payload.
    fn find_payload(&mut self) -> io::Result<usize> {
        let handled = self.frames.handle_input(&self.left).map_err(|fault| self.fail(&fault))?;
        // The payload is the last part of the bytes that were handled.
        self.payload = match handled.event {
            Some(StreamEvent::Data(range)) => range.len(),
            _ => 0,
        };
        let skipped = handled.consumed - self.payload;
        self.left.advance(skipped);
        Ok(skipped)
    }

    /// Tells the peer to send no more, and why.
    pub(crate) fn stop(&mut self, code: ErrorCode) {
        // Fails only if the stream has ended.
        let _ = self.stream.stop(varint(code));
    }

    fn fail(&mut self, fault: &Error) -> io::Error {
        if fault.ends_connection() {
            self.shared.link.fail(fault);
        } else {
            self.stop(fault.code());
        }
        io::Error::new(io::ErrorKind::InvalidData, fault.clone())
    }

    fn lost(&self, error: ReadError) -> io::Error {
        match error {
            ReadError::Reset(code) => PeerReset::into_error(code),
            ReadError::ConnectionLost(error) => self.shared.link.error(error),
            error => error.into(),
        }
    }
}

impl fmt::Debug for Http3Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http3Reader").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Drop for Http3Reader {
    fn drop(&mut self) {
        let is_finished = self.shared.is_finished.load(Ordering::Relaxed);
        self.stop(if is_finished { ErrorCode::NO_ERROR } else { ErrorCode::REQUEST_CANCELLED });
    }
}

/// Why no head could be read.
#[derive(Debug)]
pub(crate) enum StreamError {
    /// The peer broke a rule of HTTP/3.
    Fault(Error),
    /// The stream or its connection is lost.
    Lost(io::Error),
}

impl From<Error> for StreamError {
    fn from(fault: Error) -> Self {
        Self::Fault(fault)
    }
}

impl From<io::Error> for StreamError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// The most bytes to take from a stream at a time while it has no DATA.
const MAX_CHUNK: usize = 4 * 1024;
/// After this many bytes outside of DATA frames, other tasks run.
const SKIPPED_PER_TURN: usize = 64 * 1024;
