//! `cargo xtask hub-faults`: nodes of `silverback hub` and real brokers under load, while processes are killed and frozen.
//! `tests/hub-faults` does the work.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, value_parser};

use crate::date;
use crate::error::{Error, Verdict};
use crate::process::Task;
use crate::workspace::Workspace;
use crate::{brokers, program, tools};

/// `cargo xtask hub-faults`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Run all faults several times, with slow readers and a soak, and write docs/hub-faults.md. This takes more than an hour.
    #[arg(long)]
    pub(crate) full: bool,
    /// Repeat each fault this many times.
    #[arg(long, value_name = "N", requires = "full", default_value = "3", value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) runs: usize,
    /// Soak the nodes for this many minutes with each engine.
    #[arg(long, value_name = "M", requires = "full", default_value = "10", value_parser = value_parser!(u64).range(1..))]
    pub(crate) minutes: u64,
}

/// Runs everything, or the selection of `cargo xtask test`. `true` if nothing failed.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    if !request.full {
        println!("{}", step(workspace)?);
        return Ok(true);
    }
    // What the clients cost would be part of the latencies.
    workspace.cargo(&["build", "--release", "--package", RUNNER]).run()?;
    let runner = workspace.target.join("release").join(RUNNER);
    let task = start(workspace, runner, ALL_ENGINES, ALL_FAULTS)?
        .args(["--runs", &request.runs.to_string(), "--slow", "--soak", &(request.minutes * 60).to_string()])
        .args(["--date", &date::today()])
        .arg("--page")
        .arg(workspace.root.join(PAGE));
    task.limit(Duration::from_secs(4 * 3600)).read_aloud().succeeded_or_named(failed)?;
    Ok(true)
}

/// A few faults with each kind of broker, on the same nodes.
pub(crate) fn step(workspace: &Workspace) -> Verdict {
    let arguments = ["build", "--workspace", "--all-features", "--bin", RUNNER];
    tools::need_openssl()?;
    workspace.cargo(&arguments).run()?;
    let runner = workspace.target.join("debug").join(RUNNER);
    let mut count = 0;
    for (engines, faults) in SELECTION {
        let task = start(workspace, runner.clone(), engines, faults)?.arg("--together");
        let output = task.limit(LIMIT).read_aloud().succeeded_or_named(failed)?;
        count += output.lines().filter(|line| line.starts_with("ok ")).count();
    }
    match count {
        0 => Err(Error::Failed("nothing was checked".to_owned())),
        count => Ok(format!("{count} faults; all of them: cargo xtask hub-faults --full")),
    }
}

fn start(workspace: &Workspace, runner: PathBuf, engines: &str, faults: &str) -> Result<Task, Error> {
    let task = Task::new(runner)
        .arg("--program")
        .arg(program::ensure(workspace)?)
        .arg("--folder")
        .arg(workspace.artifacts().join(RUNNER))
        .args(["--engines", engines, "--faults", faults]);
    let variables = brokers::variables(workspace);
    Ok(variables.iter().fold(task, |task, (variable, path)| task.env(variable, path)))
}

fn failed(line: &str) -> Option<&str> {
    line.strip_prefix("FAILED ")
}

const RUNNER: &str = "hub-faults";
const PAGE: &str = "docs/hub-faults.md";
/// For `cargo xtask test`: engines, and the faults that strike them in turn.
const SELECTION: &[(&str, &str)] =
    &[("nats", "broker-killed,node-killed"), ("redis", "broker-frozen,broker-empty,node-frozen")];
const ALL_ENGINES: &str = "nats,nats-new,redis";
const ALL_FAULTS: &str = "broker-killed,broker-frozen,broker-empty,node-killed,node-frozen,broker-late,herd";
const LIMIT: Duration = Duration::from_secs(300);
