//! The configuration of QUIC for a server: everything that a client may make us hold is bounded.

use std::{io, sync::Arc};

use quinn::{ServerConfig, crypto::rustls::QuicServerConfig};

use crate::{io::transport::http3::quic, upgrade::multiplexed::MAX_STREAMS};

pub(super) fn server(mut tls: rustls::ServerConfig) -> io::Result<ServerConfig> {
    tls.alpn_protocols = vec![b"h3".to_vec()];
    // Whoever sees the request of a client in 0-RTT can send it again (RFC 8470).
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(quic::transport(MAX_STREAMS, STREAM_WINDOW, MAX_STREAMS)))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER * MAX_INCOMING as u64);
    Ok(config)
}

/// How much a client may send on one stream before we read it, as over HTTP/2. With the smallest useful window, a stream
/// that is not read makes us hold little; on a long way a large message takes more round trips.
const STREAM_WINDOW: u32 = 64 * 1024;
/// Clients that the application has not accepted, and the bytes that each may send until then.
const MAX_INCOMING: usize = 4096;
const INCOMING_BUFFER: u64 = 16 * 1024;
