//! The reading half of a blocking connection.

use std::{iter::FusedIterator, net::SocketAddr, time::Duration};

use silverback_proto::{CloseInfo, Event, Incoming, Message, Stats};
use tokio::runtime::Handle;

use super::{MessageReader, inside::Inside, wait::wait};
use crate::error::Error;

/// Reads messages. A reader can run in its own thread. Each read method answers pings, records pongs and replies to
/// Close frames, before it returns anything that arrived after them.
#[derive(Debug)]
pub struct Reader {
    reader: Inside<crate::conn::reader::Reader>,
    timeout: Option<Duration>,
}

impl Reader {
    pub(super) fn new(runtime: &'static Handle, reader: crate::conn::reader::Reader) -> Self {
        Self { reader: Inside::new(runtime, reader), timeout: None }
    }

    /// Waits for the next message and returns it as an owned value, or `None` once the peer has closed. Then
    /// [`close_info`](Self::close_info) says how the connection closed.
    ///
    /// # Errors
    /// Fails if the peer breaks the protocol or exceeds a limit (our Close frame tells it why), if a timeout of the
    /// connection expires, or if the transport fails or ends without a closing handshake. After such an error the
    /// connection is over, and further calls return `None`.
    ///
    /// Fails with [`Error::Wait`] if nothing arrived within the [read timeout](Self::set_read_timeout), or if the call
    /// was made in a task. The connection stays usable, and the next call continues from there.
    pub fn read_message(&mut self) -> Result<Option<Message>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_message())?
    }

    /// Waits for the next message and returns it borrowed until the next call, without a copy or an allocation.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_borrowed(&mut self) -> Result<Option<Incoming<'_>>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_borrowed())?
    }

    /// Waits for the next message, ping, pong or close; see [`Reader::read_event`](crate::Reader::read_event).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_event())?
    }

    /// Waits for the next message and returns it as a stream of bytes ([`std::io::Read`]), or `None` once the peer has
    /// closed. The whole message need not fit into memory.
    ///
    /// The message size limit applies; use [`next_reader_up_to`](Self::next_reader_up_to) for larger messages. The next
    /// call skips the part of the message that was not read.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        let (runtime, timeout) = (self.reader.runtime(), self.timeout);
        let message = wait(runtime, timeout, self.reader.part_mut().next_reader())??;
        Ok(message.map(|message| MessageReader::new(runtime, message, timeout)))
    }

    /// Does the same as [`next_reader`](Self::next_reader), with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        let (runtime, timeout) = (self.reader.runtime(), self.timeout);
        let message = wait(runtime, timeout, self.reader.part_mut().next_reader_up_to(limit))??;
        Ok(message.map(|message| MessageReader::new(runtime, message, timeout)))
    }

    /// Returns an iterator over the messages until the connection ends. An error that ends the connection is the last
    /// item. An expired read timeout is an item too, and the iterator can continue after it.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages { reader: self }
    }

    /// Sets how long a read waits at most. With [`Duration::ZERO`] a read takes only input that is already known to
    /// have arrived. Default: `None`, which waits without limit, but keepalive ends the wait if the peer is gone.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// Returns the timeout set by [`set_read_timeout`](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sets a new message size limit, in bytes; see
    /// [`Reader::set_max_message_size`](crate::Reader::set_max_message_size).
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.part_mut().set_max_message_size(bytes);
    }

    /// Returns the address of the other end; see [`Reader::peer_addr`](crate::Reader::peer_addr).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.part().peer_addr()
    }

    /// Returns the address of our end; see [`Reader::local_addr`](crate::Reader::local_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.part().local_addr()
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.reader.part().close_info()
    }

    /// Returns the counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.part().stats()
    }

    #[cfg(feature = "json")]
    pub(super) fn waiting(&self) -> (&'static Handle, Option<Duration>) {
        (self.reader.runtime(), self.timeout)
    }

    #[cfg(feature = "json")]
    pub(super) fn part_mut(&mut self) -> &mut crate::conn::reader::Reader {
        self.reader.part_mut()
    }

    /// Starts the closing handshake with `start`, and completes it.
    pub(super) fn close(&mut self, start: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let runtime = self.reader.runtime();
        let reader = self.reader.part_mut();
        wait(runtime, None, async {
            start()?;
            while reader.read_message().await?.is_some() {}
            Ok(())
        })?
    }
}

/// The messages of a connection; see [`Reader::messages`].
#[derive(Debug)]
pub struct Messages<'a> {
    reader: &'a mut Reader,
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.reader.read_message().transpose()
    }
}

impl FusedIterator for Messages<'_> {}
