//! A boxed stream that threads can share, although only one uses it at a time.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::byte_stream::ByteStream;

/// Makes a connection `Sync` even if its stream is not. The lock is never taken, because every access has `&mut`.
#[derive(Debug)]
pub(crate) struct Exclusive {
    stream: Mutex<Box<dyn ByteStream>>,
    is_write_vectored: bool,
}

impl Exclusive {
    pub(crate) fn new(stream: Box<dyn ByteStream>) -> Self {
        Self { is_write_vectored: stream.is_write_vectored(), stream: Mutex::new(stream) }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut dyn ByteStream> {
        Pin::new(&mut **self.get_mut().stream.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

impl AsyncRead for Exclusive {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, into)
    }
}

impl AsyncWrite for Exclusive {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.is_write_vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}
