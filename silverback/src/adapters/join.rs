//! Joins consecutive messages into one stream of bytes.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use silverback_proto::MessageKind;
use tokio::io::{AsyncRead, ReadBuf};

use crate::conn::{Conn, reader::Reader};

impl Conn {
    /// Returns all following messages as one stream of bytes; see [`Reader::join_messages`].
    ///
    /// ```
    /// use tokio::io::{AsyncBufReadExt, BufReader};
    ///
    /// # async fn show(mut conn: silverback::Conn) -> std::io::Result<()> {
    /// let mut lines = BufReader::new(conn.join_messages("\n")).lines();
    /// while let Some(line) = lines.next_line().await? {
    ///     println!("{line}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn join_messages(&mut self, terminator: impl Into<Bytes>) -> JoinedMessages<'_> {
        self.reader.join_messages(terminator)
    }
}

impl Reader {
    /// Returns all following messages as one stream of bytes, each followed by `terminator`, which may be empty. The
    /// stream ends when the peer closes. It contains text and binary messages alike. Text is validated while it is
    /// read. The message size limit applies to each message.
    ///
    /// If a message is not read to its end, the next read of the connection skips the rest.
    pub fn join_messages(&mut self, terminator: impl Into<Bytes>) -> JoinedMessages<'_> {
        JoinedMessages { reader: self, terminator: terminator.into(), joining: Joining::default() }
    }
}

/// All messages of a connection as one stream of bytes, made by [`Reader::join_messages`].
///
/// # Errors
/// Reads fail as [`Reader::read_message`] does, once. Then the stream ends.
pub struct JoinedMessages<'a> {
    reader: &'a mut Reader,
    terminator: Bytes,
    joining: Joining,
}

impl AsyncRead for JoinedMessages<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { reader, terminator, joining } = &mut *self;
        let limit = reader.max_message_size();
        joining.poll_read(cx, Messages { reader, terminator, limit, begin: |_| Ok(()) }, into)
    }
}

impl fmt::Debug for JoinedMessages<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinedMessages").field("terminator", &self.terminator).finish_non_exhaustive()
    }
}

/// The position in a sequence of messages. It borrows nothing between calls.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    step: Step,
    /// An error that followed bytes of the same read. The next read reports it.
    error: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Step {
    #[default]
    Between,
    Inside,
    /// This many bytes of the terminator have been read.
    After(usize),
    Ended,
}

/// The messages to join.
pub(crate) struct Messages<'a, B> {
    pub(crate) reader: &'a mut Reader,
    pub(crate) terminator: &'a [u8],
    /// The size limit of each message, in bytes.
    pub(crate) limit: u64,
    /// Accepts or rejects a message by its kind, before its payload is read.
    pub(crate) begin: B,
}

impl Joining {
    /// Reads until `into` is full or no more input is at hand. If it adds no byte, the stream has ended.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        mut messages: Messages<'_, impl FnMut(MessageKind) -> io::Result<()>>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(error) = self.error.take() {
            return Poll::Ready(Err(error));
        }
        let room = into.remaining();
        while into.remaining() > 0 && self.step != Step::Ended {
            let polled = self.poll_step(cx, &mut messages, into);
            let has_read = into.remaining() < room;
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) if has_read => {
                    self.error = Some(error);
                    break;
                }
                Poll::Pending if has_read => break,
                waits_or_fails => return waits_or_fails,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Returns whether the connection has ended, cleanly or not.
    pub(crate) fn has_ended(&self) -> bool {
        self.step == Step::Ended
    }

    fn poll_step(
        &mut self,
        cx: &mut Context<'_>,
        messages: &mut Messages<'_, impl FnMut(MessageKind) -> io::Result<()>>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Messages { reader, terminator, limit, begin } = messages;
        self.step = match self.step {
            Step::Between => match ready!(reader.poll_start_streaming(cx, *limit))? {
                Some(kind) => {
                    begin(kind)?;
                    Step::Inside
                }
                None => Step::Ended,
            },
            Step::Inside => match ready!(reader.poll_read_piece(cx, into.remaining())) {
                Ok([]) => Step::After(0),
                Ok(piece) => {
                    into.put_slice(piece);
                    Step::Inside
                }
                Err(error) => {
                    self.step = Step::Between;
                    return Poll::Ready(Err(error.into()));
                }
            },
            Step::After(given) => {
                let rest = &terminator[given..];
                let count = rest.len().min(into.remaining());
                into.put_slice(&rest[..count]);
                if count == rest.len() { Step::Between } else { Step::After(given + count) }
            }
            Step::Ended => Step::Ended,
        };
        Poll::Ready(Ok(()))
    }
}
