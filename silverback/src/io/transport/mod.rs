//! The stream below a connection: TCP sockets, Unix sockets and streams of HTTP/2 and HTTP/3 directly, anything else in
//! one box.

mod byte_stream;
#[cfg(feature = "http2")]
pub(crate) mod driven;
mod exclusive;
#[cfg(feature = "http2")]
pub(crate) mod http2;
#[cfg(feature = "http3")]
pub(crate) mod http3;
pub(crate) mod socket;
mod tcp_progress;
pub(crate) mod wire;

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use bytes::BufMut;
use socket2::SockRef;
#[cfg(unix)]
use tokio::net::{UnixStream, unix};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    net::{TcpStream, tcp},
};

pub use self::byte_stream::ByteStream;
#[cfg(feature = "http2")]
use self::http2::{Http2Reader, Http2Writer};
#[cfg(feature = "http3")]
use self::http3::{reader::Http3Reader, writer::Http3Writer};
use self::{
    byte_stream::take_as,
    exclusive::Exclusive,
    socket::{Addresses, socket_under},
    tcp_progress::TcpProgress,
    wire::Wire,
};
use crate::io::sync::{self, ReadHalf, WriteHalf};

/// Splits a stream into its halves. TCP and Unix sockets keep their own types, which is faster.
pub(crate) fn split(stream: impl ByteStream) -> (ReadSide, WriteSide) {
    let mut stream = Some(stream);
    if let Some(wire) = take_as::<Wire>(&mut stream) {
        return match wire {
            Wire::Tcp(stream) => split(stream),
            #[cfg(unix)]
            Wire::Unix(stream) => split(stream),
            Wire::Other(stream) => split(stream),
        };
    }
    if let Some(tcp) = take_as::<TcpStream>(&mut stream) {
        // Nagle's algorithm would add up to 40 ms. Output is gathered already, so small packets are rare.
        let _ = tcp.set_nodelay(true);
        bound_unsent(&tcp);
        let (read, write) = tcp.into_split();
        return (ReadSide::Tcp(read), WriteSide::Tcp(write));
    }
    #[cfg(unix)]
    if let Some(unix) = take_as::<UnixStream>(&mut stream) {
        let (read, write) = unix.into_split();
        return (ReadSide::Unix(read), WriteSide::Unix(write));
    }
    let stream: Option<Box<dyn ByteStream>> = match take_as::<Box<dyn ByteStream>>(&mut stream) {
        Some(boxed) => Some(boxed),
        None => stream.map(|stream| Box::new(stream) as Box<dyn ByteStream>),
    };
    match stream {
        Some(stream) => {
            let addresses = Addresses::of(&stream);
            socket_under(&stream).into_iter().for_each(bound_unsent);
            let (read, write) = sync::split(Exclusive::new(stream));
            match addresses {
                Some(addresses) => {
                    (ReadSide::Layered(Box::new((read, addresses))), WriteSide::Layered(Box::new((write, addresses))))
                }
                None => (ReadSide::Other(read), WriteSide::Other(write)),
            }
        }
        None => (ReadSide::Closed, WriteSide::Closed),
    }
}

/// Limits the bytes that our kernel accepts and has not sent. Pings and Close frames cannot overtake such bytes, and
/// they say nothing about the peer. Bytes in flight to the peer are not limited.
fn bound_unsent(socket: &TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    // A kernel that refuses this accepts more, as on other systems.
    let _ = SockRef::from(socket).set_tcp_notsent_lowat(MAX_UNSENT);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

/// 128 KiB cost nothing measurable, even with large messages (docs/decisions.md).
#[cfg(any(target_os = "linux", target_os = "android"))]
const MAX_UNSENT: u32 = 128 * 1024;

/// The read side of a transport.
#[derive(Debug)]
pub(crate) enum ReadSide {
    Tcp(tcp::OwnedReadHalf),
    #[cfg(unix)]
    Unix(unix::OwnedReadHalf),
    /// A stream on a TCP connection, such as TLS. Boxed, so that other connections need no memory for the addresses.
    Layered(Box<(ReadHalf<Exclusive>, Addresses)>),
    Other(ReadHalf<Exclusive>),
    #[cfg(feature = "http2")]
    Http2(Box<Http2Reader>),
    #[cfg(feature = "http3")]
    Http3(Box<Http3Reader>),
    Closed,
}

impl ReadSide {
    /// Returns whether this is one of several streams on a connection.
    pub(crate) fn is_multiplexed(&self) -> bool {
        match self {
            #[cfg(feature = "http2")]
            Self::Http2(_) => true,
            #[cfg(feature = "http3")]
            Self::Http3(_) => true,
            _ => false,
        }
    }

    /// Returns the peer's address of a connection of TCP or QUIC, while it is open.
    pub(crate) fn peer_addr(&self) -> Option<SocketAddr> {
        match self {
            #[cfg(feature = "http3")]
            Self::Http3(reader) => Some(reader.link().peer_addr()),
            _ => Some(self.addresses()?.peer),
        }
    }

    /// Returns our address of a connection of TCP or QUIC, while it is open.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        match self {
            #[cfg(feature = "http3")]
            Self::Http3(reader) => reader.link().local_addr(),
            _ => Some(self.addresses()?.local),
        }
    }

    /// Returns the addresses of a TCP connection, while it is open.
    fn addresses(&self) -> Option<Addresses> {
        match self {
            Self::Tcp(half) => Some(Addresses { peer: half.peer_addr().ok()?, local: half.local_addr().ok()? }),
            Self::Layered(layered) => Some(layered.1),
            #[cfg(feature = "http2")]
            Self::Http2(reader) => reader.addresses.as_deref().copied(),
            _ => None,
        }
    }

    /// Returns whether input waits in the kernel, if the kernel can be asked. The runtime may not know of the input
    /// yet.
    pub(crate) fn has_unread(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = match self {
            Self::Tcp(half) => SockRef::from(half.as_ref()).peek(&mut byte),
            #[cfg(unix)]
            Self::Unix(half) => SockRef::from(half.as_ref()).peek(&mut byte),
            _ => return false,
        };
        // The end of the stream and an error count as input too.
        !peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Tells the peer of HTTP/3 that the connection is over, if its last stream has ended on both sides.
    pub(crate) fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        #[cfg(feature = "http3")]
        if let Self::Http3(reader) = self {
            return reader.poll_leave(cx);
        }
        let _ = cx;
        Poll::Ready(())
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        #[cfg(feature = "http2")]
        if let Self::Http2(reader) = self {
            return reader.poll_read(cx, &mut &mut *into);
        }
        #[cfg(feature = "http3")]
        if let Self::Http3(reader) = self {
            return reader.poll_read(cx, &mut &mut *into);
        }
        let mut into = ReadBuf::new(into);
        let polled = match self {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, &mut into),
            #[cfg(unix)]
            Self::Unix(half) => Pin::new(half).poll_read(cx, &mut into),
            Self::Layered(layered) => Pin::new(&mut layered.0).poll_read(cx, &mut into),
            Self::Other(half) => Pin::new(half).poll_read(cx, &mut into),
            #[cfg(feature = "http2")]
            Self::Http2(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "http3")]
            Self::Http3(_) => Poll::Ready(Ok(())),
            Self::Closed => Poll::Ready(Ok(())),
        };
        polled.map_ok(|()| into.filled().len())
    }

    /// Reads into uninitialized memory. Dropping the inner future after one poll loses nothing.
    pub(crate) fn poll_read_buf(&mut self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(half) => pin!(half.read_buf(into)).poll(cx),
            #[cfg(unix)]
            Self::Unix(half) => pin!(half.read_buf(into)).poll(cx),
            Self::Layered(layered) => pin!(layered.0.read_buf(into)).poll(cx),
            Self::Other(half) => pin!(half.read_buf(into)).poll(cx),
            #[cfg(feature = "http2")]
            Self::Http2(reader) => reader.poll_read(cx, into),
            #[cfg(feature = "http3")]
            Self::Http3(reader) => reader.poll_read(cx, into),
            Self::Closed => Poll::Ready(Ok(0)),
        }
    }
}

/// The write side of a transport.
#[derive(Debug)]
pub(crate) enum WriteSide {
    Tcp(tcp::OwnedWriteHalf),
    #[cfg(unix)]
    Unix(unix::OwnedWriteHalf),
    /// The same as [`ReadSide::Layered`].
    Layered(Box<(WriteHalf<Exclusive>, Addresses)>),
    Other(WriteHalf<Exclusive>),
    #[cfg(feature = "http2")]
    Http2(Box<Http2Writer>),
    #[cfg(feature = "http3")]
    Http3(Box<Http3Writer>),
    Closed,
}

impl WriteSide {
    /// Asks the system how much output the peer's side of a TCP connection has acknowledged. `None` if it cannot be
    /// asked.
    pub(crate) fn tcp_progress(&self) -> Option<TcpProgress> {
        match self {
            Self::Tcp(half) => {
                TcpProgress::of(&Addresses { peer: half.peer_addr().ok()?, local: half.local_addr().ok()? })
            }
            Self::Layered(layered) => TcpProgress::of(&layered.1),
            _ => None,
        }
    }

    /// Writes with one system call. A single slice is a plain write, which costs a little less.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        #[cfg(feature = "http2")]
        if let Self::Http2(writer) = self {
            return writer.poll_write(cx, slices);
        }
        #[cfg(feature = "http3")]
        if let Self::Http3(writer) = self {
            return writer.poll_write(cx, slices);
        }
        match (self.as_async_write(), slices) {
            (Some(writer), [slice]) => writer.poll_write(cx, slice),
            (Some(writer), slices) if writer.is_write_vectored() => writer.poll_write_vectored(cx, slices),
            (Some(writer), slices) => writer.poll_write(cx, slices.first().map_or(&[], |slice| slice)),
            (None, _) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Flushes a layer between us and the socket. Sockets hold nothing back.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Layered(layered) => Pin::new(&mut layered.0).poll_flush(cx),
            Self::Other(half) => Pin::new(half).poll_flush(cx),
            #[cfg(feature = "http3")]
            Self::Http3(writer) => writer.poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Shuts down the write side.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        #[cfg(feature = "http2")]
        if let Self::Http2(writer) = self {
            return Poll::Ready(writer.shut_down());
        }
        #[cfg(feature = "http3")]
        if let Self::Http3(writer) = self {
            return writer.poll_shut_down(cx);
        }
        match self.as_async_write() {
            Some(writer) => writer.poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    /// Marks the transport as broken, so that dropping a socket does not shut it down.
    pub(crate) fn note_broken(&mut self) {
        match std::mem::replace(self, Self::Closed) {
            Self::Tcp(half) => half.forget(),
            #[cfg(unix)]
            Self::Unix(half) => half.forget(),
            other => *self = other,
        }
    }

    fn as_async_write(&mut self) -> Option<Pin<&mut (dyn AsyncWrite + Unpin)>> {
        let writer: &mut (dyn AsyncWrite + Unpin) = match self {
            Self::Tcp(half) => half,
            #[cfg(unix)]
            Self::Unix(half) => half,
            Self::Layered(layered) => &mut layered.0,
            Self::Other(half) => half,
            #[cfg(feature = "http2")]
            Self::Http2(_) => return None,
            #[cfg(feature = "http3")]
            Self::Http3(_) => return None,
            Self::Closed => return None,
        };
        Some(Pin::new(writer))
    }
}
