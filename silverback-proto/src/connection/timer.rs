//! The deadlines of a connection: keepalive pings, their pongs, the closing handshake, and write stalls.

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
    /// Whether the peer took stalled output, at a time after `last_life` that is not known yet.
    has_taken: bool,
    /// The ping whose round trip is being measured: its number and when it was queued.
    ping: Option<Box<(u32, Instant)>>,
    pings: u32,
    close_due: Option<Box<Instant>>,
    /// Since when queued output has made no progress.
    stalled_since: Option<Instant>,
    /// When to check whether the compressor is idle, and how many messages had been sent when this check was scheduled.
    compressor_due: Option<Box<(Instant, u64)>>,
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
            stalled_since: None,
            compressor_due: None,
        }
    }

    /// Notes that bytes arrived. Any byte is a sign of life.
    pub(super) fn note_received(&mut self, now: Instant) {
        self.last_life = now;
        self.pong_due = None;
        self.has_taken = false;
    }

    /// Notes that the peer took stalled output. There may be more output before our ping, so both the time for the pong
    /// and the time for a stall restart.
    pub(super) fn note_taken(&mut self, now: Instant, config: &Config) {
        self.last_life = now;
        self.has_taken = false;
        if let (Some(due), Some((_, within))) = (&mut self.pong_due, config.keepalive()) {
            **due = after(now, within);
        }
        if let Some(since) = &mut self.stalled_since {
            *since = now;
        }
    }

    /// Does the same once the time is known.
    pub(super) fn settle_taken(&mut self, now: Instant, config: &Config) {
        if self.has_taken {
            self.note_taken(now, config);
        }
    }

    /// Notes that a keepalive ping was queued.
    pub(super) fn awaits_pong(&self) -> bool {
        self.pong_due.is_some()
    }

    /// Whether the peer seems dead or stalled, or a keepalive ping is due.
    pub(super) fn doubts_life(&self, now: Instant, config: &Config, is_open: bool) -> bool {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        is_due(self.keepalive_due(config, is_open)) || is_due(self.stall_due(config))
    }

    /// Whether a deadline that ends the connection has passed.
    pub(super) fn has_timed_out(&self, now: Instant, config: &Config, is_open: bool) -> bool {
        let pong_due = self.pong_due.as_deref().copied().filter(|_| is_open && config.keepalive().is_some());
        [pong_due, self.close_due(), self.stall_due(config)].into_iter().flatten().any(|due| due <= now)
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
        self.close_due.get_or_insert_with(|| Box::new(after(now, config.close_budget())));
    }

    pub(super) fn close_due(&self) -> Option<Instant> {
        self.close_due.as_deref().copied()
    }

    pub(super) fn stalled_since(&self) -> Option<Instant> {
        self.stalled_since
    }

    pub(super) fn stall_due(&self, config: &Config) -> Option<Instant> {
        self.stalled_since.map(|since| after(since, config.write_stall_budget()))
    }

    /// Notes that output is queued and the transport took none of it.
    pub(super) fn note_blocked(&mut self, now: Instant) {
        self.stalled_since.get_or_insert(now);
    }

    /// Notes that the transport took all output.
    pub(super) fn note_unblocked(&mut self) {
        self.stalled_since = None;
        self.has_taken = true;
    }

    /// Notes that the compressor holds memory after `sent` messages.
    pub(super) fn watch_compressor(&mut self, now: Instant, sent: u64) {
        self.compressor_due.get_or_insert_with(|| Box::new((after(now, COMPRESSOR_IDLE), sent)));
    }

    /// If an idle check is due, returns how many messages had been sent when it was scheduled.
    pub(super) fn compressor_due(&mut self, now: Instant) -> Option<u64> {
        self.compressor_due.take_if(|watch| watch.0 <= now).map(|watch| watch.1)
    }

    /// The next instant at which `due` returns an action or the compressor is checked.
    pub(super) fn next(&self, config: &Config, is_open: bool, holds_compressor: bool) -> Option<Instant> {
        let compressor = match self.compressor_due.as_deref() {
            Some((due, _)) => Some(*due),
            // `send` takes no `now`, so it asks for a timeout: at once, if nothing has arrived for a while.
            None => holds_compressor.then(|| after(self.last_life, COMPRESSOR_IDLE)),
        };
        [self.keepalive_due(config, is_open), self.close_due(), self.stall_due(config), compressor]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns the action that is due at `now`.
    pub(super) fn due(&mut self, now: Instant, config: &Config, is_open: bool) -> Option<Due> {
        if self.close_due().is_some_and(|due| due <= now) {
            return Some(Due::Timeout(Timeout::Close(config.close_budget())));
        }
        if self.stall_due(config).is_some_and(|due| due <= now) {
            return Some(Due::Timeout(Timeout::WriteStall(config.write_stall_budget())));
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
}

/// Adds a timeout to an instant. `Duration::MAX` means never, and an `Instant` cannot hold that sum. Then the result is
/// as late as an `Instant` can be.
fn after(instant: Instant, by: Duration) -> Instant {
    instant.checked_add(by.min(NEVER)).unwrap_or(instant)
}

/// A compressor that was idle for this long is freed. Most conversations pause for less, or for much longer.
const COMPRESSOR_IDLE: Duration = Duration::from_secs(10);

const NEVER: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
