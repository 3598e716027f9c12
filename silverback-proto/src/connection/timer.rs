//! The deadlines of a connection: keepalive pings, their pongs, the closing handshake, and idle compressors. The time of
//! a write stall is in the state of the output.

use std::time::{Duration, Instant};

use super::config::Config;
use crate::wire::error::Timeout;

#[derive(Debug)]
pub(super) struct Timers {
    /// When the peer last showed a sign of life: a byte arrived, or it took stalled output. At first, when the
    /// connection began.
    last_life: Instant,
    /// The keepalive deadline for a sign of life. Boxed, because an idle connection rarely has one.
    pong_due: Option<Box<Instant>>,
    /// Whether the peer took output that had to wait, at a time after `last_life` that is not known yet.
    has_taken: bool,
    /// The ping whose round trip is being measured: its number and when it was queued.
    ping: Option<Box<(u32, Instant)>>,
    pings: u32,
    close_due: Option<Box<Instant>>,
    /// The last check of the compressor, and how many messages had been sent by then.
    compressor_seen: Option<Box<(Instant, u64)>>,
}

/// The action that a deadline requires.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Due {
    Ping(u32),
    Timeout(Timeout),
}

impl Timers {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            last_life: now,
            pong_due: None,
            has_taken: false,
            ping: None,
            pings: 0,
            close_due: None,
            compressor_seen: None,
        }
    }

    /// Notes that bytes arrived. Any byte is a sign of life.
    pub(super) fn note_received(&mut self, now: Instant) {
        self.last_life = now;
        self.pong_due = None;
        self.has_taken = false;
    }

    /// Notes that the peer took output that had to wait. There may be more output before our ping, so the time for the
    /// pong restarts.
    pub(super) fn note_taken(&mut self, now: Instant, config: &Config) {
        self.last_life = now;
        self.has_taken = false;
        if let (Some(due), Some((_, within))) = (&mut self.pong_due, config.keepalive()) {
            **due = after(now, within);
        }
    }

    /// Notes the same, at a time that is not known yet.
    pub(super) fn note_taken_lately(&mut self) {
        self.has_taken = true;
    }

    /// Notes the time of the last [`note_taken_lately`](Self::note_taken_lately).
    pub(super) fn settle_taken(&mut self, now: Instant, config: &Config) {
        if self.has_taken {
            self.note_taken(now, config);
        }
    }

    /// Whether a keepalive ping is in flight.
    pub(super) fn awaits_pong(&self) -> bool {
        self.pong_due.is_some()
    }

    /// Whether the peer seems dead, or a keepalive ping is due.
    pub(super) fn doubts_life(&self, now: Instant, config: &Config, is_open: bool) -> bool {
        self.keepalive_due(config, is_open).is_some_and(|due| due <= now)
    }

    /// Whether a deadline that ends the connection has passed.
    pub(super) fn has_timed_out(&self, now: Instant, config: &Config, is_open: bool) -> bool {
        let pong_due = self.pong_due.as_deref().copied().filter(|_| is_open && config.keepalive().is_some());
        [pong_due, self.close_due()].into_iter().flatten().any(|due| due <= now)
    }

    /// When the next keepalive ping is due, or the pong for the one in flight.
    fn keepalive_due(&self, config: &Config, is_open: bool) -> Option<Instant> {
        let (interval, _) = config.keepalive().filter(|_| is_open)?;
        Some(self.pong_due.as_deref().copied().unwrap_or(after(self.last_life, interval)))
    }

    /// Returns the round trip if this pong answers the keepalive ping in flight.
    pub(super) fn note_pong(&mut self, now: Instant, payload: &[u8]) -> Option<Duration> {
        let (number, sent) = *self.ping.as_deref()?;
        if payload != number.to_be_bytes() {
            return None;
        }
        self.ping = None;
        Some(now.saturating_duration_since(sent))
    }

    /// Notes that the closing handshake began. Its time runs once and is never extended.
    pub(super) fn start_close(&mut self, now: Instant, config: &Config) {
        self.close_due.get_or_insert_with(|| Box::new(after(now, config.close_timeout)));
    }

    pub(super) fn close_due(&self) -> Option<Instant> {
        self.close_due.as_deref().copied()
    }

    /// The next instant at which `due` returns an action.
    pub(super) fn next(&self, config: &Config, is_open: bool) -> Option<Instant> {
        [self.keepalive_due(config, is_open), self.close_due()].into_iter().flatten().min()
    }

    /// Returns the action that is due at `now`.
    pub(super) fn due(&mut self, now: Instant, config: &Config, is_open: bool) -> Option<Due> {
        if self.close_due().is_some_and(|due| due <= now) {
            return Some(Due::Timeout(Timeout::Close(config.close_timeout)));
        }
        let (interval, within) = config.keepalive().filter(|_| is_open)?;
        match self.pong_due.as_deref().copied() {
            Some(due) if due <= now => Some(Due::Timeout(Timeout::Pong(within))),
            None if after(self.last_life, interval) <= now => {
                self.pings = self.pings.wrapping_add(1);
                self.ping = Some(Box::new((self.pings, now)));
                self.pong_due = Some(Box::new(after(now, within)));
                Some(Due::Ping(self.pings))
            }
            _ => None,
        }
    }

    /// Checks a compressor that holds memory, when `sent` messages have been sent. Returns whether it is idle: the last
    /// check was long ago, and no message has been sent since.
    pub(super) fn compressor_is_idle(&mut self, now: Instant, sent: u64) -> bool {
        match self.compressor_seen.as_deref() {
            Some((at, _)) if after(*at, COMPRESSOR_IDLE) > now => false,
            Some((_, sent_before)) if *sent_before == sent => {
                self.compressor_seen = None;
                true
            }
            _ => {
                self.compressor_seen = Some(Box::new((now, sent)));
                false
            }
        }
    }

    /// When to check a compressor that holds memory. `send` takes no `now`, so the first check is due at once if nothing
    /// has arrived for a while.
    pub(super) fn compressor_due(&self) -> Instant {
        let seen = self.compressor_seen.as_deref().map_or(self.last_life, |(at, _)| *at);
        after(seen, COMPRESSOR_IDLE)
    }
}

/// Adds a timeout to an instant. `Duration::MAX` means never, and an `Instant` cannot hold that sum. Then the result is
/// as late as an `Instant` can be.
pub(super) fn after(instant: Instant, by: Duration) -> Instant {
    instant.checked_add(by.min(NEVER)).unwrap_or(instant)
}

/// The time between two checks of a compressor. It is freed after two checks without a message between them, 10 to 20 s
/// after its last message. Most conversations pause for less, or for much longer.
const COMPRESSOR_IDLE: Duration = Duration::from_secs(10);

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
