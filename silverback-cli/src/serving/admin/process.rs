//! Figures of the process, under the names that Prometheus clients use. Where the system does not tell, they are missing.

use std::fs;

use super::kept::Kept;
use crate::serving::monitor::exposition::{Figure, Kind};

pub(super) fn figures() -> Vec<Figure> {
    let gauge = |name, help, value: Option<f64>| value.map(|value| Figure::plain(name, Kind::Gauge, help, value));
    [
        gauge("process_resident_memory_bytes", "Resident memory.", resident()),
        gauge("process_open_fds", "Open descriptors.", open_descriptors()),
        gauge("process_max_fds", "The most descriptors that this process may have.", descriptor_limit()),
        processor_time().map(|seconds| {
            Figure::plain("process_cpu_seconds_total", Kind::Counter, "Processor time, of user and system.", seconds)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The system lists them one by one.
fn open_descriptors() -> Option<f64> {
    static KEPT: Kept<Option<f64>> = Kept::new();
    KEPT.get(|| Some(fs::read_dir("/proc/self/fd").ok()?.count() as f64))
}

fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

#[cfg(unix)]
fn descriptor_limit() -> Option<f64> {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::Nofile).current.map(|limit| limit as f64)
}

#[cfg(not(unix))]
fn descriptor_limit() -> Option<f64> {
    None
}

#[cfg(unix)]
fn processor_time() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn processor_time() -> Option<f64> {
    None
}
