//! One message written as a stream of bytes, blocking.

use std::{fmt, io, time::Duration};

use tokio::{io::AsyncWriteExt, runtime::Handle};

use super::{inside::Inside, wait::wait};
use crate::error::Error;

/// Writes one message in fragments; see [`MessageWriter`](crate::MessageWriter). [`finish`](Self::finish) ends the
/// message.
///
/// A write that waits longer than the timeout fails with [`io::ErrorKind::WouldBlock`] and has taken nothing. The timeout
/// is that of the connection or writer when this message was begun; a later change does not reach it.
///
/// A writer that is dropped before its message is finished closes the connection with 1011, because the peer must not
/// take a part of the message for the whole.
///
/// ```
/// use std::io::Write;
///
/// # fn run(conn: &mut silverback::blocking::Conn) -> Result<(), Box<dyn std::error::Error>> {
/// let mut message = conn.next_writer(silverback::MessageKind::Text)?;
/// for number in 0..1000 {
///     writeln!(message, "{number}")?;
/// }
/// message.finish()?;
/// # Ok(()) }
/// ```
pub struct MessageWriter {
    message: Inside<crate::conn::message_writer::MessageWriter>,
    timeout: Option<Duration>,
}

impl MessageWriter {
    pub(super) fn new(
        runtime: &'static Handle,
        message: crate::conn::message_writer::MessageWriter,
        timeout: Option<Duration>,
    ) -> Self {
        Self { message: Inside::new(runtime, message), timeout }
    }

    /// Ends the message.
    ///
    /// # Errors
    /// Fails if the connection is closing or has failed, or if the text ends inside a character. After [`Error::Wait`]
    /// the message has not ended. Call this again.
    pub fn finish(&mut self) -> Result<(), Error> {
        wait(self.message.runtime(), self.timeout, self.message.part_mut().finish())?
    }
}

impl io::Write for MessageWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        wait(self.message.runtime(), self.timeout, self.message.part_mut().write(bytes))?
    }

    fn flush(&mut self) -> io::Result<()> {
        wait(self.message.runtime(), self.timeout, self.message.part_mut().flush())?
    }
}

impl fmt::Debug for MessageWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.part().fmt(f)
    }
}
