//! One message read as a stream of bytes.

use std::{
    fmt, io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use silverback_proto::MessageKind;
use tokio::io::{AsyncRead, ReadBuf};

use crate::conn::reader::Reader;

/// Reads one message as it arrives. What is not read is skipped by the next read of the connection.
///
/// Text is checked while it passes: bytes that are not UTF-8 are an error, though a read may end inside a character.
pub struct MessageReader<'a> {
    reader: &'a mut Reader,
    kind: MessageKind,
}

impl<'a> MessageReader<'a> {
    pub(crate) fn new(reader: &'a mut Reader, kind: MessageKind) -> Self {
        Self { reader, kind }
    }

    /// Text or binary.
    pub fn kind(&self) -> MessageKind {
        self.kind
    }
}

impl AsyncRead for MessageReader<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if into.remaining() > 0 {
            into.put_slice(ready!(self.reader.poll_read_piece(cx, into.remaining()))?);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for MessageReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReader").field("kind", &self.kind).finish_non_exhaustive()
    }
}
