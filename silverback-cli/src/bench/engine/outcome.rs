//! The results of a load: the counts of the measured time, and a series of samples.

use std::{fmt, time::Duration};

use super::{
    clock::nanos,
    control::{Control, WorkerState},
    counts::Counts,
    fault::{Cause, Faults},
    load::{Task, Until},
    schedule::planned,
    server_process::{ServerUse, Snapshot},
};

/// The end of a load.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Counts of the measured time, including later answers to messages that were sent in it.
    pub(crate) counts: Counts,
    /// Counts at the end of the measured time. Rates are computed from these.
    pub(crate) in_time: InTime,
    /// Everything that went wrong, from the first connection on.
    pub(crate) faults: Faults,
    pub(crate) opened: u64,
    /// How long opening all connections took.
    pub(crate) opening: Duration,
    pub(crate) measured: Duration,
    /// Of an open model: messages that were due in the measured time.
    pub(crate) planned: Option<u64>,
    /// Of those: what could not be sent by its end.
    pub(crate) unsent: Option<u64>,
    pub(crate) series: Vec<Sample>,
    /// Processor time of this process in the measured time; `None` where the system does not say.
    pub(crate) cpu: Option<Duration>,
    pub(crate) is_interrupted: bool,
    pub(crate) is_about_handshakes: bool,
    /// Connections that were open and then failed.
    pub(crate) lost: u64,
    /// If it was asked for, and can be told.
    pub(crate) server: Option<ServerUse>,
}

/// The counts from which rates are computed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InTime {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_received: u64,
    /// Handshakes.
    pub(crate) opened: u64,
}

/// A short span of the measured time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// When it ended, in seconds of the measured time.
    pub(crate) at: f64,
    pub(crate) seconds: f64,
    pub(crate) sent: u64,
    /// Answers, or handshakes.
    pub(crate) received: u64,
    /// The times of round trips or handshakes; `None` if none was measured.
    pub(crate) p50: Option<u64>,
    pub(crate) p99: Option<u64>,
    pub(crate) max: Option<u64>,
    pub(crate) faults: u64,
}

/// The progress of a load.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) has_begun: bool,
    pub(crate) is_measuring: bool,
    pub(crate) opened: u64,
    pub(crate) failed: u64,
    pub(crate) received: u64,
    /// Since the measured time began.
    pub(crate) elapsed: Duration,
    /// Answers or handshakes per second of the last sample. Before the first sample, the rate of the counts so far.
    pub(crate) rate: f64,
    pub(crate) p99: Option<u64>,
}

/// Collects the counts of all workers.
#[derive(Debug)]
pub(super) struct Ledger {
    counts: Counts,
    /// Since the last sample was closed.
    sample: Counts,
    sample_began: u64,
    sample_nanos: u64,
    /// Empty counts, to swap with a worker's.
    spare: Counts,
    /// Kept through the end of the warm-up.
    faults: Faults,
    opened: u64,
    lost: u64,
    started: u64,
    measured_from: Option<u64>,
    measured_to: Option<u64>,
    in_time: InTime,
    cpu_before: Option<Duration>,
    cpu_after: Option<Duration>,
    /// Before the first connection, when measuring began, and when it ended.
    server: [Option<Snapshot>; 3],
    series: Vec<Sample>,
}

impl Outcome {
    /// Of a load that could not even begin.
    pub(crate) fn nothing(cause: Cause, words: impl fmt::Display) -> Self {
        let mut faults = Faults::default();
        faults.count(cause, words);
        Self {
            counts: Counts::new(),
            in_time: InTime::default(),
            faults,
            opened: 0,
            opening: Duration::ZERO,
            measured: Duration::ZERO,
            planned: None,
            unsent: None,
            series: Vec::new(),
            cpu: None,
            is_interrupted: false,
            is_about_handshakes: false,
            lost: 0,
            server: None,
        }
    }

    /// Answers, deliveries or handshakes per second.
    pub(crate) fn rate(&self) -> f64 {
        self.per_second(self.done_in_time())
    }

    /// Answers, deliveries or handshakes in the measured time.
    pub(crate) fn done_in_time(&self) -> u64 {
        let InTime { received, opened, .. } = self.in_time;
        if self.is_about_handshakes { opened } else { received }
    }

    /// Returns this count as a rate over the measured time.
    pub(crate) fn per_second(&self, count: u64) -> f64 {
        let seconds = self.measured.as_secs_f64();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }
}

impl Ledger {
    pub(super) fn new(control: &Control) -> Self {
        let load = &control.load;
        let sample = match load.until {
            Until::Elapsed(time) => nanos(time / SAMPLES),
            Until::Done(_) => 0,
        };
        Self {
            counts: Counts::new(),
            sample: Counts::new(),
            sample_began: 0,
            sample_nanos: sample.max(FINEST_SAMPLE),
            spare: Counts::new(),
            faults: Faults::default(),
            opened: 0,
            lost: 0,
            started: 0,
            measured_from: None,
            measured_to: None,
            in_time: InTime::default(),
            cpu_before: None,
            cpu_after: None,
            server: [server(control), None, None],
            series: Vec::new(),
        }
    }

    /// The load begins.
    pub(super) fn start(&mut self, now: u64) {
        self.started = now;
    }

    pub(super) fn is_measuring(&self) -> bool {
        self.measured_from.is_some()
    }

    /// Drops all counts so far: they belong to the warm-up.
    pub(super) fn discard(&mut self, state: &WorkerState) {
        self.take(state);
        self.counts.add(&self.sample);
        self.sample.clear();
        let (connects, unasked) = (self.counts.connects.clone(), self.counts.unasked);
        self.counts.clear();
        // Connections are opened before the measured time, and greeted; both are wanted all the same.
        (self.counts.connects, self.counts.unasked) = (connects, unasked);
    }

    pub(super) fn start_measuring(&mut self, control: &Control) {
        let now = control.clock.now();
        if control.load.task == Task::Handshakes {
            self.counts.clear();
        }
        (self.measured_from, self.sample_began) = (Some(now), now);
        self.cpu_before = processor_time();
        self.server[1] = server(control);
    }

    /// The measured time is over, if it has begun.
    pub(super) fn end_measuring(&mut self, control: &Control) {
        let (Some(from), None) = (self.measured_from, self.measured_to) else { return };
        let now = control.clock.now();
        let last = self.counts.last.max(self.sample.last);
        // If the number of messages is given, the time ends with the last message, not when we notice it.
        let ends = matches!(control.load.until, Until::Done(_)) && last > from;
        self.measured_to = Some(if ends { last } else { now });
        self.cpu_after = processor_time();
        self.server[2] = server(control);
        self.end_sample(now);
        let Counts { sent, received, bytes_sent, bytes_received, opened, .. } = self.counts;
        self.in_time = InTime { sent, received, bytes_sent, bytes_received, opened };
    }

    /// Collects the counts of one worker.
    pub(super) fn take(&mut self, state: &WorkerState) {
        state.swap_counts(&mut self.spare);
        self.opened += self.spare.opened;
        self.lost += self.spare.lost;
        self.faults.add(&self.spare.faults);
        self.sample.add(&self.spare);
        self.spare.clear();
    }

    pub(super) fn note_incomplete(&mut self, count: u64) {
        self.sample.incomplete += count;
    }

    pub(super) fn sent(&self) -> u64 {
        self.counts.sent + self.sample.sent
    }

    /// Ends a sample, if it has lasted long enough.
    pub(super) fn close_sample(&mut self, control: &Control) {
        let now = control.clock.now();
        if self.is_measuring() && self.measured_to.is_none() && now - self.sample_began >= self.sample_nanos {
            self.end_sample(now);
        }
    }

    fn end_sample(&mut self, now: u64) {
        let Some(from) = self.measured_from else { return };
        let counts = &self.sample;
        let is_echo = counts.round_trips.recorded().is_some();
        let times = if is_echo { &counts.round_trips } else { &counts.connects };
        let sample = Sample {
            at: seconds(now - from),
            seconds: seconds(now - self.sample_began),
            sent: counts.sent,
            received: if is_echo { counts.received } else { counts.opened },
            p50: times.quantile(0.5),
            p99: times.quantile(0.99),
            max: times.quantile(1.0),
            faults: counts.faults.total(),
        };
        if sample.seconds > 0.0 {
            self.series.push(sample);
        }
        self.counts.add(&self.sample);
        self.sample.clear();
        self.sample_began = now;
        if self.series.len() > 4 * SAMPLES as usize {
            self.series = self.series.chunks(2).map(joined).collect();
            self.sample_nanos *= 2;
        }
    }

    pub(super) fn progress(&self, control: &Control, has_begun: bool) -> Progress {
        let elapsed = self.measured_from.map_or(0, |from| control.clock.now() - from);
        let (rate, p99) = self.pace(control);
        Progress {
            has_begun,
            is_measuring: self.is_measuring(),
            opened: self.opened,
            failed: self.faults.total(),
            received: match control.load.task {
                Task::Handshakes => self.counts.opened + self.sample.opened,
                _ => self.counts.received + self.sample.received,
            },
            elapsed: Duration::from_nanos(elapsed),
            rate,
            p99,
        }
    }

    /// The rate and the 99th percentile that are shown: long loads, and every warm-up, begin without a whole sample.
    fn pace(&self, control: &Control) -> (f64, Option<u64>) {
        if let Some(last) = self.series.last() {
            return (last.received as f64 / last.seconds, last.p99);
        }
        let (counts, is_about_handshakes) = (&self.sample, control.load.task == Task::Handshakes);
        let (done, times) = match is_about_handshakes {
            true => (counts.opened, &counts.connects),
            false => (counts.received, &counts.round_trips),
        };
        let began = if self.is_measuring() { self.sample_began } else { self.started };
        (done as f64 / seconds(control.clock.now() - began).max(1e-3), times.quantile(0.99))
    }

    fn server_use(&self) -> Option<ServerUse> {
        let [before, begun, ended] = self.server;
        Some(ServerUse::between(before?, begun?, ended?))
    }

    pub(super) fn finish(&mut self, control: &Control, is_interrupted: bool) -> Outcome {
        self.end_measuring(control);
        self.counts.add(&self.sample);
        self.counts.incomplete += control.publications().open() as u64;
        let now = control.clock.now();
        let from = self.measured_from.unwrap_or(now);
        let measured = self.measured_to.unwrap_or(now).saturating_sub(from);
        let due = |rate: f64| {
            let by = |then: u64| planned(rate, then.saturating_sub(self.started));
            let due = match control.load.until {
                Until::Elapsed(_) => by(from + measured) - by(from),
                Until::Done(count) if !is_interrupted => count,
                Until::Done(count) => count.min(by(from + measured) - by(from)),
            };
            // Nothing was due for connections that were never opened.
            if control.start.get().is_some_and(|start| start.total() > 0) { due } else { 0 }
        };
        let planned = control.load.task.rate().map(due);
        Outcome {
            counts: std::mem::replace(&mut self.counts, Counts::new()),
            in_time: self.in_time,
            faults: std::mem::take(&mut self.faults),
            opened: self.opened,
            opening: Duration::from_nanos(control.start.get().map_or(now, |start| start.at)),
            measured: Duration::from_nanos(measured),
            planned,
            unsent: planned.map(|planned| planned.saturating_sub(self.in_time.sent)),
            series: std::mem::take(&mut self.series),
            cpu: self.cpu_after.zip(self.cpu_before).map(|(after, before)| after.saturating_sub(before)),
            is_interrupted,
            is_about_handshakes: control.load.task == Task::Handshakes,
            lost: self.lost,
            server: self.server_use(),
        }
    }
}

/// The server's process, if it is to be looked at.
fn server(control: &Control) -> Option<Snapshot> {
    control.load.server.and_then(Snapshot::take)
}

/// Two samples, or the last one that has no other, as one.
fn joined(pair: &[Sample]) -> Sample {
    let Some((last, before)) = pair.split_last() else { return Sample::default() };
    before.iter().fold(*last, |sum, sample| Sample {
        at: sum.at.max(sample.at),
        seconds: sum.seconds + sample.seconds,
        sent: sum.sent + sample.sent,
        received: sum.received + sample.received,
        p50: sum.p50.max(sample.p50),
        p99: sum.p99.max(sample.p99),
        max: sum.max.max(sample.max),
        faults: sum.faults + sample.faults,
    })
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// Returns the processor time that all threads of this process have used.
fn processor_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        use rustix::time::{ClockId, clock_gettime};
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
    #[cfg(not(unix))]
    None
}

/// Points of a plot.
const SAMPLES: u32 = 100;

const FINEST_SAMPLE: u64 = 100_000_000;

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
