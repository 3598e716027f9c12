//! One side of a WebSocket after its handshake: bytes, and the way in which they end.

use std::{io, time::Duration};

use bytes::{Bytes, BytesMut};
use h2::{Reason, RecvStream, SendStream};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use crate::http3::{self, Http3Reader};

pub(crate) type Side = (Reader, Writer);

pub(crate) enum Reader {
    /// With bytes that came together with the handshake.
    Http1(OwnedReadHalf, Bytes),
    Http2(RecvStream),
    Http3(Http3Reader),
}

pub(crate) enum Writer {
    Http1(OwnedWriteHalf),
    Http2(SendStream<Bytes>),
    Http3(quinn::SendStream),
}

pub(crate) fn http1(stream: TcpStream, leftover: impl Into<Bytes>) -> Side {
    let (reader, writer) = stream.into_split();
    (Reader::Http1(reader, leftover.into()), Writer::Http1(writer))
}

impl Reader {
    /// The next piece; `None` at the end.
    pub(crate) async fn read(&mut self) -> io::Result<Option<Bytes>> {
        match self {
            Self::Http1(_, leftover) if !leftover.is_empty() => Ok(Some(std::mem::take(leftover))),
            Self::Http1(stream, _) => {
                let mut piece = BytesMut::with_capacity(16 * 1024);
                Ok((stream.read_buf(&mut piece).await? > 0).then(|| piece.freeze()))
            }
            Self::Http2(stream) => match stream.data().await {
                None => Ok(None),
                Some(data) => {
                    let data = data.map_err(io::Error::other)?;
                    stream.flow_control().release_capacity(data.len()).map_err(io::Error::other)?;
                    Ok(Some(data))
                }
            },
            Self::Http3(reader) => reader.read().await,
        }
    }
}

impl Writer {
    pub(crate) async fn write(&mut self, mut bytes: Bytes) -> io::Result<()> {
        match self {
            Self::Http1(stream) => stream.write_all(&bytes).await,
            Self::Http2(stream) => {
                while !bytes.is_empty() {
                    let count = capacity(stream, bytes.len()).await?;
                    stream.send_data(bytes.split_to(count), false).map_err(io::Error::other)?;
                }
                Ok(())
            }
            Self::Http3(stream) => http3::write(stream, bytes).await,
        }
    }

    pub(crate) async fn finish(&mut self) {
        // The other side may have gone, which its reader tells.
        match self {
            Self::Http1(stream) => _ = stream.shutdown().await,
            Self::Http2(stream) => _ = stream.send_data(Bytes::new(), true),
            Self::Http3(stream) => _ = stream.finish(),
        }
    }

    pub(crate) fn reset(&mut self) {
        match self {
            Self::Http1(stream) => _ = SockRef::from(stream.as_ref()).set_linger(Some(Duration::ZERO)),
            Self::Http2(stream) => stream.send_reset(Reason::CANCEL),
            Self::Http3(stream) => http3::reset(stream),
        }
    }
}

/// Waits until some of this may be sent.
async fn capacity(stream: &mut SendStream<Bytes>, wanted: usize) -> io::Result<usize> {
    stream.reserve_capacity(wanted);
    loop {
        match std::future::poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(Ok(0)) => {}
            Some(Ok(count)) => return Ok(count.min(wanted)),
            Some(Err(error)) => return Err(io::Error::other(error)),
            None => return Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}
