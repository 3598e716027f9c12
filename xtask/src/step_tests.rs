use std::time::Duration;

use super::{Outcome, Report, classify};
use crate::error::Error;
use crate::summary;

fn report(outcome: Outcome, note: &str) -> Report {
    Report { name: "step", outcome, note: note.to_owned(), took: Duration::from_millis(1500), computed: Duration::ZERO }
}

#[test]
fn a_missing_tool_is_a_failure_in_ci_and_a_skip_elsewhere() {
    let missing = || Err(Error::Missing("no node".to_owned()));
    assert_eq!(classify(missing(), true).0, Outcome::Failed);
    assert_eq!(classify(missing(), false).0, Outcome::Skipped);
}

#[test]
fn nothing_to_check_is_a_skip_everywhere() {
    let skipped = || Err(Error::Skipped("no targets".to_owned()));
    assert_eq!(classify(skipped(), true).0, Outcome::Skipped);
    assert_eq!(classify(skipped(), false).0, Outcome::Skipped);
}

#[test]
fn the_closing_line_counts_every_step_once() {
    let reports = [report(Outcome::Passed, ""), report(Outcome::Skipped, ""), report(Outcome::Passed, "")];
    assert_eq!(summary::closing_line(&reports), "2 passed, 0 failed, 1 skipped");
}

#[test]
fn the_table_keeps_one_line_per_step_whatever_the_note() {
    let table = summary::table(&[report(Outcome::Failed, &format!("{}\nmore", "ä".repeat(500)))]);
    let line = table.lines().find(|line| line.contains("step")).expect("a line for the step");
    assert!(line.contains("FAILED") && line.contains("1.5 s") && line.ends_with("ä ..."));
    assert!(!table.contains("more"));
}
