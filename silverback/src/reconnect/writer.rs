//! The writer for tasks other than the one that reads.

use std::{fmt, future::poll_fn, sync::Arc};

use silverback_proto::{CloseCode, Message};
use tokio::sync::watch;

use super::{
    ReconnectError, ReconnectState,
    kept::WriterSink,
    link::{Link, Written},
};
use crate::{conn::writer::Writer, io::output::ChangingRoomWait};

/// Writes to the current connection. Clone it to write from several tasks. It does not connect: only the task that
/// reads from the [`ReconnectingConn`](super::ReconnectingConn) reconnects and is told which messages were not sent.
///
/// It is a `Sink` too.
pub struct ReconnectingWriter {
    link: Arc<Link>,
    may_compress: bool,
    pub(super) sink: WriterSink,
}

/// A clone starts with the options of the original and without its sink state.
impl Clone for ReconnectingWriter {
    fn clone(&self) -> Self {
        Self::new(self.link.clone(), self.may_compress)
    }
}

impl ReconnectingWriter {
    pub(super) fn new(link: Arc<Link>, may_compress: bool) -> Self {
        Self { link, may_compress, sink: WriterSink::default() }
    }

    /// Accepts a message for sending as soon as there is a connection with room in its queue.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::Closed`] if there will be no other connection. The message was then not accepted.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the message was not accepted.
    pub async fn write_message(&self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        let mut message = Some(message.into());
        // Subscribe before the first look, so that no later change is missed.
        let mut states = self.link.states();
        let mut wait = ChangingRoomWait::default();
        loop {
            match poll_fn(|cx| self.link.poll_write(cx, &mut wait, &mut message, self.may_compress)).await {
                Written::Accepted => return Ok(()),
                Written::Closed => return Err(ReconnectError::Closed),
                Written::NotConnected => states.changed().await.map_err(|_| ReconnectError::Closed)?,
            }
        }
    }

    /// Accepts a message if there is a connection with room for it now.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::NotNow`], which returns the message, or with [`ReconnectError::Closed`] as
    /// [`write_message`](Self::write_message) does.
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        self.try_send(message.into()).map_err(|(message, written)| match written {
            Written::Closed => ReconnectError::Closed,
            Written::Accepted | Written::NotConnected => ReconnectError::NotNow(message),
        })
    }

    pub(super) fn try_send(&self, message: Message) -> Result<(), (Message, Written)> {
        self.link.try_write(message, self.may_compress)
    }

    /// Sets whether the messages of this writer may be compressed from now on; see
    /// [`Writer::set_write_compression`](crate::Writer::set_write_compression). Each clone has its own setting. Default:
    /// true.
    pub fn set_write_compression(&mut self, may_compress: bool) {
        self.may_compress = may_compress;
    }

    /// Returns whether the messages of this writer may be compressed.
    pub fn write_compression(&self) -> bool {
        self.may_compress
    }

    /// Waits until the transport has taken everything that the current connection has accepted.
    ///
    /// # Errors
    /// Fails with [`ReconnectError::NotConnected`] if the connection is down, or if it breaks first.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing that was accepted.
    pub async fn flush(&self) -> Result<(), ReconnectError> {
        let writer = self.connection().ok_or(ReconnectError::NotConnected)?;
        writer.flush().await.map_err(|_| ReconnectError::NotConnected)
    }

    /// Starts the closing handshake if there is a connection, and ends a wait or an attempt if there is none. It never
    /// reconnects after this. The reader continues until the end.
    ///
    /// # Errors
    /// Fails if the code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), ReconnectError> {
        Ok(self.link.close(code.into(), reason)?)
    }

    /// Returns the writer of the current connection, for pings and counters, or `None` while there is none. Messages
    /// that you write to it directly are not reported if they are not sent.
    pub fn connection(&self) -> Option<Writer> {
        self.link.writer(self.may_compress)
    }

    /// Returns the current state.
    pub fn state(&self) -> ReconnectState {
        self.link.state()
    }

    /// Returns a receiver of states, to wait for changes. A task that looks rarely may miss states.
    pub fn states(&self) -> watch::Receiver<ReconnectState> {
        self.link.states()
    }
}

impl fmt::Debug for ReconnectingWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingWriter").field("state", &self.state()).finish_non_exhaustive()
    }
}
