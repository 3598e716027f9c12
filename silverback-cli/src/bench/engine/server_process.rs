//! CPU time and memory of a server process on the same machine (Linux).

use std::{fs, time::Duration};

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Snapshot {
    /// The processor time of its threads.
    cpu: Duration,
    /// Bytes of memory in use.
    resident: u64,
}

/// CPU time in the measured time, and memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerUse {
    pub(crate) cpu: Duration,
    /// Bytes of memory in use before the first connection, and at the end of the measured time.
    pub(crate) resident_before: u64,
    pub(crate) resident_after: u64,
}

impl Snapshot {
    /// Returns `None` if the process or `/proc` does not exist.
    pub(super) fn take(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let resident: u64 = resident.trim().trim_end_matches(" kB").parse().ok()?;
        let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
        let busy = threads.filter_map(|thread| {
            // One that has just ended has no figures any more.
            let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Some(Self { cpu: Duration::from_nanos(busy.sum()), resident: resident * 1024 })
    }
}

impl ServerUse {
    /// Between three moments: before the first connection, when measuring began, and when it ended.
    pub(super) fn between(before: Snapshot, begun: Snapshot, ended: Snapshot) -> Self {
        Self {
            cpu: ended.cpu.saturating_sub(begun.cpu),
            resident_before: before.resident,
            resident_after: ended.resident,
        }
    }
}
