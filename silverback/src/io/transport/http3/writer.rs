//! The sending half of a request stream.

use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use quinn::{SendStream, WriteError};
use silverback_proto::h3::{ErrorCode, FrameHeader, MAX_FRAME_HEADER_LEN};

use super::{codes::varint, shared::Shared};

/// The sending half of a stream. If it is dropped before the end of the stream was sent, it resets the stream: quinn
/// would end it in order, which would tell the peer that everything was said.
pub(crate) struct Http3Writer {
    stream: SendStream,
    /// The part of the last frame that quinn has no room for. Its length is already promised to the peer.
    queued: Bytes,
    /// Ends when the peer has received everything, once our side has ended.
    delivery: Option<Delivery>,
    shared: Arc<Shared>,
}

type Delivery = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl Http3Writer {
    pub(super) fn new(stream: SendStream, shared: Arc<Shared>) -> Self {
        Self { stream, queued: Bytes::new(), delivery: None, shared }
    }

    /// Takes the slices as one DATA frame, up to a limit, if the previous one has left. The part that finds no room is
    /// sent by later calls.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_flush(cx))?;
        let count = slices.iter().map(|slice| slice.len()).sum::<usize>().min(MAX_PAYLOAD);
        let mut frame = BytesMut::with_capacity(MAX_FRAME_HEADER_LEN + count);
        frame.extend_from_slice(&FrameHeader::data(count as u64).encode());
        let end = frame.len() + count;
        for slice in slices {
            let len = slice.len().min(end - frame.len());
            frame.extend_from_slice(&slice[..len]);
        }
        self.queued = frame.freeze();
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(count))
    }

    /// Passes the rest of the last frame to quinn, which sends it by itself.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.queued.is_empty() {
            let chunks = std::slice::from_mut(&mut self.queued);
            let polled = pin!(self.stream.write_chunks(chunks)).poll(cx);
            if let Err(error) = ready!(polled) {
                return Poll::Ready(Err(self.lost(error)));
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Sends whole frames.
    ///
    /// Not cancel safe: the rest is lost.
    pub(crate) async fn send(&mut self, frames: impl Into<Bytes>) -> io::Result<()> {
        self.queued = frames.into();
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Sends the end of the stream, and waits until the peer has received everything. A connection that ends earlier
    /// would lose it.
    pub(crate) fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        if self.delivery.is_none() {
            self.finish()?;
            let stopped = self.stream.stopped();
            // A peer that stops the stream or ends the connection needs nothing more.
            self.delivery = Some(Box::pin(async move { _ = stopped.await }));
        }
        match &mut self.delivery {
            Some(delivery) => delivery.as_mut().poll(cx).map(Ok),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Waits until the peer wants no more of the stream or the connection is lost.
    pub(crate) fn is_stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let stopped = self.stream.stopped();
        async move { _ = stopped.await }
    }

    /// Ends the stream as a failure.
    pub(crate) fn reset(&mut self, code: ErrorCode) {
        self.queued = Bytes::new();
        // Fails only if the stream has ended.
        let _ = self.stream.reset(varint(code));
    }

    fn finish(&mut self) -> io::Result<()> {
        self.shared.is_finished.store(true, Ordering::Relaxed);
        self.stream.finish().map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn lost(&self, error: WriteError) -> io::Error {
        match error {
            WriteError::Stopped(code) => {
                let code = ErrorCode::new(code.into_inner());
                io::Error::new(io::ErrorKind::BrokenPipe, format!("the peer stopped the stream with {code}"))
            }
            WriteError::ConnectionLost(error) => self.shared.link.error(error),
            error => error.into(),
        }
    }
}

impl Drop for Http3Writer {
    fn drop(&mut self) {
        if !self.shared.is_finished.load(Ordering::Relaxed) {
            self.reset(ErrorCode::REQUEST_CANCELLED);
        }
    }
}

impl fmt::Debug for Http3Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http3Writer").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// The most payload of one DATA frame, in bytes. As much is held for a peer that does not read.
const MAX_PAYLOAD: usize = 64 * 1024;
