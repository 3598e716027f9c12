//! When the messages of an open model are due: evenly spread over time, and over connections within each round.

/// The plan of one connection, as part of the plan of all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Schedule {
    start: u64,
    /// From one message of this connection to its next.
    gap: f64,
    /// When its first message is due, as a part of the gap.
    phase: f64,
}

impl Schedule {
    /// For a connection that sends `rate` messages a second from `start` on, the first after this part of its gap.
    pub(crate) fn new(start: u64, rate: f64, phase: f64) -> Self {
        Self { start, gap: NANOS_PER_SECOND / rate, phase }
    }

    /// When message `index` is due, counted from 0. Computed from the start each time: errors do not add up.
    pub(crate) fn due(&self, index: u64) -> u64 {
        self.start + ((self.phase + index as f64) * self.gap) as u64
    }
}

/// The number of messages that are due within so many nanoseconds.
pub(crate) fn planned(rate: f64, nanos: u64) -> u64 {
    (rate * nanos as f64 / NANOS_PER_SECOND).ceil() as u64
}

const NANOS_PER_SECOND: f64 = 1e9;

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
