//! One message read as a stream of bytes, blocking.

use std::{fmt, io, time::Duration};

use silverback_proto::MessageKind;
use tokio::{io::AsyncReadExt, runtime::Handle};

use super::wait::wait;

/// Reads one message as it arrives; see [`MessageReader`](crate::MessageReader).
///
/// A read that waits longer than the timeout fails with [`io::ErrorKind::WouldBlock`]. The next read continues from
/// there.
///
/// ```
/// # fn run(conn: &mut silverback::blocking::Conn) -> Result<(), Box<dyn std::error::Error>> {
/// if let Some(mut message) = conn.next_reader_up_to(10 << 30)? {
///     std::io::copy(&mut message, &mut std::fs::File::create("upload")?)?;
/// }
/// # Ok(()) }
/// ```
pub struct MessageReader<'a> {
    runtime: &'static Handle,
    message: crate::conn::reader::MessageReader<'a>,
    timeout: Option<Duration>,
}

impl<'a> MessageReader<'a> {
    pub(super) fn new(
        runtime: &'static Handle,
        message: crate::conn::reader::MessageReader<'a>,
        timeout: Option<Duration>,
    ) -> Self {
        Self { runtime, message, timeout }
    }

    /// Returns whether the message is text or binary.
    pub fn kind(&self) -> MessageKind {
        self.message.kind()
    }
}

impl io::Read for MessageReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        wait(self.runtime, self.timeout, self.message.read(into))?
    }
}

impl fmt::Debug for MessageReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}
