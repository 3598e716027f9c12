//! The project's own tests.

use std::time::Duration;

use crate::trouble::{Trouble, Verdict};
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Verdict {
    // `--no-fail-fast`: one broken test must not hide the others.
    let arguments = ["test", "--workspace", "--all-features", "--no-fail-fast"];
    let output = workspace.cargo(&arguments).limit(LIMIT).read_aloud().succeeded_or_named(failed_test)?;
    match count_passed(&output) {
        0 => Err(Trouble::Failed("no test ran".to_owned())),
        count => Ok(format!("{count} tests")),
    }
}

/// The name of the test, if the line says that it failed.
pub(crate) fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// Adds up what each test program says at its end.
pub(crate) fn count_passed(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

const LIMIT: Duration = Duration::from_secs(20 * 60);

#[cfg(test)]
#[path = "own_tests_tests.rs"]
mod tests;
