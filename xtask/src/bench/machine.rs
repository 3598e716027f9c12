//! The machine: which core who runs on, and what to write above the figures.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::thread;

use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// The core of the servers and the core of the load.
pub(super) const SERVER_CORE: &str = "0";
pub(super) const LOAD_CORE: &str = "1";

/// A command that runs on one core, where there are two and a way to say so.
pub(super) fn pinned(core: &str, program: impl AsRef<OsStr>) -> Task {
    let has_two = thread::available_parallelism().is_ok_and(|count| count.get() >= 2);
    match tools::find("taskset").filter(|_| has_two) {
        Some(taskset) => Task::new(taskset).args(["-c", core]).arg(program),
        None => Task::new(program),
    }
}

/// Processor, kernel and compiler, as far as the machine tells.
pub(super) fn description(workspace: &Workspace) -> String {
    let text = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
    let processors = text("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let compiler = workspace.task("rustc").arg("--version").read().unwrap_or_default();
    format!(
        "{} ({cores} cores), Linux {}, {}",
        model.trim_start_matches([' ', '\t', ':']),
        text("/proc/sys/kernel/osrelease").trim(),
        compiler.trim()
    )
}

/// How many programs want to run just now.
pub(super) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}
