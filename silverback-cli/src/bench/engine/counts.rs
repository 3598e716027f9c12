//! Counters and histograms. Workers add to theirs burst by burst, and the engine collects them at each tick.

use hdrhistogram::Histogram;

use super::{fault::Faults, stamps::Run};

/// Counters and histograms of a span of time. Times are in nanoseconds.
#[derive(Clone, Debug)]
pub(crate) struct Counts {
    /// From the first packet to the answer of the handshake.
    pub(crate) connects: Times,
    /// From when a message was due to its answer; with a broadcast, to each receiver.
    pub(crate) round_trips: Times,
    /// The same from when it was really sent.
    pub(crate) uncorrected: Times,
    /// How late messages were sent.
    pub(crate) delays: Times,
    /// Of a broadcast: from the first receiver of a message to the last.
    pub(crate) fan_outs: Times,
    pub(crate) opened: u64,
    /// Connections that were open and then failed.
    pub(crate) lost: u64,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Payload, before it is compressed.
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Received messages that no sent message asked for.
    pub(crate) unasked: u64,
    /// Messages that were sent and never answered.
    pub(crate) unanswered: u64,
    /// Broadcasts that did not reach every receiver.
    pub(crate) incomplete: u64,
    /// Everything that went over the wire for connections that have ended, from their first message to their last.
    pub(crate) wire_sent: u64,
    pub(crate) wire_received: u64,
    /// The messages in that.
    pub(crate) wire_messages: u64,
    pub(crate) faults: Faults,
    /// When the last message arrived, or the last handshake was completed.
    pub(crate) last: u64,
}

impl Counts {
    pub(crate) fn new() -> Self {
        Self {
            connects: Times::new(),
            round_trips: Times::new(),
            uncorrected: Times::new(),
            delays: Times::new(),
            fan_outs: Times::new(),
            opened: 0,
            lost: 0,
            sent: 0,
            received: 0,
            bytes_sent: 0,
            bytes_received: 0,
            unasked: 0,
            unanswered: 0,
            incomplete: 0,
            wire_sent: 0,
            wire_received: 0,
            wire_messages: 0,
            faults: Faults::default(),
            last: 0,
        }
    }

    /// Takes note of messages that were answered at `now`.
    pub(crate) fn answered(&mut self, run: Run, now: u64, is_planned: bool) {
        let count = u64::from(run.count);
        self.round_trips.record(now.saturating_sub(run.due), count);
        if is_planned {
            self.uncorrected.record(now.saturating_sub(run.sent), count);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.times_mut().into_iter().zip(other.times()) {
            mine.add(theirs);
        }
        for (mine, theirs) in self.numbers_mut().into_iter().zip(other.numbers()) {
            *mine += theirs;
        }
        self.faults.add(&other.faults);
        self.last = self.last.max(other.last);
    }

    pub(crate) fn clear(&mut self) {
        self.times_mut().into_iter().for_each(Times::clear);
        self.numbers_mut().into_iter().for_each(|number| *number = 0);
        self.faults.clear();
    }

    fn times(&self) -> [&Times; 5] {
        [&self.connects, &self.round_trips, &self.uncorrected, &self.delays, &self.fan_outs]
    }

    fn times_mut(&mut self) -> [&mut Times; 5] {
        let Self { connects, round_trips, uncorrected, delays, fan_outs, .. } = self;
        [connects, round_trips, uncorrected, delays, fan_outs]
    }

    fn numbers(&self) -> [u64; 12] {
        let Self { opened, lost, sent, received, bytes_sent, bytes_received, .. } = *self;
        let Self { unasked, unanswered, incomplete, wire_sent, wire_received, wire_messages, .. } = *self;
        [
            opened,
            lost,
            sent,
            received,
            bytes_sent,
            bytes_received,
            unasked,
            unanswered,
            incomplete,
            wire_sent,
            wire_received,
            wire_messages,
        ]
    }

    fn numbers_mut(&mut self) -> [&mut u64; 12] {
        [
            &mut self.opened,
            &mut self.lost,
            &mut self.sent,
            &mut self.received,
            &mut self.bytes_sent,
            &mut self.bytes_received,
            &mut self.unasked,
            &mut self.unanswered,
            &mut self.incomplete,
            &mut self.wire_sent,
            &mut self.wire_received,
            &mut self.wire_messages,
        ]
    }
}

/// A histogram of times with three significant digits, made when the first comes: most loads need only some of them.
#[derive(Clone, Debug)]
pub(crate) struct Times(Option<Histogram<u64>>);

impl Times {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    pub(crate) fn record(&mut self, nanos: u64, count: u64) {
        self.histogram().saturating_record_n(nanos, count);
    }

    /// `None` while it is empty.
    pub(crate) fn recorded(&self) -> Option<&Histogram<u64>> {
        self.0.as_ref().filter(|histogram| !histogram.is_empty())
    }

    /// The time that this part of all is not above.
    pub(crate) fn quantile(&self, part: f64) -> Option<u64> {
        Some(self.recorded()?.value_at_quantile(part))
    }

    pub(crate) fn add(&mut self, other: &Self) {
        if let Some(other) = other.recorded() {
            // Both have the same bounds.
            let _ = self.histogram().add(other);
        }
    }

    fn clear(&mut self) {
        if let Some(histogram) = self.0.as_mut().filter(|histogram| !histogram.is_empty()) {
            histogram.reset();
        }
    }

    fn histogram(&mut self) -> &mut Histogram<u64> {
        self.0.get_or_insert_with(|| {
            #[allow(clippy::expect_used, reason = "the bounds are constants that a test uses")]
            Histogram::new_with_bounds(FINEST, LONGEST, DIGITS).expect("the bounds make sense")
        })
    }
}

/// 16 ns: finer than any clock read costs.
const FINEST: u64 = 16;

/// An hour; what takes longer counts as that.
const LONGEST: u64 = 3_600_000_000_000;

const DIGITS: u8 = 3;

#[cfg(test)]
#[path = "counts_tests.rs"]
mod tests;
