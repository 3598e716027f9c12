//! The stream to the server during a dial. TCP and Unix sockets keep their types, so that the connection stays fast.

use std::{
    any::Any,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::byte_stream::{ByteStream, take_as};

#[derive(Debug)]
pub(crate) enum Wire {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
    Other(Box<dyn ByteStream>),
}

impl Wire {
    pub(crate) fn new(stream: impl ByteStream) -> Self {
        let mut stream = Some(stream);
        let known = take_as::<TcpStream>(&mut stream).map(Self::Tcp);
        #[cfg(unix)]
        let known = known.or_else(|| take_as::<UnixStream>(&mut stream).map(Self::Unix));
        let known = known.or_else(|| take_as::<Box<dyn ByteStream>>(&mut stream).map(Self::Other));
        match (known, stream) {
            (Some(wire), _) => wire,
            (None, Some(stream)) => Self::Other(Box::new(stream)),
            (None, None) => unreachable!("a stream that was taken became a wire"),
        }
    }

    pub(crate) fn stream(&self) -> &dyn Any {
        match self {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
            Self::Other(stream) => stream,
        }
    }

    fn reader(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncRead + Unpin)> {
        Pin::new(match self.get_mut() {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
            Self::Other(stream) => stream,
        })
    }

    fn writer(self: Pin<&mut Self>) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        Pin::new(match self.get_mut() {
            Self::Tcp(stream) => stream,
            #[cfg(unix)]
            Self::Unix(stream) => stream,
            Self::Other(stream) => stream,
        })
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.reader().poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writer().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            #[cfg(unix)]
            Self::Unix(stream) => stream.is_write_vectored(),
            Self::Other(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }
}
