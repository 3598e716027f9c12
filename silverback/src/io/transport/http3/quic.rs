//! The settings of QUIC that both roles have in common: everything that a peer may make us hold is bounded.

use std::time::Duration;

use quinn::{IdleTimeout, TransportConfig, VarInt};

/// The settings for a connection with this many streams of requests, each of which has this window. `requests` is how many
/// of them the peer may open.
pub(crate) fn transport(streams: u32, stream_window: u32, requests: u32) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(requests.into())
        .max_concurrent_uni_streams(MAX_UNI_STREAMS.into())
        .stream_receive_window(stream_window.into())
        // All streams of a connection may use up their windows.
        .receive_window(((streams + MAX_UNI_STREAMS) * stream_window).into())
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE));
    transport
}

/// The control stream, two of QPACK, and as many of types that are unknown to us (RFC 9114, 6.2: at least three).
const MAX_UNI_STREAMS: u32 = 8;
/// The most bytes that all streams of a connection hold until the peer acknowledges them.
const SEND_WINDOW: u64 = 4 * 1024 * 1024;
/// A peer that is not heard for this long is gone. The lower value of both sides counts.
const IDLE_TIMEOUT_MS: u32 = 60_000;
/// Keeps connections open whose WebSockets send no pings. Most peers have an idle timeout of 30 s.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
