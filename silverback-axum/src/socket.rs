//! The connection in the form that axum's handlers use.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::Error;
use bytes::Bytes;
use futures_core::{FusedStream, Stream};
use futures_sink::Sink;
use http::HeaderValue;
use silverback::{CloseCode, Conn, Event};

use crate::message::Message;

/// A WebSocket connection.
///
/// [`recv`](Self::recv) answers pings and closes, and returns them like messages. Split the connection with
/// `StreamExt::split`, or without a lock with [`into_inner`](Self::into_inner) and [`Conn::split`].
#[derive(Debug)]
pub struct WebSocket {
    conn: Conn,
    protocol: Option<HeaderValue>,
    has_ended: bool,
}

impl WebSocket {
    pub(crate) fn new(conn: Conn) -> Self {
        let protocol = conn.subprotocol().and_then(|name| HeaderValue::from_str(name.as_str()).ok());
        Self { conn, protocol, has_ended: false }
    }

    /// Returns the next message. The last one is a Close frame; after it this returns `None`.
    ///
    /// The axum error contains an error of silverback: `error.into_inner().downcast::<silverback::Error>()`.
    ///
    /// # Cancel safety
    /// Dropping the future loses no message.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Accepts a message for sending as soon as there is room. It leaves at once, or in one write with the replies to
    /// other received messages, at the latest when the task waits.
    ///
    /// # Errors
    /// Fails if the connection is closing or has failed, if a ping or pong has more than 125 bytes, or if a close code
    /// must not be sent.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        poll_fn(|cx| Pin::new(&mut self.conn).poll_ready(cx)).await.map_err(Error::new)?;
        self.start(message)
    }

    /// Returns the negotiated subprotocol.
    pub fn protocol(&self) -> Option<&HeaderValue> {
        self.protocol.as_ref()
    }

    /// Returns the connection itself.
    pub fn into_inner(self) -> Conn {
        self.conn
    }

    fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Message, Error>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let (_, reader) = self.conn.halves();
        let event = ready!(reader.poll_read_event(cx));
        Poll::Ready(match event {
            Ok(Some(event)) => Some(Ok(message_of(event))),
            Ok(None) => {
                self.has_ended = true;
                None
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(Error::new(error)))
            }
        })
    }

    fn start(&mut self, message: Message) -> Result<(), Error> {
        let (writer, _) = self.conn.halves();
        let data = match message {
            Message::Text(text) => silverback::Message::Text(text.into()),
            Message::Binary(bytes) => silverback::Message::Binary(bytes),
            Message::Ping(payload) => return writer.ping(&payload).map_err(Error::new),
            Message::Pong(payload) => return writer.pong(&payload).map_err(Error::new),
            Message::Close(None) => return writer.start_close(CloseCode::NO_STATUS, "").map_err(Error::new),
            Message::Close(Some(close)) => {
                return writer.start_close(close.code, &close.reason).map_err(Error::new);
            }
        };
        Pin::new(&mut self.conn).start_send(data).map_err(Error::new)
    }
}

fn message_of(event: Event<'_>) -> Message {
    match event {
        Event::Message(message) => message.into_message().into(),
        Event::Ping(payload) => Message::Ping(Bytes::copy_from_slice(payload.as_slice())),
        Event::Pong(payload) => Message::Pong(Bytes::copy_from_slice(payload.as_slice())),
        Event::Close(close) => Message::Close(close.map(Into::into)),
    }
}

impl Stream for WebSocket {
    type Item = Result<Message, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl FusedStream for WebSocket {
    fn is_terminated(&self) -> bool {
        self.has_ended
    }
}

/// `poll_close` sends the accepted messages and an empty Close frame. Reading receives the peer's Close frame.
impl Sink<Message> for WebSocket {
    type Error = Error;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.conn).poll_ready(cx).map_err(Error::new)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), Error> {
        self.start(message)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.conn).poll_flush(cx).map_err(Error::new)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.start(Message::Close(None))?;
        Pin::new(&mut self.conn).poll_flush(cx).map_err(Error::new)
    }
}
