//! Reports to the recorder of the crate `metrics`.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Instant,
};

use ::metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use silverback_proto::{
    CloseCode, CloseInfo, ConnectionError, MessageKind, ReceivedEvent, Role, Stats, Timeout, connection::Transmitter,
};

use super::{
    end_of,
    metrics::{
        CLOSES_TOTAL, CONNECTION_DURATION, CONNECTIONS, CONNECTIONS_TOTAL, HANDSHAKE_DURATION, HANDSHAKES_TOTAL,
        MESSAGES_TOTAL, PAYLOAD_BYTES_TOTAL, PING_RTT, PROTOCOL_ERRORS_TOTAL, SEND_QUEUE, SLOW_CONSUMERS_TOTAL,
        WIRE_BYTES_TOTAL,
    },
    role_label, version_label,
};

/// Whether and where the connections with the same settings report.
#[derive(Clone)]
pub(crate) struct Metering {
    is_on: bool,
    /// For servers and for clients. They are registered when the first connection opens, because the recorder may be
    /// installed after the settings were made.
    instruments: Arc<[OnceLock<Arc<Instruments>>; 2]>,
}

/// The instruments that connections use more than once.
struct Instruments {
    connections: Gauge,
    /// Text, binary, ping and pong.
    received: [Counter; 4],
    sent: [Counter; 4],
    payload_received: Counter,
    payload_sent: Counter,
    wire_received: Counter,
    wire_sent: Counter,
    send_queue: Gauge,
    ping_rtt: Histogram,
}

/// When a handshake began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun(Instant);

/// Messages since the last report.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    text: u64,
    binary: u64,
    payload: u64,
}

/// The messages that a reader has received since the last report, unless metrics are off.
#[derive(Debug)]
pub(crate) struct ReaderTally(Option<Box<Tally>>);

/// Reports about one connection, unless metrics are off.
#[derive(Debug)]
pub(crate) struct Meter(Option<Box<Metered>>);

struct Metered {
    instruments: Arc<Instruments>,
    role: Role,
    /// By the clock of the system: that of tokio panics when a connection is dropped at the end of a thread.
    opened: Instant,
    sent: Tally,
    /// The message that is sent in fragments or encoded outside the lock, and its length if that is known.
    open: (MessageKind, usize),
    reported: Stats,
    has_ended: bool,
}

impl Metering {
    pub(crate) fn set(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Counts a connection that opens, and the version of its handshake if that is known. Returns its meter, and the tally of its reader.
    pub(crate) fn open(&self, role: Role, version: Option<http::Version>) -> (Meter, ReaderTally) {
        if !self.is_on {
            return (Meter(None), ReaderTally(None));
        }
        let instruments = self.instruments(role).clone();
        instruments.connections.increment(1.0);
        counter!(CONNECTIONS_TOTAL, "role" => role_label(role), "http" => version_label(version)).increment(1);
        let metered = Metered {
            instruments,
            role,
            opened: Instant::now(),
            sent: Tally::default(),
            open: (MessageKind::Binary, 0),
            reported: Stats::default(),
            has_ended: false,
        };
        (Meter(Some(Box::new(metered))), ReaderTally(Some(Box::default())))
    }

    pub(crate) fn begin() -> Begun {
        Begun(Instant::now())
    }

    /// Counts a handshake. Its time counts if it was accepted and the beginning is known.
    pub(crate) fn handshake(&self, role: Role, begun: Option<Begun>, result: impl FnOnce() -> &'static str) {
        if !self.is_on {
            return;
        }
        let result = result();
        counter!(HANDSHAKES_TOTAL, "role" => role_label(role), "result" => result).increment(1);
        if let Some(Begun(at)) = begun.filter(|_| result == "accepted") {
            let seconds = Instant::now().saturating_duration_since(at);
            histogram!(HANDSHAKE_DURATION, "role" => role_label(role)).record(seconds);
        }
    }

    fn instruments(&self, role: Role) -> &Arc<Instruments> {
        self.instruments[usize::from(role == Role::Client)].get_or_init(|| Arc::new(Instruments::register(role)))
    }
}

impl Default for Metering {
    fn default() -> Self {
        Self { is_on: true, instruments: Arc::default() }
    }
}

impl Instruments {
    fn register(role: Role) -> Self {
        let role = role_label(role);
        let messages = |direction: &'static str| {
            ["text", "binary", "ping", "pong"]
                .map(|opcode| counter!(MESSAGES_TOTAL, "role" => role, "direction" => direction, "opcode" => opcode))
        };
        let bytes =
            |name: &'static str, direction: &'static str| counter!(name, "role" => role, "direction" => direction);
        // Present from the start, so that the first one is a rise from zero.
        for kind in FAULTS {
            counter!(PROTOCOL_ERRORS_TOTAL, "role" => role, "kind" => kind).increment(0);
        }
        counter!(SLOW_CONSUMERS_TOTAL, "role" => role, "action" => STALLED).increment(0);
        Self {
            connections: gauge!(CONNECTIONS, "role" => role),
            received: messages("in"),
            sent: messages("out"),
            payload_received: bytes(PAYLOAD_BYTES_TOTAL, "in"),
            payload_sent: bytes(PAYLOAD_BYTES_TOTAL, "out"),
            wire_received: bytes(WIRE_BYTES_TOTAL, "in"),
            wire_sent: bytes(WIRE_BYTES_TOTAL, "out"),
            send_queue: gauge!(SEND_QUEUE, "role" => role),
            ping_rtt: histogram!(PING_RTT, "role" => role),
        }
    }
}

impl ReaderTally {
    /// Counts a whole message.
    #[inline]
    pub(crate) fn message(&mut self, kind: MessageKind, len: usize) {
        if let Some(tally) = &mut self.0 {
            tally.add(kind, len, true);
        }
    }

    /// Counts a piece of a message.
    #[inline]
    pub(crate) fn piece(&mut self, kind: MessageKind, len: impl FnOnce() -> usize, is_last: bool) {
        if let Some(tally) = &mut self.0 {
            tally.add(kind, len(), is_last);
        }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Tally {
        self.0.as_deref_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Tally {
    #[inline]
    fn add(&mut self, kind: MessageKind, len: usize, is_last: bool) {
        self.payload += len as u64;
        match kind {
            MessageKind::Text => self.text += u64::from(is_last),
            MessageKind::Binary => self.binary += u64::from(is_last),
        }
    }
}

impl Meter {
    /// Counts a whole message that was queued.
    #[inline]
    pub(crate) fn message(&mut self, kind: MessageKind, len: usize) {
        if let Some(metered) = &mut self.0 {
            metered.sent.add(kind, len, true);
        }
    }

    /// Notes the message that will be sent in fragments, or at once when its frame of `len` bytes is built.
    pub(crate) fn open_message(&mut self, kind: MessageKind, len: usize) {
        if let Some(metered) = &mut self.0 {
            metered.open = (kind, len);
        }
    }

    /// Counts a part of the open message, beside the length that was noted.
    pub(crate) fn fragment(&mut self, len: usize, is_last: bool) {
        if let Some(metered) = &mut self.0 {
            let (kind, noted) = &mut metered.open;
            metered.sent.add(*kind, len + std::mem::take(noted), is_last);
        }
    }

    /// Returns the counters before the transmitter handles a pong.
    pub(crate) fn before(&self, event: &ReceivedEvent, transmitter: &Transmitter) -> Option<Stats> {
        let is_pong = matches!(event, ReceivedEvent::Pong(_));
        (is_pong && self.0.is_some()).then(|| transmitter.stats())
    }

    /// Records the round trip that the pong has ended.
    pub(crate) fn round_trip(&mut self, before: Option<Stats>, transmitter: &Transmitter) {
        let (Some(metered), Some(before)) = (&self.0, before) else { return };
        let round_trip = transmitter.stats().round_trip;
        if let Some(seconds) = round_trip.filter(|_| round_trip != before.round_trip) {
            metered.instruments.ping_rtt.record(seconds);
        }
    }

    /// Counts a connection that fails for a fault of the peer.
    #[cold]
    pub(crate) fn fault(&mut self, error: &ConnectionError) {
        let Some(metered) = &self.0 else { return };
        let role = role_label(metered.role);
        if let ConnectionError::Timeout(Timeout::WriteStall(_)) = error {
            counter!(SLOW_CONSUMERS_TOTAL, "role" => role, "action" => STALLED).increment(1);
        } else if let Some(code) = error.close_code() {
            counter!(PROTOCOL_ERRORS_TOTAL, "role" => role, "kind" => fault_label(code)).increment(1);
        }
    }

    /// Adds to the recorder's counters what has happened since the last report.
    #[inline]
    pub(crate) fn report(&mut self, transmitter: &Transmitter, received: Tally) {
        if let Some(metered) = &mut self.0 {
            metered.report(transmitter.stats(), received);
        }
    }

    /// Counts the end of the connection. Reports may follow, because the reader may have a tally yet.
    pub(crate) fn end(&mut self, transmitter: &Transmitter) {
        if let Some(metered) = &mut self.0 {
            metered.has_ended = true;
            metered.report(transmitter.stats(), Tally::default());
            metered.end(transmitter.close_info());
        }
    }
}

impl Metered {
    fn report(&mut self, now: Stats, received: Tally) {
        let Self { instruments, reported, sent, .. } = self;
        let sent = std::mem::take(sent);
        let controls = [
            (&instruments.received[2], now.pings_received - reported.pings_received),
            (&instruments.received[3], now.pongs_received - reported.pongs_received),
            (&instruments.sent[2], now.pings_sent - reported.pings_sent),
            (&instruments.sent[3], now.pongs_sent - reported.pongs_sent),
        ];
        let messages = [
            (&instruments.received[0], received.text),
            (&instruments.received[1], received.binary),
            (&instruments.payload_received, received.payload),
            (&instruments.wire_received, now.bytes_received - reported.bytes_received),
            (&instruments.sent[0], sent.text),
            (&instruments.sent[1], sent.binary),
            (&instruments.payload_sent, sent.payload),
            (&instruments.wire_sent, now.bytes_sent - reported.bytes_sent),
        ];
        for (counter, more) in messages.into_iter().chain(controls) {
            if more > 0 {
                counter.increment(more);
            }
        }
        // The last report is behind the end, when nothing waits any more.
        let queued = if self.has_ended { 0 } else { now.queued_output };
        if queued != reported.queued_output {
            instruments.send_queue.increment(queued as f64 - reported.queued_output as f64);
        }
        *reported = now;
        reported.queued_output = queued;
    }

    fn end(&self, close: Option<CloseInfo>) {
        let role = role_label(self.role);
        self.instruments.connections.decrement(1.0);
        let lasted = Instant::now().saturating_duration_since(self.opened);
        histogram!(CONNECTION_DURATION, "role" => role).record(lasted);
        let (code, side) = end_of(self.role, close.as_ref());
        counter!(CLOSES_TOTAL, "role" => role, "code" => code_label(code), "side" => side).increment(1);
    }
}

/// Peers choose codes, so those of applications have no labels of their own.
fn code_label(code: CloseCode) -> &'static str {
    const CODES: [&str; 16] = [
        "1000", "1001", "1002", "1003", "1004", "1005", "1006", "1007", "1008", "1009", "1010", "1011", "1012", "1013",
        "1014", "1015",
    ];
    match code.get() {
        code @ 1000..=1015 => CODES[usize::from(code - 1000)],
        3000..=3999 => "3xxx",
        4000..=4999 => "4xxx",
        _ => "other",
    }
}

fn fault_label(code: CloseCode) -> &'static str {
    match code {
        CloseCode::PROTOCOL_ERROR => FAULTS[0],
        CloseCode::INVALID_PAYLOAD => FAULTS[1],
        CloseCode::MESSAGE_TOO_BIG => FAULTS[2],
        _ => FAULTS[3],
    }
}

/// The kinds of faults of a peer. The last one stands for a memory budget that is used up.
const FAULTS: [&str; 4] = ["protocol", "invalid_text", "message_too_big", "overloaded"];

/// A peer took no output for the time of `write_stall_timeout`.
const STALLED: &str = "stall";

impl fmt::Debug for Metering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metering").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").field("reported", &self.reported).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    //! Labels.

    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_that_peers_choose_get_no_labels_of_their_own() {
        let labels: BTreeSet<_> = (0..=u16::MAX).map(|code| code_label(CloseCode::new(code))).collect();
        assert_eq!(labels.len(), 16 + 3);
        assert_eq!(
            [2999, 3000, 4999, 5000].map(|code| code_label(CloseCode::new(code))),
            ["other", "3xxx", "4xxx", "other"]
        );
    }
}
