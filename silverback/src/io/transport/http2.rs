//! One stream of an HTTP/2 connection (RFC 9113) as the transport of a WebSocket (RFC 8441, 5). Reader and writer have
//! the halves of h2, without a lock between them.

use std::{
    future::poll_fn,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use tokio::{runtime::Handle, time::timeout};

use super::{driven::Driven, socket::Addresses};

/// The receiving half of a stream.
#[derive(Debug)]
pub(crate) struct Http2Reader {
    stream: RecvStream,
    /// The rest of the last DATA frame.
    left: Bytes,
    /// Those of the TCP connection, which all streams share.
    pub(super) addresses: Option<Arc<Addresses>>,
}

impl Http2Reader {
    pub(crate) fn new(stream: RecvStream, addresses: Option<Arc<Addresses>>) -> Self {
        Self { stream, left: Bytes::new(), addresses }
    }

    /// Reads all DATA frames that have arrived and fit, so that a burst costs one read. The peer gets credit only for
    /// copied bytes, because the window bounds the memory that a peer can fill.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        let mut read = 0;
        while into.has_remaining_mut() {
            // Empty DATA frames are legal, and not the end.
            if self.left.is_empty() {
                match self.stream.poll_data(cx) {
                    Poll::Ready(Some(Ok(data))) => self.left = data,
                    // Hand out the bytes read so far first. The next call meets the end or the error again.
                    _ if read > 0 => break,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(to_io(error))),
                    Poll::Ready(None) => return Poll::Ready(Ok(0)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let count = self.left.len().min(into.remaining_mut());
            into.put_slice(&self.left[..count]);
            self.left.advance(count);
            read += count;
        }
        // Fails only if more is released than came.
        let _ = self.stream.flow_control().release_capacity(read);
        Poll::Ready(Ok(read))
    }
}

/// The sending half of a stream. If it is dropped before the end of the stream was sent, it resets the stream: an end in
/// order would tell the peer that everything was said.
#[derive(Debug)]
pub(crate) struct Http2Writer {
    /// `None` after the drop has begun.
    stream: Option<SendStream<Bytes>>,
    has_ended: bool,
    driven: Arc<Driven>,
    /// The turn of the connection at the last write.
    written_in: Option<u64>,
}

impl Http2Writer {
    pub(crate) fn new(stream: SendStream<Bytes>, driven: Arc<Driven>) -> Self {
        Self { stream: Some(stream), has_ended: false, driven, written_in: None }
    }

    /// Sends the slices as one DATA frame, as far as the windows of the peer allow.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let wanted = slices.iter().map(|slice| slice.len()).sum::<usize>();
        stream.reserve_capacity(wanted);
        // h2 reports a capacity of 0 when it has to be asked again.
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(to_io(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let count = stream.capacity().min(wanted);
        let mut data = BytesMut::with_capacity(count);
        for slice in slices {
            let len = slice.len().min(count - data.len());
            data.extend_from_slice(&slice[..len]);
        }
        stream.send_data(data.freeze(), false).map_err(to_io)?;
        self.written_in = Some(self.driven.now());
        // Otherwise this stream would keep its claim on the connection's window while it has nothing to send.
        stream.reserve_capacity(0);
        Poll::Ready(Ok(count))
    }

    /// Sends the end of the stream.
    pub(crate) fn shut_down(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) if !std::mem::replace(&mut self.has_ended, true) => {
                stream.send_data(Bytes::new(), true).map_err(to_io)
            }
            _ => Ok(()),
        }
    }
}

/// Sends a whole body and ends the stream, as fast as the windows of the peer allow. Dropping the future resets the stream.
pub(crate) async fn send_all(mut stream: SendStream<Bytes>, mut body: Bytes) -> io::Result<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let granted = poll_fn(|cx| stream.poll_capacity(cx)).await.ok_or(io::ErrorKind::BrokenPipe)?;
        let piece = body.split_to(granted.map_err(to_io)?.min(body.len()));
        if !piece.is_empty() {
            stream.send_data(piece, body.is_empty()).map_err(to_io)?;
        }
    }
    Ok(())
}

/// A reset discards what h2 has not sent yet. Over TCP the kernel would still send it, so the reset waits for the
/// connection to send.
impl Drop for Http2Writer {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take().filter(|_| !self.has_ended) else { return };
        let waits_for = self.written_in.filter(|&turn| !self.driven.is_past(turn));
        match (waits_for, Handle::try_current()) {
            (Some(turn), Ok(runtime)) => {
                let driven = self.driven.clone();
                runtime.spawn(async move {
                    let _ = timeout(LONGEST_WAIT, driven.past(turn)).await;
                    stream.send_reset(Reason::CANCEL);
                });
            }
            _ => stream.send_reset(Reason::CANCEL),
        }
    }
}

/// How long a reset waits for the connection to send. The next turn of the connection normally comes at once.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Keeps an error of h2 inside, or returns the error of the transport that it holds.
pub(crate) fn to_io(error: h2::Error) -> io::Error {
    if error.is_io() {
        return error.into_io().unwrap_or_else(|| io::ErrorKind::Other.into());
    }
    let kind = match error.reason() {
        Some(Reason::CANCEL | Reason::NO_ERROR | Reason::REFUSED_STREAM) => io::ErrorKind::ConnectionReset,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}
