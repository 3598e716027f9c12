//! The reading half of a blocking connection.

use std::{iter::FusedIterator, net::SocketAddr, time::Duration};

use silverback_proto::{CloseInfo, Event, Message, MessageRef, Stats};
use tokio::runtime::Handle;

use super::{MessageReader, inside::Inside, wait::wait};
use crate::error::Error;

/// Reads messages, in a thread of its own if that is wanted. Pings are answered, pongs taken note of and closes replied
/// to inside, before anything that came after them is handed out.
#[derive(Debug)]
pub struct Reader {
    reader: Inside<crate::conn::reader::Reader>,
    timeout: Option<Duration>,
}

impl Reader {
    pub(super) fn new(runtime: &'static Handle, reader: crate::conn::reader::Reader) -> Self {
        Self { reader: Inside::new(runtime, reader), timeout: None }
    }

    /// Waits for the next message, owned; `None` once the peer has closed, of which [`close_info`](Self::close_info)
    /// tells more.
    ///
    /// # Errors
    /// The peer broke the protocol or a limit (it has been told), a time budget ran out, or the transport ended without
    /// a closing handshake. After such an error the connection is over, and further calls return `None`.
    ///
    /// [`Error::Wait`]: nothing came in the time that was [set](Self::set_read_timeout), and the next call goes on where
    /// this one was; or the call was made in a task.
    pub fn read_message(&mut self) -> Result<Option<Message>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_message())?
    }

    /// Waits for the next message, lent until the next call: no copy, no allocation.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_borrowed(&mut self) -> Result<Option<MessageRef<'_>>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_borrowed())?
    }

    /// Waits for the next message, ping, pong or close; see [`Reader::read_event`](crate::Reader::read_event).
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn read_event(&mut self) -> Result<Option<Event<'_>>, Error> {
        wait(self.reader.runtime(), self.timeout, self.reader.part_mut().read_event())?
    }

    /// Waits for the next message, as a stream of bytes ([`std::io::Read`]), so that it needs no memory of its size;
    /// `None` once the peer has closed.
    ///
    /// The limit on messages holds; see [`next_reader_up_to`](Self::next_reader_up_to) for larger ones. What is not
    /// read of the message is skipped by the next call.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader(&mut self) -> Result<Option<MessageReader<'_>>, Error> {
        let (runtime, timeout) = (self.reader.runtime(), self.timeout);
        let message = wait(runtime, timeout, self.reader.part_mut().next_reader())??;
        Ok(message.map(|message| MessageReader::new(runtime, message, timeout)))
    }

    /// [`next_reader`](Self::next_reader) with another limit on the message, in bytes.
    ///
    /// # Errors
    /// As [`read_message`](Self::read_message).
    pub fn next_reader_up_to(&mut self, limit: u64) -> Result<Option<MessageReader<'_>>, Error> {
        let (runtime, timeout) = (self.reader.runtime(), self.timeout);
        let message = wait(runtime, timeout, self.reader.part_mut().next_reader_up_to(limit))??;
        Ok(message.map(|message| MessageReader::new(runtime, message, timeout)))
    }

    /// The messages until the connection ends, as an iterator; an error that ends the connection is the last item. Time
    /// that ran out is an item too, after which the next can be asked for.
    pub fn messages(&mut self) -> Messages<'_> {
        Messages { reader: self }
    }

    /// How long a read waits at most. Default: `None`, without end; but keepalive ends the wait for a peer that is gone.
    /// With [`Duration::ZERO`] a read takes only what is known to have come.
    pub fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.timeout = timeout;
    }

    /// What was set by [`set_read_timeout`](Self::set_read_timeout).
    pub fn read_timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// Sets the limit on messages anew, in bytes; see
    /// [`Reader::set_max_message_size`](crate::Reader::set_max_message_size).
    pub fn set_max_message_size(&mut self, bytes: u64) {
        self.reader.part_mut().set_max_message_size(bytes);
    }

    /// The address of the other end; see [`Reader::peer_addr`](crate::Reader::peer_addr).
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.reader.part().peer_addr()
    }

    /// The address of our end; see [`Reader::local_addr`](crate::Reader::local_addr).
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.reader.part().local_addr()
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.reader.part().close_info()
    }

    /// The counters of the connection.
    pub fn stats(&self) -> Stats {
        self.reader.part().stats()
    }

    /// Starts the closing handshake and does it to its end.
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
