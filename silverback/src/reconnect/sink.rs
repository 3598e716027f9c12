//! The reconnecting connection and its writers as `Stream` and `Sink`.

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;
use silverback_proto::{CloseCode, Message};

use super::{ReconnectError, ReconnectingConn, ReconnectingWriter, kept::Boxed, link::Written};

/// The messages, as [`read_message`](ReconnectingConn::read_message) returns them. The stream continues after
/// [`ReconnectError::Undelivered`].
impl Stream for ReconnectingConn {
    type Item = Result<Message, ReconnectError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_read_message(cx).map(Result::transpose)
    }
}

/// A message counts as accepted when the sink is ready again. The errors are those of
/// [`write_message`](ReconnectingConn::write_message), and [`ReconnectError::NotConnected`] for a flush without a
/// connection. `poll_close` sends a Close frame with 1000 if there is a connection, and prevents further ones. It does not
/// read; reading receives the server's Close frame.
impl Sink<Message> for ReconnectingConn {
    type Error = ReconnectError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        self.poll_unsent(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), ReconnectError> {
        if self.sink.unsent.is_some() {
            return Err(ReconnectError::NotNow(message));
        }
        match self.try_send(message) {
            Ok(()) => {}
            Err((_, Written::Closed)) => return Err(ReconnectError::Closed),
            Err((message, _)) => self.sink.unsent = Some(message),
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        ready!(self.poll_unsent(cx))?;
        match ready!(self.poll_flushed(cx)) {
            Some(flushed) => Poll::Ready(flushed),
            None => Poll::Ready(Err(ReconnectError::NotConnected)),
        }
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        ready!(self.poll_unsent(cx))?;
        self.start_close(CloseCode::NORMAL, "")?;
        Poll::Ready(ready!(self.poll_flushed(cx)).unwrap_or(Ok(())))
    }
}

impl ReconnectingConn {
    /// Writes the message that `start_send` could not write.
    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        let mut message = self.sink.unsent.take();
        if message.is_none() {
            return Poll::Ready(Ok(()));
        }
        let mut wait = mem::take(&mut self.sink.wait);
        let written = self.poll_write(cx, &mut wait, &mut message);
        if written.is_pending() {
            (self.sink.unsent, self.sink.wait) = (message, wait);
        }
        written
    }

    /// Flushes the current connection. `None` means that there is none.
    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<(), ReconnectError>>> {
        let Some(current) = self.current_writer() else {
            self.sink.flushing = None;
            return Poll::Ready(None);
        };
        self.sink.flushing.take_if(|writer| !writer.shared().is(current.shared()));
        let flushed = ready!(self.sink.flushing.get_or_insert(current).poll_flushed(cx));
        self.sink.flushing = None;
        Poll::Ready(Some(flushed.map_err(|_| ReconnectError::NotConnected)))
    }
}

/// Polls a future of the sink, if there is one. It is gone when it is ready.
fn poll_pending(
    pending: &mut Option<Boxed<Result<(), ReconnectError>>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), ReconnectError>> {
    let Some(future) = pending else { return Poll::Ready(Ok(())) };
    let done = ready!(future.poll(cx));
    *pending = None;
    Poll::Ready(done)
}

/// As the sink of [`ReconnectingConn`], but it does not connect: while disconnected, it waits for the task that
/// reads to reconnect.
impl Sink<Message> for ReconnectingWriter {
    type Error = ReconnectError;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        poll_pending(&mut self.sink.writing, cx)
    }

    fn start_send(mut self: Pin<&mut Self>, message: Message) -> Result<(), ReconnectError> {
        if self.sink.writing.is_some() {
            return Err(ReconnectError::NotNow(message));
        }
        match self.try_send(message) {
            Ok(()) => {}
            Err((_, Written::Closed)) => return Err(ReconnectError::Closed),
            Err((message, _)) => {
                let writer = self.clone();
                self.sink.writing = Some(Boxed::new(async move { writer.write_message(message).await }));
            }
        }
        Ok(())
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        ready!(poll_pending(&mut self.sink.writing, cx))?;
        if self.sink.flushing.is_none() {
            let writer = self.clone();
            self.sink.flushing = Some(Boxed::new(async move { writer.flush().await }));
        }
        poll_pending(&mut self.sink.flushing, cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), ReconnectError>> {
        ready!(poll_pending(&mut self.sink.writing, cx))?;
        self.start_close(CloseCode::NORMAL, "")?;
        if self.connection().is_none() {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush(cx)
    }
}
