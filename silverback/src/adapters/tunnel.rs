//! A connection as a tunnel of bytes: what is written goes out in binary messages, and what they hold is read. Where a
//! message begins and ends means nothing.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use silverback_proto::{CloseCode, CloseInfo, MessageKind, MessageRef};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    adapters::join::{Joining, Messages},
    conn::Conn,
};

impl Conn {
    /// The connection as a tunnel of bytes.
    ///
    /// ```
    /// # async fn forward(conn: silverback::Conn) -> std::io::Result<()> {
    /// let mut database = tokio::net::TcpStream::connect("127.0.0.1:5432").await?;
    /// tokio::io::copy_bidirectional(&mut conn.into_tunnel(), &mut database).await?;
    /// # Ok(()) }
    /// ```
    pub fn into_tunnel(mut self) -> Tunnel {
        let (writer, _) = self.halves();
        let max_chunk_size = writer.fragment_size();
        Tunnel { conn: self, joining: Joining::default(), max_chunk_size, accepts_text: false, refused_text: false }
    }
}

/// A connection as `AsyncRead + AsyncWrite`, made by [`Conn::into_tunnel`].
///
/// Reading gives the bytes of all messages in a row, as they come, and holds none. It ends when the peer has closed with
/// 1000 or 1001 or without a code; any other code is an error, because what was sent may then not be all of it
/// ([`close_info`](Self::close_info) has the code). Text is refused with 1003 unless it is
/// [accepted](Self::accept_text).
///
/// Each write is a message of its own, and leaves at once as far as the transport takes it: put a
/// [`BufWriter`](tokio::io::BufWriter) around the tunnel if writes are small and many. A write waits for room as
/// [`Conn::write_message`] does. Limits on messages do not count here: nothing is kept of them.
///
/// Shutting down sends a Close frame with 1000 behind what was written. Reading goes on until the peer has answered it,
/// within [`Config::close_timeout`](crate::Config::close_timeout): a WebSocket has no direction that stays open after
/// the other. A tunnel that is dropped after that has its closing handshake finished in the background; one that is
/// dropped before ends without a Close frame, as a [`Conn`] does.
///
/// All of it is cancel safe, as far as the caller's functions over `AsyncRead` and `AsyncWrite` are.
#[derive(Debug)]
pub struct Tunnel {
    conn: Conn,
    joining: Joining,
    max_chunk_size: usize,
    accepts_text: bool,
    /// A text message has come: whatever follows is not the stream.
    refused_text: bool,
}

impl Tunnel {
    /// Largest message that is sent, in bytes. Default: as
    /// [`write_buffer_size`](crate::Settings::write_buffer_size), 64 KiB. For peers that take less. One of more than 64 KiB is
    /// compressed or masked in one call, without a yield.
    pub fn max_chunk_size(mut self, bytes: usize) -> Self {
        self.max_chunk_size = bytes.max(1);
        self
    }

    /// Reads the bytes of text messages as those of binary ones. Default: they are refused with 1003.
    pub fn accept_text(mut self) -> Self {
        self.accepts_text = true;
        self
    }

    /// How the connection ended, or is ending; `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.conn.close_info()
    }

    /// The connection, lent: for what a stream of bytes has no word for, as its
    /// [statistics](Conn::stats) or its [subprotocol](Conn::subprotocol).
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// The connection, for messages again. All that was written is accepted; what is left of a message that was being
    /// read is skipped.
    pub fn into_conn(self) -> Conn {
        self.conn
    }

    /// The peer has closed: whether that was the end of the stream.
    fn end(&self) -> io::Result<()> {
        match self.conn.close_info() {
            Some(info) if info.is_unexpected([CloseCode::NORMAL, CloseCode::GOING_AWAY, CloseCode::NO_STATUS]) => {
                let text = format!("the peer ended the tunnel with {}: {}", info.code, info.reason.escape_debug());
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, text))
            }
            _ => Ok(()),
        }
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.refused_text {
            return Poll::Ready(Err(text_refused()));
        }
        let had = into.filled().len();
        let (writer, reader) = this.conn.halves();
        let (accepts_text, refused_text) = (this.accepts_text, &mut this.refused_text);
        let begin = |kind| {
            if kind == MessageKind::Text && !accepts_text {
                *refused_text = true;
                writer.start_close(CloseCode::UNSUPPORTED, "a tunnel takes binary messages")?;
                return Err(text_refused());
            }
            Ok(())
        };
        ready!(this.joining.poll_read(cx, Messages { reader, terminator: &[], limit: u64::MAX, begin }, into))?;
        let is_end = this.joining.has_ended() && into.filled().len() == had;
        Poll::Ready(if is_end { this.end() } else { Ok(()) })
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let chunk = &bytes[..bytes.len().min(self.max_chunk_size)];
        if !chunk.is_empty() {
            let writer = self.conn.writer_mut();
            ready!(writer.poll_write_borrowed(cx, MessageRef::Binary(chunk)))?;
        }
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.conn.writer_mut().poll_flushed(cx).map_err(io::Error::from)
    }

    /// Starts the closing handshake, once. Ready when the Close frame has left; reading goes on until the peer's has come.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writer = self.conn.writer_mut();
        writer.start_close(CloseCode::NORMAL, "")?;
        writer.poll_flushed(cx).map_err(io::Error::from)
    }
}

fn text_refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a text message came through a tunnel of bytes")
}
