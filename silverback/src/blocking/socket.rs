//! Sockets of the standard library, as streams of the runtime.

use std::{io, net};

use crate::io::transport::ByteStream;

/// A connected socket of the standard library: [`TcpStream`](net::TcpStream) and, where there are Unix sockets,
/// `UnixStream`.
///
/// The connection takes over the socket and makes it non-blocking. Clones of the socket (`try_clone`) become
/// non-blocking too. Timeouts that were set on the socket itself no longer have an effect.
pub trait Socket: sealed::IntoStream {}

impl<S: sealed::IntoStream> Socket for S {}

pub(super) mod sealed {
    use super::{ByteStream, io};

    pub trait IntoStream {
        type Stream: ByteStream;

        /// Must be called inside the runtime.
        fn into_stream(self) -> io::Result<Self::Stream>;
    }
}

impl sealed::IntoStream for net::TcpStream {
    type Stream = tokio::net::TcpStream;

    fn into_stream(self) -> io::Result<Self::Stream> {
        self.set_nonblocking(true)?;
        tokio::net::TcpStream::from_std(self)
    }
}

#[cfg(unix)]
impl sealed::IntoStream for std::os::unix::net::UnixStream {
    type Stream = tokio::net::UnixStream;

    fn into_stream(self) -> io::Result<Self::Stream> {
        self.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(self)
    }
}
