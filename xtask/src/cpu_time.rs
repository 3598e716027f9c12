//! How much time of the processors the children of this process have used.

use std::fs;
use std::time::Duration;

/// The time of all children that have ended, and of theirs, in user mode and in the kernel. Zero where there is no
/// `/proc`: this figure says where a run spends its time, and nothing depends on it.
pub(crate) fn of_children() -> Duration {
    fs::read_to_string("/proc/self/stat").ok().and_then(|stat| parse(&stat)).unwrap_or_default()
}

/// Fields 16 and 17 of proc_pid_stat(5), `cutime` and `cstime`. The name in field 2 may hold spaces and parentheses.
fn parse(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(16 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + kernel) * MILLISECONDS_PER_TICK))
}

/// `USER_HZ` is 100 on each architecture that the tests run on.
const MILLISECONDS_PER_TICK: u64 = 10;

#[cfg(test)]
#[path = "cpu_time_tests.rs"]
mod tests;
