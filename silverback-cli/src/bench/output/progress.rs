//! How it goes, on standard error while it runs, if somebody looks.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    bars::plain,
    units::{count, duration, rate},
};
use crate::bench::{
    engine::{self, Load, Until},
    plan::Plan,
};

/// A line that is redrawn.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    load: Load,
    is_ascii: bool,
}

impl Progress {
    /// Hidden where standard error is no terminal, or where silence was asked for.
    pub(crate) fn start(plan: &Plan) -> Self {
        let is_seen = io::stderr().is_terminal() && !plan.is_quiet;
        let target = if is_seen { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(LENGTH), target);
        let characters = if plan.is_ascii { "#>-" } else { "█▉▊▋▌▍▎▏ " };
        if let Ok(style) = ProgressStyle::with_template("{prefix:>9} {bar:30} {msg}") {
            bar.set_style(style.progress_chars(characters));
        }
        Self { bar, load: plan.load.clone(), is_ascii: plan.is_ascii }
    }

    pub(crate) fn show(&mut self, state: &engine::Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let (name, part) = stage(&self.load, state);
        self.bar.set_prefix(name);
        self.bar.set_position((part.clamp(0.0, 1.0) * LENGTH as f64) as u64);
        self.bar.set_message(plain(&message(&self.load, state), self.is_ascii));
    }

    /// Clears the line: the summary says it better.
    pub(crate) fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The stage, and how much of it is done.
fn stage(load: &Load, state: &engine::Progress) -> (&'static str, f64) {
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

fn message(load: &Load, state: &engine::Progress) -> String {
    if !state.has_begun {
        let failed = if state.failed > 0 { format!(", {} failed", count(state.failed)) } else { String::new() };
        return format!("{} of {} connections{failed}", count(state.opened), count(load.connections as u64));
    }
    let p99 = state.p99.map_or(String::new(), |p99| format!(", p99 {}", duration(p99)));
    let failed = if state.failed > 0 { format!(", {} errors", count(state.failed)) } else { String::new() };
    format!("{} done, {}/s{p99}{failed}", count(state.received), rate(state.rate))
}

const LENGTH: u64 = 1000;
