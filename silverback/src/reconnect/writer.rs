//! Writing from other tasks than the one that reads.

use std::{fmt, future::poll_fn, sync::Arc};

use silverback_proto::{CloseCode, Message};
use tokio::sync::watch;

use super::{
    ReconnectError, ReconnectState,
    link::{Link, Written},
};
use crate::{conn::writer::Writer, io::output::ChangingRoomWait};

/// Writes to whatever connection there is, from as many tasks as there are clones of it. It is the task that reads from
/// the [`ReconnectingConn`](super::ReconnectingConn) that connects again, and that is told what was not sent.
#[derive(Clone)]
pub struct ReconnectingWriter {
    link: Arc<Link>,
}

impl ReconnectingWriter {
    pub(super) fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// Accepts a message for sending, as soon as there is a connection and room in its queue.
    ///
    /// # Errors
    /// [`ReconnectError::Closed`]: there will be no connection. The message was not accepted.
    ///
    /// # Cancel safety
    /// A future that is dropped before it is ready has accepted nothing.
    pub async fn write_message(&self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        let mut message = Some(message.into());
        // Before the first look, so that no change is missed after it.
        let mut states = self.link.states();
        let mut wait = ChangingRoomWait::default();
        loop {
            match poll_fn(|cx| self.link.poll_write(cx, &mut wait, &mut message)).await {
                Written::Accepted => return Ok(()),
                Written::Closed => return Err(ReconnectError::Closed),
                Written::NotConnected => states.changed().await.map_err(|_| ReconnectError::Closed)?,
            }
        }
    }

    /// Accepts a message if there is a connection with room for it now.
    ///
    /// # Errors
    /// [`ReconnectError::NotNow`] gives the message back; [`ReconnectError::Closed`] as
    /// [`write_message`](Self::write_message).
    pub fn try_write_message(&self, message: impl Into<Message>) -> Result<(), ReconnectError> {
        self.link.try_write(message.into()).map_err(|(message, written)| match written {
            Written::Closed => ReconnectError::Closed,
            Written::Accepted | Written::NotConnected => ReconnectError::NotNow(message),
        })
    }

    /// Waits until everything that the connection of the moment has accepted has been given to its transport.
    ///
    /// # Errors
    /// [`ReconnectError::NotConnected`]: there is none, or it broke before.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn flush(&self) -> Result<(), ReconnectError> {
        let writer = self.link.writer().ok_or(ReconnectError::NotConnected)?;
        writer.flush().await.map_err(|_| ReconnectError::NotConnected)
    }

    /// Starts the closing handshake if there is a connection, and ends a wait or an attempt if there is none. Nothing
    /// comes back after it; the reader goes on until the end.
    ///
    /// # Errors
    /// The code must not be sent (RFC 6455, 7.4).
    pub fn start_close(&self, code: impl Into<CloseCode>, reason: &str) -> Result<(), ReconnectError> {
        Ok(self.link.close(code.into(), reason)?)
    }

    /// The writer of the connection of the moment, for pings and counters. What is written to it directly is not
    /// reported when it is not sent.
    pub fn connection(&self) -> Option<Writer> {
        self.link.writer()
    }

    /// Where it stands.
    pub fn state(&self) -> ReconnectState {
        self.link.state()
    }

    /// Where it stands, to be waited for. Who looks rarely may miss states between.
    pub fn states(&self) -> watch::Receiver<ReconnectState> {
        self.link.states()
    }
}

impl fmt::Debug for ReconnectingWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReconnectingWriter").field("state", &self.state()).finish_non_exhaustive()
    }
}
