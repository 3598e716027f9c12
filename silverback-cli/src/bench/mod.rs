//! `silverback bench`: a load on a server, and what came of it.

mod args;
mod condition;
mod engine;
mod output;
mod plan;
mod quantity;

use std::io;

pub(crate) use self::args::Args;
use self::{
    engine::{Cause, Fault, Outcome},
    output::Progress,
    plan::Plan,
};
use crate::{service, trouble::Trouble};

/// Puts the load on the server, shows what came of it, and says it with the exit code.
pub(crate) fn run(args: Args) -> Result<(), Trouble> {
    let plan = Plan::resolve(args)?;
    service::raise_descriptor_limit();
    let report = plan.report.as_deref().map(output::ReportFile::create).transpose()?;
    let mut progress = Progress::start(&plan);
    let outcome = engine::run(plan.load.clone(), interrupted, &mut |state| progress.show(state));
    progress.finish();
    let outcome = outcome.map_err(|error| Trouble::System(format!("the load cannot be run: {error}")))?;
    output::print(&plan, &outcome)?;
    if let Some(report) = report {
        report.write(&plan, &outcome)?;
    }
    verdict(&plan, &outcome)
}

/// Ready when the person at the keyboard has seen enough.
async fn interrupted() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn verdict(plan: &Plan, outcome: &Outcome) -> Result<(), Trouble> {
    if outcome.is_interrupted {
        return Err(Trouble::Signal(INTERRUPTED));
    }
    if let Some((cause, fault)) = came_to_nothing(outcome) {
        let words = format!("no connection came to anything: {} ({})", cause.describe(), fault.example);
        return Err(cause.trouble(words));
    }
    let met = plan.fail_if.iter().filter(|condition| condition.is_met(outcome));
    let met: Vec<_> = met.map(|condition| format!("{condition} ({})", condition.found(outcome))).collect();
    if met.is_empty() { Ok(()) } else { Err(Trouble::Condition(format!("it is so: {}", met.join(", ")))) }
}

/// Why not one connection did anything, if none did: what was met most.
fn came_to_nothing(outcome: &Outcome) -> Option<(Cause, &Fault)> {
    let most = outcome.faults.most()?;
    let counts = &outcome.counts;
    let all_failed = outcome.opened == 0 || outcome.lost >= outcome.opened;
    (all_failed && counts.received == 0).then_some(most)
}

/// What a shell expects of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

#[cfg(test)]
mod tests;
