//! Runs programs under callgrind.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::page::{RAW, SUBJECTS, Table};
use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// A load of `bench/src/rounds.rs`.
pub(super) struct Load {
    pub(super) name: &'static str,
    messages_per_round: u64,
    pub(super) rounds: u64,
    /// `false` if both loops do the same work: it is then counted once.
    has_lending: bool,
}

impl Load {
    /// The messages that are counted: `rounds` come before them, and twice as many are counted.
    pub(super) fn messages(&self) -> u64 {
        2 * self.rounds * self.messages_per_round
    }
}

/// All loads with all servers.
pub(super) fn all(workspace: &Workspace) -> Result<Table, Error> {
    let counter = Counter::new(workspace)?;
    let program = build(workspace)?;
    let jobs: Vec<_> = LOADS
        .iter()
        .flat_map(|load| SUBJECTS.iter().map(move |subject| (load, *subject)))
        .filter(|(load, subject)| load.has_lending || *subject == RAW || *subject == "plain")
        .collect();
    let runs = jobs.iter().map(|(load, subject)| Job {
        program: &program,
        arguments: [subject, load.name, &load.rounds.to_string()].map(str::to_owned).to_vec(),
        messages: load.messages(),
    });
    let counts = counter.in_parallel(&runs.collect::<Vec<_>>())?;
    let of = |load: &Load, subject: &str| {
        let index = jobs.iter().position(|(other, name)| other.name == load.name && *name == subject)?;
        Some(counts[index].instructions as u64)
    };
    Ok(LOADS.iter().map(|load| (load.name.to_owned(), SUBJECTS.map(|subject| of(load, subject)))).collect())
}

/// The compiler's version. Other versions generate other instructions.
pub(super) fn compiler(workspace: &Workspace) -> Result<String, Error> {
    Ok(workspace.task("rustc").arg("--version").read()?.trim().to_owned())
}

/// With the profile of the benchmarks.
/// The load of this name.
pub(super) fn find(name: &str) -> Option<&'static Load> {
    LOADS.iter().find(|load| load.name == name)
}

fn build(workspace: &Workspace) -> Result<PathBuf, Error> {
    let target = workspace.target.join("bench");
    workspace
        .cargo(&["build", "--release", "--manifest-path", "bench/Cargo.toml", "--bin", "instructions"])
        .args(["--features", "silverback"])
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    Ok(target.join("release/instructions"))
}

/// A program that runs one of the loads of `bench/src/rounds.rs`.
pub(super) struct Job<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<String>,
    /// In the rounds that are counted.
    pub(super) messages: u64,
}

/// The cost of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Cost {
    /// In user space.
    pub(super) instructions: f64,
    pub(super) system_calls: f64,
}

pub(super) struct Counter {
    valgrind: PathBuf,
    /// For what callgrind writes.
    folder: PathBuf,
}

impl Counter {
    pub(super) fn new(workspace: &Workspace) -> Result<Self, Error> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(Error::Skipped("instructions are counted on Linux on x86-64".to_owned()));
        }
        let valgrind = tools::from_debian(&["valgrind"], &["valgrind", "libc6-dbg"])?;
        let folder = workspace.target.join("callgrind");
        fs::create_dir_all(&folder).or_failed(folder.display())?;
        Ok(Self { valgrind, folder })
    }

    /// In the order of the jobs. Valgrind runs one thread at a time, so there is one job for each core.
    pub(super) fn in_parallel(&self, jobs: &[Job<'_>]) -> Result<Vec<Cost>, Error> {
        let next = AtomicUsize::new(0);
        let costs = Mutex::new(vec![Cost::default(); jobs.len()]);
        let work = || -> Result<(), Error> {
            loop {
                let index = next.fetch_add(1, Relaxed);
                let Some(job) = jobs.get(index) else { return Ok(()) };
                let cost = self.for_each_message(job, index)?;
                costs.lock().unwrap_or_else(PoisonError::into_inner)[index] = cost;
            }
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..tools::cores()).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().ok().or_failed("a counting thread ended early")?)
        })?;
        Ok(costs.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn for_each_message(&self, job: &Job<'_>, index: usize) -> Result<Cost, Error> {
        let report = self.folder.join(index.to_string());
        Task::new(&self.valgrind)
            .args(["--quiet", "--tool=callgrind", "--collect-systime=yes"])
            .args(["--zero-before=*::counting_starts", "--dump-before=*::counting_ends"])
            .arg(format!("--callgrind-out-file={}", report.display()))
            .arg(job.program)
            .args(&job.arguments)
            .env("GLIBC_TUNABLES", COPIES_IN_VECTORS)
            .run()?;
        // The first part of the report ends before the second of these functions.
        let report = report.with_extension("1");
        let text = fs::read_to_string(&report).or_failed(report.display())?;
        fs::remove_file(&report).or_failed(report.display())?;
        let (instructions, calls) = totals(&text).or_failed(format_args!("{} has no totals", report.display()))?;
        let each = |count: u64| count as f64 / job.messages as f64;
        Ok(Cost { instructions: each(instructions), system_calls: each(calls) })
    }
}

/// The instructions and the system calls in a report. Reading the clock is a system call only under valgrind.
fn totals(report: &str) -> Option<(u64, u64)> {
    let mut counts = report.lines().find_map(|line| line.strip_prefix("summary: "))?.split_whitespace();
    let mut next = || counts.next()?.parse::<u64>().ok();
    let (instructions, calls) = (next()?, next()?);
    Some((instructions, calls.saturating_sub(calls_of(report, "clock_gettime"))))
}

/// How often functions with this beginning of their name are called.
fn calls_of(report: &str, beginning: &str) -> u64 {
    // A function has a number, and its name stands where the number is used first.
    let (mut known, mut is_callee, mut calls) = (Vec::new(), false, 0);
    for line in report.lines() {
        if let Some(function) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")) {
            let (number, name) = function.split_once(' ').unwrap_or((function, ""));
            if name.starts_with(beginning) {
                known.push(number);
            }
            is_callee = line.starts_with("cfn=") && known.contains(&number);
        } else if let Some(count) = line.strip_prefix("calls=").filter(|_| is_callee) {
            calls += count.split(' ').next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    calls
}

/// Otherwise the C library makes large copies with one instruction that valgrind counts once for each byte.
const COPIES_IN_VECTORS: &str = "glibc.cpu.hwcaps=-ERMS";

const fn load(name: &'static str, messages_per_round: u64, rounds: u64) -> Load {
    Load { name, messages_per_round, rounds, has_lending: true }
}

const LOADS: &[Load] = &[
    load("small", 1, 300),
    load("batch", 32, 60),
    load("text", 1, 300),
    load("text-batch", 32, 60),
    load("large", 1, 60),
    Load { has_lending: false, ..load("handshake", 1, 100) },
];

#[cfg(test)]
#[path = "count_tests.rs"]
mod tests;
