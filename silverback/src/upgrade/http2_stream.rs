//! One stream of an HTTP/2 connection before its request is answered.

use std::{
    future::poll_fn,
    io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use h2::{RecvStream, server::SendResponse};
use http::Response;
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::UpgradeError;
use crate::io::transport::{
    ReadSide, WriteSide,
    driven::Driven,
    http2::{Http2Reader, Http2Writer, send_all},
    socket::Addresses,
};

/// A stream whose request is not answered.
pub(super) struct Http2Stream {
    pub(super) received: RecvStream,
    pub(super) respond: SendResponse<Bytes>,
    /// Counts the WebSockets and the unanswered requests of the connection.
    pub(super) busy: Arc<Driven>,
    pub(super) addresses: Option<Arc<Addresses>>,
    /// Bounds the unanswered requests.
    pub(super) _room: Option<OwnedSemaphorePermit>,
}

impl Http2Stream {
    /// Whether the client ended the stream with its request.
    pub(super) fn has_ended(&self) -> bool {
        self.received.is_end_stream()
    }

    /// Completes if the client resets the stream.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.respond.poll_reset(cx).map(|_| ())
    }

    /// Accepts the WebSocket, which has the stream from now on.
    pub(super) fn open(mut self, response: Response<()>) -> Result<(ReadSide, WriteSide), UpgradeError> {
        let sender = self.respond.send_response(response, false).map_err(|_| UpgradeError::Disconnected)?;
        Ok((
            ReadSide::Http2(Box::new(Http2Reader::new(self.received, self.addresses))),
            WriteSide::Http2(Box::new(Http2Writer::new(sender, self.busy))),
        ))
    }

    /// Reads the body of the request, up to a limit.
    pub(super) async fn read_body(&mut self, limit: usize) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        while let Some(data) = poll_fn(|cx| self.received.poll_data(cx)).await {
            let data = data.map_err(io::Error::other)?;
            if data.len() > limit - body.len() {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            body.extend_from_slice(&data);
            // Fails only if more is released than came.
            let _ = self.received.flow_control().release_capacity(data.len());
        }
        Ok(body.freeze())
    }

    /// Sends a whole response and ends the stream. h2 keeps a small body until the client makes room for it. While it does,
    /// the stream counts for the limit on streams.
    ///
    /// With `drains`, it then reads the body of the request for a second at most. Otherwise h2 tells the client to send no
    /// more (RST_STREAM with NO_ERROR, RFC 9113, 8.1), which some clients take for a failure, and lose the response.
    pub(super) async fn respond(mut self, head: Response<()>, body: Bytes, drains: bool) -> io::Result<()> {
        let mut sender = self.respond.send_response(head, body.is_empty()).map_err(io::Error::other)?;
        match body.len() {
            0 => {}
            1..=SEND_BUFFER => sender.send_data(body, true).map_err(io::Error::other)?,
            _ => send_all(sender, body).await?,
        }
        if drains {
            let _ = timeout(DRAIN_TIME, self.drain()).await;
        }
        Ok(())
    }

    /// Reads what is left of the request, up to a limit.
    async fn drain(&mut self) {
        let mut left = MAX_DRAINED;
        while let Some(Ok(data)) = poll_fn(|cx| self.received.poll_data(cx)).await {
            // The window does not grow, so the client cannot send much more than the limit.
            left = left.saturating_sub(data.len());
            if left == 0 {
                return;
            }
        }
    }
}

/// The most bytes of a body that are read after the response. A stream has a window of this size.
const MAX_DRAINED: usize = 64 * 1024;
/// Long enough for a body that is on its way. A client that never ends its body has its response.
const DRAIN_TIME: Duration = Duration::from_secs(1);

/// What h2 buffers for each stream beside our own queue.
pub(super) const SEND_BUFFER: usize = 64 * 1024;
