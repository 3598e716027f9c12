//! The client's side of QUIC: its configuration, and one attempt to connect.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint,
    crypto::rustls::{HandshakeData, QuicClientConfig},
};
use rustls::pki_types::CertificateDer;

use super::{connection::Quic, misuse::QuicMisuse};
use crate::{
    dial::{
        DialError, TlsSession,
        multiplexed::MAX_STREAMS,
        tls::{Connector, TlsError},
    },
    io::transport::http3::quic,
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
        // A server opens no stream in both directions (RFC 9114, 6.1).
        config.transport_config(Arc::new(quic::transport(MAX_STREAMS as u32, STREAM_WINDOW, 0)));
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

/// The bytes that a server may send on one stream before we read them, as over HTTP/2. One WebSocket receives at most as
/// many in each round trip. A stream that is not read makes us hold them.
const STREAM_WINDOW: u32 = 256 * 1024;
