//! Metrics of connections and handshakes, for the recorder of the crate [`metrics`](https://docs.rs/metrics).
//!
//! Install a recorder before the first connection opens, for instance an exporter for Prometheus. The library then
//! reports by itself; [`Upgrader::metrics`](crate::Upgrader::metrics) and [`Dialer::metrics`](crate::Dialer::metrics) turn
//! that off. [`describe`] tells the recorder the units and meanings.
//!
//! The page `docs/reference/metrics.md` of the book lists every metric with its labels. No label has values that
//! a peer chooses. Counters of messages and bytes are exact whenever a connection is quiet: output counts after each
//! write, and input counts when the reader waits for more.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

pub(super) const CONNECTIONS: &str = "websocket_connections";
pub(super) const CONNECTIONS_TOTAL: &str = "websocket_connections_total";
pub(super) const CONNECTION_DURATION: &str = "websocket_connection_duration_seconds";
pub(super) const HANDSHAKES_TOTAL: &str = "websocket_handshakes_total";
pub(super) const HANDSHAKE_DURATION: &str = "websocket_handshake_duration_seconds";
pub(super) const MESSAGES_TOTAL: &str = "websocket_messages_total";
pub(super) const PAYLOAD_BYTES_TOTAL: &str = "websocket_payload_bytes_total";
pub(super) const WIRE_BYTES_TOTAL: &str = "websocket_wire_bytes_total";
pub(super) const PING_RTT: &str = "websocket_ping_rtt_seconds";
pub(super) const CLOSES_TOTAL: &str = "websocket_closes_total";
pub(super) const PROTOCOL_ERRORS_TOTAL: &str = "websocket_protocol_errors_total";
pub(super) const SEND_QUEUE: &str = "websocket_send_queue_bytes";
pub(super) const SLOW_CONSUMERS_TOTAL: &str = "websocket_slow_consumers_total";

/// Tells the recorder of the crate `metrics` the unit and the meaning of each metric of this library. Call it once, after
/// the recorder was installed. Exporters show the text, for instance as `# HELP` of Prometheus.
///
/// ```
/// // After metrics_exporter_prometheus::PrometheusBuilder::new().install(), for example:
/// silverback::metrics::describe();
/// ```
pub fn describe() {
    describe_gauge!(CONNECTIONS, "Open WebSockets.");
    describe_counter!(CONNECTIONS_TOTAL, "WebSockets that were opened, by version of HTTP.");
    describe_histogram!(CONNECTION_DURATION, Unit::Seconds, "How long WebSockets that have ended were open.");
    describe_counter!(HANDSHAKES_TOTAL, "Opening handshakes, by their result.");
    describe_histogram!(HANDSHAKE_DURATION, Unit::Seconds, "How long accepted handshakes took.");
    describe_counter!(MESSAGES_TOTAL, "Messages and control frames, except Close frames.");
    describe_counter!(PAYLOAD_BYTES_TOTAL, Unit::Bytes, "Payload of data messages, not compressed.");
    describe_counter!(WIRE_BYTES_TOTAL, Unit::Bytes, "Bytes of frames with their headers, compressed, before TLS.");
    describe_histogram!(PING_RTT, Unit::Seconds, "Round trips of keepalive pings.");
    describe_counter!(CLOSES_TOTAL, "WebSockets that have ended, by the code and the side that began to close.");
    describe_counter!(PROTOCOL_ERRORS_TOTAL, "WebSockets that were closed for a fault of the peer.");
    describe_gauge!(SEND_QUEUE, Unit::Bytes, "Output that peers have not taken yet.");
    describe_counter!(SLOW_CONSUMERS_TOTAL, "WebSockets that were closed because their peer was slow.");
}
