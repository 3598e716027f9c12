//! Lines on standard error, written by a separate thread: a full pipe or a stopped terminal does not block the thread
//! that reports. Lines that do not fit into the queue are dropped and counted.

use std::{
    io,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

/// Queues lines. The last one needs no newline.
pub(crate) fn write(lines: &str) {
    static WRITER: Mutex<bool> = Mutex::new(false);
    QUEUE.push(lines);
    let mut is_running = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_running {
        let started = thread::Builder::new().name("diagnostics".to_owned()).spawn(|| QUEUE.write_all(io::stderr()));
        // If the thread cannot start, the next line tries again.
        *is_running = started.is_ok();
    }
}

/// Waits until everything is written, at most for this long if there is a limit.
pub(crate) fn finish(within: Option<Duration>) {
    QUEUE.finish(within);
}

static QUEUE: Queue =
    Queue::new(|count| format!("silverback: {count} more lines came faster than they could be written"));

/// Lines that wait for a thread to write them.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Makes the line about lines that did not fit.
    about_left_out: fn(u64) -> String,
}

#[derive(Debug)]
struct State {
    text: String,
    left_out: u64,
    is_writing: bool,
}

impl State {
    const fn new() -> Self {
        Self { text: String::new(), left_out: 0, is_writing: false }
    }

    fn is_empty(&self) -> bool {
        self.text.is_empty() && self.left_out == 0
    }
}

impl Queue {
    pub(crate) const fn new(about_left_out: fn(u64) -> String) -> Self {
        Self { state: Mutex::new(State::new()), changed: Condvar::new(), about_left_out }
    }

    /// Queues lines without waiting. The last one needs no newline.
    pub(crate) fn push(&self, lines: &str) {
        let mut state = self.lock();
        if state.text.len() + lines.len() > MOST_BYTES && !state.text.is_empty() {
            state.left_out += 1;
        } else {
            state.text.push_str(lines);
            state.text.push('\n');
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Writes all lines, for ever.
    pub(crate) fn write_all(&self, mut out: impl io::Write) {
        loop {
            let state = self.lock();
            let waiting = self.changed.wait_while(state, |state| state.is_empty());
            let mut state = waiting.unwrap_or_else(PoisonError::into_inner);
            let mut text = std::mem::take(&mut state.text);
            if let count @ 1.. = std::mem::take(&mut state.left_out) {
                text.push_str(&(self.about_left_out)(count));
                text.push('\n');
            }
            state.is_writing = true;
            drop(state);
            // If standard error is closed, there is nowhere to report.
            let _ = out.write_all(text.as_bytes());
            self.lock().is_writing = false;
            self.changed.notify_all();
        }
    }

    /// Waits until everything is written, at most for this long if there is a limit.
    pub(crate) fn finish(&self, within: Option<Duration>) {
        let deadline = within.map(|within| Instant::now() + within);
        let mut state = self.lock();
        while state.is_writing || !state.is_empty() {
            let left = deadline.map_or(LONG, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size of the queue: more than a service reports in a minute.
const MOST_BYTES: usize = 256 * 1024;
const LONG: Duration = Duration::from_secs(3600);

#[cfg(test)]
#[path = "diagnostics_tests.rs"]
mod tests;
