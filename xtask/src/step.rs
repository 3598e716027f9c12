//! A step of `cargo xtask test`, and its outcome.

use std::time::{Duration, Instant};

use crate::cpu_time;
use crate::error::{Error, Verdict};
use crate::workspace::Workspace;

/// A named check.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    /// The promise that it checks, for the terminal.
    pub(crate) what: &'static str,
    pub(crate) run: fn(&Workspace) -> Verdict,
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped,
}

/// A step that has run.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) note: String,
    pub(crate) took: Duration,
    /// What its processes used of the processors. Much less than `took` means that the step waited.
    pub(crate) computed: Duration,
}

impl Step {
    /// Runs the step, says so on the terminal, and reports.
    pub(crate) fn perform(&self, workspace: &Workspace) -> Report {
        println!("\n==> {}: {}", self.name, self.what);
        let started = Instant::now();
        let computed_before = cpu_time::of_children();
        let (outcome, note) = classify((self.run)(workspace), workspace.is_ci);
        let computed = cpu_time::of_children().saturating_sub(computed_before);
        let report = Report { name: self.name, outcome, note, took: started.elapsed(), computed };
        println!(
            "==> {}: {} in {:.1} s ({:.1} s of CPU): {}",
            report.name,
            report.outcome.word(),
            report.took.as_secs_f64(),
            report.computed.as_secs_f64(),
            report.note
        );
        report
    }
}

impl Outcome {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// In CI a missing tool is a failure, because a check that silently stops running is worthless.
pub(crate) fn classify(verdict: Verdict, is_ci: bool) -> (Outcome, String) {
    match verdict {
        Ok(note) => (Outcome::Passed, note),
        Err(Error::Failed(reason)) => (Outcome::Failed, reason),
        Err(Error::Missing(reason)) if is_ci => (Outcome::Failed, reason),
        Err(Error::Missing(reason) | Error::Skipped(reason)) => (Outcome::Skipped, reason),
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
