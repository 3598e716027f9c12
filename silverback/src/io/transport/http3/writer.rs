//! The sending half of a request stream.

use std::{
    fmt,
    future::{Future, poll_fn},
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use quinn::{SendStream, WriteError};
use silverback_proto::h3::{ErrorCode, FrameHeader, MAX_FRAME_HEADER_LEN};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout_at},
};

use super::{codes::varint, shared::Shared};

/// The sending half of a stream. If it is dropped before the end of the stream was sent, it resets the stream: quinn
/// would end it in order, which would tell the peer that everything was said. A reset discards what the peer has not read
/// yet, so it follows some time after the last bytes.
pub(crate) struct Http3Writer {
    /// `None` after the drop has begun.
    stream: Option<SendStream>,
    /// The part of the last frame that quinn has no room for. Its length is already promised to the peer.
    queued: Bytes,
    /// Ends when the peer has received everything or is silent, once our side has ended.
    delivery: Option<Delivery>,
    /// When the last bytes of the WebSocket were written.
    written: Option<Instant>,
    shared: Arc<Shared>,
}

type Delivery = Pin<Box<dyn Future<Output = ()> + Send + Sync>>;

impl Http3Writer {
    pub(super) fn new(stream: SendStream, shared: Arc<Shared>) -> Self {
        Self { stream: Some(stream), queued: Bytes::new(), delivery: None, written: None, shared }
    }

    /// Returns the number of the stream. `None` if it was reset.
    pub(crate) fn id(&self) -> Option<u64> {
        Some(self.stream.as_ref()?.id().into())
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
        self.written = Some(Instant::now());
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(count))
    }

    /// Passes the rest of the last frame to quinn, which sends it by itself.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.queued.is_empty() {
            let Some(stream) = &mut self.stream else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
            let chunks = std::slice::from_mut(&mut self.queued);
            let polled = pin!(stream.write_chunks(chunks)).poll(cx);
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

    /// Sends the end of the stream, and waits until the peer has received everything or seems to be gone. A connection
    /// that ends earlier would lose it.
    pub(crate) fn poll_shut_down(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        let Some(stream) = &mut self.stream else { return Poll::Ready(Ok(())) };
        let delivery = match &mut self.delivery {
            Some(delivery) => delivery,
            None => {
                self.shared.is_finished.store(true, Ordering::Relaxed);
                stream.finish().map_err(|_| io::ErrorKind::BrokenPipe)?;
                // A peer that stops the stream or ends the connection needs nothing more.
                let (stopped, shared) = (stream.stopped(), self.shared.clone());
                self.delivery.insert(Box::pin(async move { shared.link.wait_for_delivery(stopped).await }))
            }
        };
        delivery.as_mut().poll(cx).map(Ok)
    }

    /// Waits until the peer wants no more of the stream or the connection is lost.
    pub(crate) fn is_stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let stopped = self.stream.as_ref().map(SendStream::stopped);
        async move {
            if let Some(stopped) = stopped {
                let _ = stopped.await;
            }
        }
    }

    /// Ends the stream as a failure, at once.
    pub(crate) fn reset(&mut self, code: ErrorCode) {
        if let Some(mut stream) = self.stream.take() {
            // Fails only if the stream has ended.
            let _ = stream.reset(varint(code));
        }
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

/// Over TCP the kernel would still send what was written, and the peer would read it. quinn does not tell when the peer has
/// acknowledged it, so the reset follows after a few round trips.
impl Drop for Http3Writer {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        if self.shared.is_finished.load(Ordering::Relaxed) {
            return;
        }
        let code = varint(ErrorCode::REQUEST_CANCELLED);
        let delay =
            self.shared.link.connection().rtt().saturating_mul(ROUND_TRIPS).clamp(SHORTEST_DELAY, LONGEST_DELAY);
        let due = self.written.map(|written| written + delay).filter(|&due| due > Instant::now());
        match (due, Handle::try_current()) {
            (Some(due), Ok(runtime)) => {
                // The share keeps the connection open until then.
                let shared = self.shared.clone();
                runtime.spawn(async move {
                    // A peer that stops the stream reads nothing more.
                    let _ = timeout_at(due, stream.stopped()).await;
                    let _ = stream.reset(code);
                    drop(shared);
                });
            }
            // Fails only if the stream has ended.
            _ => _ = stream.reset(code),
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
/// How long after the last write a reset comes, in round trips, and its bounds. A peer acknowledges after one, and may
/// read a little later.
const ROUND_TRIPS: u32 = 4;
const SHORTEST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
