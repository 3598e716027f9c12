//! The end of a run: a table with a line per step, then the closing line that other programs may read.

use std::time::Duration;

use crate::step::{Outcome, Report};

/// The table of all steps, with the notes shortened to one line each.
pub(crate) fn table(reports: &[Report]) -> String {
    let width = reports.iter().map(|report| report.name.len()).max().unwrap_or(0);
    let mut text = String::from("\nSummary\n");
    for report in reports {
        text.push_str(&format!(
            "  {:<width$}  {:<7}  {:>7.1} s  {:>7.1} s CPU  {}\n",
            report.name,
            report.outcome.word(),
            report.took.as_secs_f64(),
            report.computed.as_secs_f64(),
            first_line(&report.note),
        ));
    }
    let [took, computed] = [|report: &Report| report.took, |report: &Report| report.computed]
        .map(|time| reports.iter().map(time).sum::<Duration>().as_secs_f64());
    text.push_str(&format!("  {:<width$}  {:<7}  {took:>7.1} s  {computed:>7.1} s CPU\n", "total", ""));
    text
}

/// `N passed, N failed, N skipped`, alone on the last line.
pub(crate) fn closing_line(reports: &[Report]) -> String {
    let count = |outcome| reports.iter().filter(|report| report.outcome == outcome).count();
    format!("{} passed, {} failed, {} skipped", count(Outcome::Passed), count(Outcome::Failed), count(Outcome::Skipped))
}

fn first_line(note: &str) -> String {
    let line = note.lines().next().unwrap_or("");
    match line.char_indices().nth(LONGEST_NOTE) {
        Some((end, _)) => format!("{} ...", &line[..end]),
        None => line.to_owned(),
    }
}

const LONGEST_NOTE: usize = 160;
