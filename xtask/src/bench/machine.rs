//! The machine: which core who runs on, and what to write above the figures.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// The core of the servers and the core of the load.
pub(super) const SERVER_CORE: &str = "0";
pub(super) const LOAD_CORE: &str = "1";

/// A command that runs on one core, where there are two and a way to say so.
pub(super) fn pinned(core: &str, program: impl AsRef<OsStr>) -> Task {
    match tools::find("taskset").filter(|_| tools::cores() >= 2) {
        Some(taskset) => Task::new(taskset).args(["-c", core]).arg(program),
        None => Task::new(program),
    }
}

/// Processor, kernel and compiler, as far as the machine tells.
pub(super) fn description(workspace: &Workspace) -> String {
    let text = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
    let processors = text("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = tools::cores();
    let compiler = workspace.task("rustc").arg("--version").read().unwrap_or_default();
    format!(
        "{} ({cores} cores), Linux {}, {}",
        model.trim_start_matches([' ', '\t', ':']),
        version_of(text("/proc/sys/kernel/osrelease").trim()),
        compiler.trim()
    )
}

/// A kernel's version without the name of its build, which changes when a virtual machine is started anew.
fn version_of(release: &str) -> &str {
    release.split_once('-').map_or(release, |(version, _)| version)
}

/// The versions of the measured libraries, from the servers' lock file.
pub(super) fn versions(workspace: &Workspace) -> String {
    let lock = fs::read_to_string(workspace.root.join("bench/Cargo.lock")).unwrap_or_default();
    let versions: Vec<_> =
        NAMED.iter().filter_map(|name| Some(format!("{name} {}", version_in(&lock, name)?))).collect();
    versions.join(", ")
}

/// The newest, where there are several: an older one belongs to some other library.
fn version_in<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = lock.rsplit_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0)
}

/// How many programs want to run just now.
pub(super) fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0.0)
}

/// The libraries, and what several of them are built on.
const NAMED: &[&str] = &[
    "silverback",
    "tokio-tungstenite",
    "fastwebsockets",
    "tokio-websockets",
    "yawc",
    "sockudo-ws",
    "actix-ws",
    "async-tungstenite",
    "soketto",
    "ratchet_rs",
    "web-socket",
    "axum",
    "tokio",
    "hyper",
    "zlib-rs",
    "miniz_oxide",
];

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
