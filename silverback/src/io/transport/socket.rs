//! Finds the TCP socket under a stream: in boxes, and under TLS of the libraries in this build.

use std::{any::Any, net::SocketAddr};

use tokio::net::TcpStream;

use super::{byte_stream::ByteStream, wire::Wire};

/// Both addresses of a TCP connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

impl Addresses {
    /// Asks the system for the addresses of the connection under this stream.
    pub(crate) fn of(stream: &impl ByteStream) -> Option<Self> {
        let socket = socket_under(stream)?;
        Some(Self { peer: socket.peer_addr().ok()?, local: socket.local_addr().ok()? })
    }
}

/// Asks the system for the peer's address of the connection under this stream.
pub(crate) fn peer_of(stream: &dyn ByteStream) -> Option<SocketAddr> {
    socket_under(stream.as_any())?.peer_addr().ok()
}

pub(crate) fn socket_under(stream: &dyn Any) -> Option<&TcpStream> {
    if let Some(socket) = stream.downcast_ref::<TcpStream>() {
        return Some(socket);
    }
    if let Some(boxed) = stream.downcast_ref::<Box<dyn ByteStream>>() {
        return socket_under((**boxed).as_any());
    }
    if let Some(wire) = stream.downcast_ref::<Wire>() {
        return socket_under(wire.stream());
    }
    #[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
    return under_tls::<TcpStream>(stream)
        .or_else(|| under_tls::<Box<dyn ByteStream>>(stream))
        .or_else(|| under_tls::<Wire>(stream));
    #[cfg(not(any(feature = "rustls-tls", feature = "native-tls")))]
    None
}

/// Does the same for a TLS session on a stream of this type.
#[cfg(any(feature = "rustls-tls", feature = "native-tls"))]
fn under_tls<S: ByteStream>(stream: &dyn Any) -> Option<&TcpStream> {
    #[cfg(feature = "rustls-tls")]
    {
        use tokio_rustls::{TlsStream, client, server};

        if let Some(session) = stream.downcast_ref::<client::TlsStream<S>>() {
            return socket_under(session.get_ref().0);
        }
        if let Some(session) = stream.downcast_ref::<server::TlsStream<S>>() {
            return socket_under(session.get_ref().0);
        }
        if let Some(session) = stream.downcast_ref::<TlsStream<S>>() {
            return socket_under(session.get_ref().0);
        }
    }
    #[cfg(feature = "native-tls")]
    if let Some(session) = stream.downcast_ref::<tokio_native_tls::TlsStream<S>>() {
        return socket_under(session.get_ref().get_ref().get_ref());
    }
    None
}
