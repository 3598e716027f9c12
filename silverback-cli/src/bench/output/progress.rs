//! The progress line on standard error of a terminal. It has its own thread, so that a stopped terminal does not block
//! the load.

use std::{
    io::{self, IsTerminal},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    bars::plain,
    units::{count, duration, rate},
};
use crate::bench::{
    engine::{
        load::{Load, Until},
        outcome,
    },
    plan::Plan,
};

/// A line that is redrawn, if there is one.
#[derive(Debug)]
pub(crate) struct Progress(Option<Drawing>);

/// The thread that draws.
#[derive(Debug)]
struct Drawing {
    states: SyncSender<outcome::Progress>,
    ended: Receiver<()>,
}

struct Line {
    bar: ProgressBar,
    load: Load,
    is_ascii: bool,
}

impl Progress {
    /// Shows nothing if standard error is not a terminal, or with `--quiet`.
    pub(crate) fn start(plan: &Plan) -> Self {
        if !io::stderr().is_terminal() || plan.is_quiet {
            return Self(None);
        }
        let line = Line::new(plan);
        let (states, shown) = sync_channel::<outcome::Progress>(1);
        let (ending, ended) = sync_channel(0);
        let work = move || {
            line.draw(&shown);
            drop::<SyncSender<()>>(ending);
        };
        // Without a thread nothing is shown, and all is measured.
        let started = thread::Builder::new().name("progress".to_owned()).spawn(work);
        Self(started.ok().map(|_| Drawing { states, ended }))
    }

    /// Leaves it out while the last one is still being drawn.
    pub(crate) fn show(&mut self, state: &outcome::Progress) {
        if let Some(drawing) = &self.0 {
            let _ = drawing.states.try_send(state.clone());
        }
    }

    /// Clears the line: the summary says it better.
    pub(crate) fn finish(self) {
        if let Some(Drawing { states, ended }) = self.0 {
            drop(states);
            // The channel carries no values. It closes when the thread ends.
            let _: Result<(), RecvTimeoutError> = ended.recv_timeout(CLEARING);
        }
    }
}

impl Line {
    fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::with_draw_target(Some(LENGTH), ProgressDrawTarget::stderr_with_hz(10));
        let characters = if plan.is_ascii { "#>-" } else { "█▉▊▋▌▍▎▏ " };
        if let Ok(style) = ProgressStyle::with_template("{prefix:>9} {bar:30} {msg}") {
            bar.set_style(style.progress_chars(characters));
        }
        Self { bar, load: plan.load.clone(), is_ascii: plan.is_ascii }
    }

    fn draw(&self, states: &Receiver<outcome::Progress>) {
        for state in states {
            let (name, part) = stage(&self.load, &state);
            self.bar.set_prefix(name);
            self.bar.set_position((part.clamp(0.0, 1.0) * LENGTH as f64) as u64);
            self.bar.set_message(plain(&message(&self.load, &state), self.is_ascii));
        }
        self.bar.finish_and_clear();
    }
}

/// The stage, and how much of it is done.
fn stage(load: &Load, state: &outcome::Progress) -> (&'static str, f64) {
    if !state.has_begun {
        return ("opening", (state.opened + state.failed) as f64 / load.connections as f64);
    }
    if !state.is_measuring {
        return ("warm-up", 0.0);
    }
    let part = match load.until {
        Until::Elapsed(time) => state.elapsed.as_secs_f64() / time.max(Duration::from_millis(1)).as_secs_f64(),
        Until::Done(number) => state.received as f64 / number as f64,
    };
    ("measuring", part)
}

fn message(load: &Load, state: &outcome::Progress) -> String {
    if !state.has_begun {
        let failed = if state.failed > 0 { format!(", {} failed", count(state.failed)) } else { String::new() };
        return format!("{} of {} connections{failed}", count(state.opened), count(load.connections as u64));
    }
    let p99 = state.p99.map_or(String::new(), |p99| format!(", p99 {}", duration(p99)));
    let failed = if state.failed > 0 { format!(", {} errors", count(state.failed)) } else { String::new() };
    format!("{} done, {}/s{p99}{failed}", count(state.received), rate(state.rate))
}

const LENGTH: u64 = 1000;
/// For clearing the line.
const CLEARING: Duration = Duration::from_millis(500);
