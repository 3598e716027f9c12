//! One stream of an HTTP/3 connection before its request is answered.

use std::{
    future::poll_fn,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
};

use bytes::{BufMut as _, Bytes, BytesMut};
use http::Response;
use quinn::{RecvStream, SendStream};
use silverback_proto::{
    Role,
    h3::{Error as Fault, ErrorCode, FieldSection, FrameHeader, Limits, StreamEvent},
};

use crate::{
    io::transport::{
        ReadSide, WriteSide,
        http3::{
            halves,
            link::Link,
            reader::{Http3Reader, StreamError},
            writer::Http3Writer,
        },
    },
    upgrade::UpgradeError,
};

/// A stream whose request is read or not, and not answered.
pub(in crate::upgrade) struct Http3Stream {
    writer: Http3Writer,
    reader: Http3Reader,
    link: Arc<Link>,
    /// Counts the requests of the connection that the client has cancelled.
    cancelled: Arc<AtomicU32>,
    /// Whether the client ended the stream with its request.
    has_ended: bool,
}

impl Http3Stream {
    pub(super) fn new(
        stream: (SendStream, RecvStream),
        limits: Limits,
        link: Arc<Link>,
        cancelled: Arc<AtomicU32>,
    ) -> Self {
        let (writer, reader) = halves(stream, Role::Client, limits, link.clone());
        Self { writer, reader, link, cancelled, has_ended: false }
    }

    /// Reads the head of the request.
    pub(super) async fn read_head(&mut self) -> Result<StreamEvent, UpgradeError> {
        let head = self.reader.read_head().await.map_err(|error| match error {
            StreamError::Fault(fault) => UpgradeError::Http3(fault),
            StreamError::Lost(error) if error.kind() != io::ErrorKind::ConnectionReset => UpgradeError::Io(error),
            StreamError::Lost(_) => UpgradeError::Disconnected,
        })?;
        self.has_ended = self.reader.has_ended().await;
        Ok(head)
    }

    pub(in crate::upgrade) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Notes that the client has cancelled its request.
    pub(super) fn note_cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until the client has reset one of the two sides, or the connection is lost.
    pub(in crate::upgrade) async fn reset(&mut self) {
        let (mut reset, mut stopped) = (pin!(self.reader.is_reset()), pin!(self.writer.is_stopped()));
        poll_fn(|cx| {
            let is_over = reset.as_mut().poll(cx).is_ready() || stopped.as_mut().poll(cx).is_ready();
            if is_over { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.cancelled.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepts the WebSocket, which has the stream from now on.
    pub(in crate::upgrade) async fn open(
        mut self,
        response: Response<()>,
    ) -> Result<(ReadSide, WriteSide), UpgradeError> {
        let head = FieldSection::from_response(&response).map(|section| section.encode_frame()).unwrap_or_default();
        self.writer.send(head).await.map_err(|_| UpgradeError::Disconnected)?;
        Ok((ReadSide::Http3(Box::new(self.reader)), WriteSide::Http3(Box::new(self.writer))))
    }

    /// Reads the body of the request, up to a limit.
    pub(in crate::upgrade) async fn read_body(&mut self, limit: usize) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        while !self.has_ended {
            // One byte more than the limit shows that the body is too large.
            let room = (limit - body.len()).saturating_add(1).min(BODY_CHUNK);
            let read = poll_fn(|cx| self.reader.poll_read(cx, &mut (&mut body).limit(room))).await?;
            self.has_ended = read == 0;
            if body.len() > limit {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
        }
        Ok(body.freeze())
    }

    /// Sends a whole response, and waits until the client has it. A connection that ends earlier would lose it.
    pub(in crate::upgrade) async fn respond(mut self, head: Response<()>, body: Bytes) -> io::Result<()> {
        self.send(ErrorCode::NO_ERROR, &head, body).await
    }

    /// Answers a request that broke a rule of HTTP/3: with a response if the rule has a status, otherwise with a reset.
    pub(super) async fn refuse(mut self, fault: &Fault, response: Response<String>) {
        if fault.ends_connection() {
            return self.link.fail(fault);
        }
        self.reader.stop(fault.code());
        if fault.status().is_none() {
            return self.writer.reset(fault.code());
        }
        let (head, body) = response.into_parts();
        // Fails if the client resets the stream meanwhile, and then it does not wait for the reason.
        let _ = self.send(fault.code(), &Response::from_parts(head, ()), body.into()).await;
    }

    /// `code` tells the client why the rest of its request is not read.
    async fn send(&mut self, code: ErrorCode, head: &Response<()>, body: Bytes) -> io::Result<()> {
        self.reader.stop(code);
        let Ok(section) = FieldSection::from_response(head) else {
            self.writer.reset(ErrorCode::INTERNAL_ERROR);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "HTTP/3 does not have this status"));
        };
        let mut frames = section.encode_frame();
        if !body.is_empty() {
            frames.extend_from_slice(&FrameHeader::data(body.len() as u64).encode());
        }
        self.writer.send(frames).await?;
        self.writer.send(body).await?;
        poll_fn(|cx| self.writer.poll_shut_down(cx)).await
    }
}

/// How much of a body is read at once.
const BODY_CHUNK: usize = 16 * 1024;
