//! The client's side of QUIC: its configuration, and one attempt to connect.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, IdleTimeout, TransportConfig, VarInt,
    crypto::rustls::{HandshakeData, QuicClientConfig},
};
use rustls::pki_types::CertificateDer;

use super::{
    connection::{MAX_STREAMS, Quic},
    misuse::QuicMisuse,
};
use crate::dial::{
    DialError, TlsSession,
    tls::{Connector, TlsError},
};

pub(super) struct Client {
    config: ClientConfig,
    /// The name for SNI and for the certificate.
    server_name: String,
    is_unchecked: bool,
}

impl Client {
    /// `host` has no brackets.
    pub(super) fn new(tls: &Connector, host: &str) -> Result<Self, DialError> {
        let (crypto, name) = tls.for_quic(host).ok_or(DialError::Quic(QuicMisuse::TlsLibrary))?;
        let crypto = QuicClientConfig::try_from(crypto)
            .map_err(|error| DialError::Tls(TlsError::Configuration(error.to_string())))?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(Arc::new(transport()));
        Ok(Self { config, server_name: name.to_owned(), is_unchecked: tls.is_unchecked() })
    }

    /// Connects from a new UDP socket. The outer error is one of this machine.
    pub(super) async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<Result<Quic, ConnectionError>> {
        // The socket lives as long as its connection.
        let endpoint = Endpoint::client(SocketAddr::new(from, 0))?;
        let connecting = endpoint.connect_with(self.config.clone(), to, &self.server_name);
        let connecting = connecting.map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let socket = endpoint.local_addr().ok();
        Ok(connecting.await.map(|connection| Quic { connection, socket }))
    }

    /// Describes the handshake. quinn does not report the cipher suite.
    pub(super) fn session(&self, connection: &Connection) -> TlsSession {
        let data = connection.handshake_data().and_then(|data| data.downcast::<HandshakeData>().ok());
        let identity = connection.peer_identity().and_then(|any| any.downcast::<Vec<CertificateDer<'static>>>().ok());
        TlsSession {
            // RFC 9001, 4.2: no older version.
            version: Some("TLSv1_3".to_owned()),
            cipher_suite: None,
            alpn: data.and_then(|data| data.protocol),
            peer_certificates: identity.into_iter().flat_map(|list| *list).map(|der| der.to_vec()).collect(),
            certificate_unchecked: self.is_unchecked,
        }
    }
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        // A server opens none (RFC 9114, 6.1).
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(MAX_UNI_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE));
    transport
}

/// The control stream, two of QPACK, and as many of types that are unknown to us (RFC 9114, 6.2: at least three).
const MAX_UNI_STREAMS: u32 = 8;
/// The bytes that a server may send on one stream before we read them, as over HTTP/2. One WebSocket receives at most as
/// many in each round trip. A stream that is not read makes us hold them.
const STREAM_WINDOW: u32 = 256 * 1024;
/// All streams of a connection may use up their windows.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS as u32 + MAX_UNI_STREAMS) * STREAM_WINDOW;
/// The most bytes that all streams of a connection hold until the server acknowledges them.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;
/// A server that is not heard for this long is gone. The lower value of both sides counts.
const IDLE_TIMEOUT_MS: u32 = 60_000;
/// Keeps connections open whose WebSockets send no pings. Most servers have an idle timeout of 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
