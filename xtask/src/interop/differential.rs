//! Differential runs: our connection and Python `websockets` read the same random streams of compressed messages.
//!
//! `tests/interop/python/differential` says how streams are drawn and compared, and lists the known differences.

use std::time::Duration;

use super::{failed_check, python, scripts};
use crate::error::{OrFailed as _, Verdict};
use crate::process::Task;
use crate::program;
use crate::workspace::Workspace;

pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let python = python::environment(workspace)?;
    let program = program::ensure_example(workspace, "differential")?;
    let runs = Task::new(python).arg(scripts(workspace).join("python/differential")).arg(program);
    let output = runs.args(["--cases", CASES]).limit(LIMIT).read_aloud().succeeded_or_named(failed_check)?;
    let known = output.lines().filter(|line| line.starts_with("ok known difference")).count();
    let compared = output.lines().find_map(|line| line.strip_prefix("compared ")).or_failed("nothing was compared")?;
    Ok(format!("{compared}; {known} known differences are as described"))
}

/// Some ten seconds. Every run draws others.
const CASES: &str = "10000";
const LIMIT: Duration = Duration::from_secs(600);
