//! The configuration of QUIC for a server: everything that a client may make us hold is bounded.

use std::{io, sync::Arc, time::Duration};

use quinn::{IdleTimeout, ServerConfig, TransportConfig, VarInt, crypto::rustls::QuicServerConfig};

use crate::upgrade::multiplexed::MAX_STREAMS;

pub(super) fn server(mut tls: rustls::ServerConfig) -> io::Result<ServerConfig> {
    tls.alpn_protocols = vec![b"h3".to_vec()];
    // Whoever sees the request of a client in 0-RTT can send it again (RFC 8470).
    tls.max_early_data_size = 0;
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport()))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER * MAX_INCOMING as u64);
    Ok(config)
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(MAX_STREAMS.into())
        .max_concurrent_uni_streams(MAX_UNI_STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE));
    transport
}

/// How much a client may send on one stream before we read it, as over HTTP/2. With the smallest useful window, a stream
/// that is not read makes us hold little; on a long way a large message takes more round trips.
const STREAM_WINDOW: u32 = 64 * 1024;
/// The control stream, two of QPACK, and as many of types that are unknown to us (RFC 9114, 6.2: at least three).
const MAX_UNI_STREAMS: u32 = 8;
/// All streams of a connection may use up their windows.
const CONNECTION_WINDOW: u32 = (MAX_STREAMS + MAX_UNI_STREAMS) * STREAM_WINDOW;
/// The most bytes that all streams of a connection hold until the client acknowledges them.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;
/// A client that is not heard for this long is gone. The lower value of both sides counts.
const IDLE_TIMEOUT_MS: u32 = 60_000;
/// Keeps connections open whose WebSockets send no pings. Most clients have an idle timeout of 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Clients that the application has not accepted, and the bytes that each may send until then.
const MAX_INCOMING: usize = 4096;
const INCOMING_BUFFER: u64 = 16 * 1024;
