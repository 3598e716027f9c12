//! The server's processes, looked at from outside (Linux).

use std::{fs, path::PathBuf, time::Duration};

/// A process and its children.
pub struct Server {
    folders: Vec<PathBuf>,
}

impl Server {
    pub fn new(pid: u32) -> Self {
        let mut pids = vec![pid];
        let mut place = 0;
        while let Some(&parent) = pids.get(place) {
            pids.extend(children(parent));
            place += 1;
        }
        Self { folders: pids.iter().map(|pid| PathBuf::from(format!("/proc/{pid}"))).collect() }
    }

    /// How long all threads have run. The scheduler counts nanoseconds.
    pub fn cpu(&self) -> Duration {
        let tasks = self.folders.iter().filter_map(|folder| fs::read_dir(folder.join("task")).ok()).flatten().flatten();
        tasks.map(|task| run_time(&task.path().join("schedstat"))).sum()
    }

    /// Resident bytes. Pages that processes share count for each in part.
    pub fn resident(&self) -> u64 {
        self.folders.iter().filter_map(|folder| field(&folder.join("smaps_rollup"), "Pss:")).sum()
    }
}

/// How long this process has run.
pub fn own_cpu() -> Duration {
    Server::new(std::process::id()).cpu()
}

fn run_time(path: &PathBuf) -> Duration {
    // A thread that has just ended has no figures any more.
    let text = fs::read_to_string(path).unwrap_or_default();
    Duration::from_nanos(text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0))
}

fn field(path: &PathBuf, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024)
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>()).collect()
}
