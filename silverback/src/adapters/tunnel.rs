//! A connection as a tunnel of bytes. Written bytes are sent in binary messages, and reads return the payload of
//! received ones. The boundaries between messages have no meaning.

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
    /// Turns the connection into a tunnel of bytes.
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
/// Reads return the bytes of all messages in order, as they arrive, and store no message. The stream ends when the peer
/// closes with 1000, with 1001 or without a code. Any other code is an error, because the peer may not have sent
/// everything ([`close_info`](Self::close_info) has the code). Text is rejected with 1003 unless it is
/// [accepted](Self::accept_text).
///
/// Each write becomes a message, which is sent at once as far as the transport takes it. If you make many small writes,
/// put a [`BufWriter`](tokio::io::BufWriter) around the tunnel. A write waits for room as [`Conn::write_message`] does.
/// Message size limits do not apply, because messages are not stored.
///
/// Shutting the tunnel down sends a Close frame with 1000 after the written bytes. You can continue to read until the
/// peer has replied, for at most [`Config::close_timeout`](crate::Config::close_timeout). A WebSocket cannot stay open
/// in one direction only. If the tunnel is dropped after that, its closing handshake is completed in the background. If
/// it is dropped before, the connection ends without a Close frame, as a dropped [`Conn`] does.
///
/// The tunnel is cancel safe wherever the caller's functions over `AsyncRead` and `AsyncWrite` are.
#[derive(Debug)]
pub struct Tunnel {
    conn: Conn,
    joining: Joining,
    max_chunk_size: usize,
    accepts_text: bool,
    /// Whether a text message was rejected. Nothing after it belongs to the stream.
    refused_text: bool,
}

impl Tunnel {
    /// Sets the largest message to send, in bytes, for peers with a smaller limit. Default:
    /// [`write_buffer_size`](crate::Settings::write_buffer_size), which is 64 KiB unless it was changed. A message of
    /// more than 64 KiB is compressed or masked in one call, without yielding.
    pub fn max_chunk_size(mut self, bytes: usize) -> Self {
        self.max_chunk_size = bytes.max(1);
        self
    }

    /// Reads text messages as if they were binary. Default: text is rejected with 1003.
    pub fn accept_text(mut self) -> Self {
        self.accepts_text = true;
        self
    }

    /// Returns how the connection closed or is closing, or `None` while it is open.
    pub fn close_info(&self) -> Option<CloseInfo> {
        self.conn.close_info()
    }

    /// Returns the connection, borrowed, for example for its [statistics](Conn::stats) or its
    /// [subprotocol](Conn::subprotocol).
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Returns the connection, to use it for messages again. All written bytes were accepted for sending. The rest of a
    /// message that was being read is skipped.
    pub fn into_conn(self) -> Conn {
        self.conn
    }

    /// Returns an error if the peer did not close the tunnel as the end of the stream.
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

    /// Starts the closing handshake, if it has not started yet. Ready when the Close frame has left. Reads continue
    /// until the peer's Close frame arrives.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let writer = self.conn.writer_mut();
        writer.start_close(CloseCode::NORMAL, "")?;
        writer.poll_flushed(cx).map_err(io::Error::from)
    }
}

fn text_refused() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a text message came through a tunnel of bytes")
}
