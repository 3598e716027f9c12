//! `silverback bench`: puts a load on a server and reports the results.

pub(crate) mod args;
mod command_line;
mod condition;
mod engine;
mod output;
mod plan;
mod quantity;

use std::{cell::Cell, time::Duration};

use self::output::report::ReportFile;
use self::{
    args::Args,
    engine::{
        fault::{Cause, Fault},
        outcome::Outcome,
    },
    output::progress::Progress,
    plan::Plan,
};
use crate::{
    dialing::errors::with_advice,
    error::{self, Error},
    serving::descriptors,
    signals::Signals,
};

/// Puts the load on the server and prints the results. An error carries the exit code.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let mut signals = Signals::catch()?;
    let plan = Plan::resolve(args)?;
    descriptors::raise_limit();
    let report = plan.report.as_deref().map(ReportFile::create).transpose()?;
    let mut progress = Progress::start(&plan);
    let signal = Cell::new(None);
    let outcome = engine::run(plan.load.clone(), async || interrupted(&mut signals, &signal).await, &mut |state| {
        progress.show(state)
    });
    // The results can be printed as far as there is time, or not at all.
    drop(signals);
    progress.finish();
    let outcome = outcome.map_err(|error| Error::System(format!("cannot run the load: {error}")))?;
    output::print(&plan, &outcome)?;
    if let Some(report) = report {
        let path = report.write(&plan, &outcome)?;
        error::report(&format_args!("wrote the report to {}", path.display()));
    }
    match signal.get() {
        Some(code) => Err(Error::Signal(code)),
        None => verdict(&plan, &outcome),
    }
}

/// Ready when the person at the keyboard has seen enough, or a supervisor has; leaves the exit code there.
async fn interrupted(signals: &mut Signals, signal: &Cell<Option<u8>>) {
    signals.end_in_order(PATIENCE);
    signal.set(Some(signals.next().await));
}

fn verdict(plan: &Plan, outcome: &Outcome) -> Result<(), Error> {
    if let Some((cause, fault)) = end_of_all(outcome) {
        let what = if outcome.counts.received > 0 { "every connection was lost" } else { "no connection succeeded" };
        let words = format!("{what}: {} ({})", cause.describe(), fault.example);
        return Err(cause.error(match cause.is_of_dialing() {
            true => with_advice(words, &plan.load.target.url),
            false => words,
        }));
    }
    if let Some(words) = undelivered(outcome) {
        return Err(Error::Timeout(words));
    }
    let met = plan.fail_if.iter().filter(|condition| condition.is_met(outcome));
    let met: Vec<_> = met.map(|condition| format!("{condition} ({})", condition.found(outcome))).collect();
    if met.is_empty() {
        Ok(())
    } else {
        Err(Error::Condition(format!("a --fail-if condition matched: {}", met.join(", "))))
    }
}

/// Returns the most frequent cause if no connection is left.
fn end_of_all(outcome: &Outcome) -> Option<(Cause, &Fault)> {
    let most = outcome.faults.most()?;
    (outcome.opened == 0 || outcome.lost >= outcome.opened).then_some(most)
}

/// Returns an error if some messages were sent and none reached its destination.
fn undelivered(outcome: &Outcome) -> Option<String> {
    let counts = &outcome.counts;
    if counts.incomplete > 0 && counts.fan_outs.recorded().is_none() {
        return Some(format!("none of {} messages reached every receiver in time", counts.incomplete));
    }
    let is_unanswered = counts.received == 0 && counts.unanswered > 0;
    is_unanswered.then(|| format!("none of {} messages was answered in time", counts.unanswered))
}

/// From a signal to the end: answers and closes are waited for a second each, and then the results are printed.
const PATIENCE: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests;
