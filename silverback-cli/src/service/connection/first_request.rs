//! The first request of a connection: the opening handshake of the echo, or bytes for an HTTP server.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use silverback::handshake::{
    ServerHandshake,
    http1::{HeadReader, Progress, parse_request},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What came first.
#[derive(Debug)]
pub(crate) enum FirstRequest {
    Handshake(Box<Handshake>),
    /// Anything else, as far as it was read.
    Other(Vec<u8>),
}

/// A handshake that the echo may accept.
#[derive(Debug)]
pub(crate) struct Handshake {
    pub(crate) handshake: ServerHandshake,
    /// What came behind it.
    pub(crate) early: Vec<u8>,
}

impl FirstRequest {
    /// Reads until it is clear what it is.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut input = Vec::with_capacity(CHUNK);
        let mut reader = HeadReader::new(MAX_HEAD);
        loop {
            let known = input.len();
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(Self::Other(input));
            }
            if !may_be_for_echo(&input) {
                return Ok(Self::Other(input));
            }
            match reader.handle_input(&input[known..]) {
                Ok(Progress::NeedMore) => {}
                Ok(Progress::Complete { consumed }) => return Ok(Self::judge(input, known + consumed)),
                Err(_) => return Ok(Self::Other(input)),
            }
        }
    }

    fn judge(mut input: Vec<u8>, head: usize) -> Self {
        let request = parse_request(&input[..head]).ok();
        let handshake = request.and_then(|request| ServerHandshake::from_request(&request).ok());
        match handshake {
            Some(handshake) => Self::Handshake(Box::new(Handshake { handshake, early: input.split_off(head) })),
            None => Self::Other(input),
        }
    }
}

/// Whether this may become a request for the echo. Its other spellings are known to the router.
fn may_be_for_echo(input: &[u8]) -> bool {
    match input.strip_prefix(ECHO) {
        Some(rest) => matches!(rest.first(), None | Some(b' ' | b'?')),
        None => ECHO.starts_with(input),
    }
}

/// A socket, and what was read from it before.
#[derive(Debug)]
pub(crate) struct Rewound {
    input: io::Cursor<Vec<u8>>,
    stream: TcpStream,
}

impl Rewound {
    pub(crate) fn new(input: Vec<u8>, stream: TcpStream) -> Self {
        Self { input: io::Cursor::new(input), stream }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let position = self.input.position() as usize;
        if position < self.input.get_ref().len() {
            return Pin::new(&mut self.input).poll_read(cx, into);
        }
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

const ECHO: &[u8] = b"GET /ws/echo";

/// Ordinary handshakes come in one read.
const CHUNK: usize = 1024;
const MAX_HEAD: usize = 16 * 1024;

#[cfg(test)]
#[path = "first_request_tests.rs"]
mod tests;
