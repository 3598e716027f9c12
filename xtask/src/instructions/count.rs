//! Builds the counted program and runs it under callgrind.

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

/// A load of `bench/src/bin/instructions.rs`.
struct Load {
    name: &'static str,
    messages_per_round: u64,
    rounds: u64,
    /// `false` if both loops do the same work: it is then counted once.
    has_lending: bool,
}

/// All loads with all servers.
pub(super) fn all(workspace: &Workspace) -> Result<Table, Error> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(Error::Skipped("instructions are counted on Linux on x86-64".to_owned()));
    }
    let valgrind = tools::from_debian(&["valgrind"], &["valgrind", "libc6-dbg"])?;
    let program = build(workspace)?;
    let folder = workspace.target.join("callgrind");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    let counter = Counter { valgrind, program, folder };
    let jobs: Vec<_> = LOADS
        .iter()
        .flat_map(|load| SUBJECTS.iter().map(move |subject| (load, *subject)))
        .filter(|(load, subject)| load.has_lending || *subject == RAW || *subject == "plain")
        .collect();
    let counts = counter.in_parallel(&jobs)?;
    let of = |load: &Load, subject: &str| {
        let index = jobs.iter().position(|(other, name)| other.name == load.name && *name == subject)?;
        Some(counts[index])
    };
    Ok(LOADS.iter().map(|load| (load.name.to_owned(), SUBJECTS.map(|subject| of(load, subject)))).collect())
}

/// The compiler's version. Other versions generate other instructions.
pub(super) fn compiler(workspace: &Workspace) -> Result<String, Error> {
    Ok(workspace.task("rustc").arg("--version").read()?.trim().to_owned())
}

/// With the profile of the benchmarks.
fn build(workspace: &Workspace) -> Result<PathBuf, Error> {
    let target = workspace.target.join("bench");
    workspace
        .cargo(&["build", "--release", "--manifest-path", "bench/Cargo.toml", "--bin", "instructions"])
        .args(["--features", "silverback"])
        .env("CARGO_TARGET_DIR", &target)
        .run()?;
    Ok(target.join("release/instructions"))
}

struct Counter {
    valgrind: PathBuf,
    program: PathBuf,
    /// For what callgrind writes.
    folder: PathBuf,
}

impl Counter {
    /// In the order of the jobs. Valgrind runs one thread at a time, so there is one job for each core.
    fn in_parallel(&self, jobs: &[(&Load, &str)]) -> Result<Vec<u64>, Error> {
        let next = AtomicUsize::new(0);
        let counts = Mutex::new(vec![0; jobs.len()]);
        let work = || -> Result<(), Error> {
            while let Some((load, subject)) = jobs.get(next.fetch_add(1, Relaxed)) {
                let count = self.for_each_message(load, subject)?;
                let index = jobs.iter().position(|job| job.0.name == load.name && job.1 == *subject).unwrap_or(0);
                counts.lock().unwrap_or_else(PoisonError::into_inner)[index] = count;
            }
            Ok(())
        };
        thread::scope(|scope| {
            let workers: Vec<_> = (0..tools::cores()).map(|_| scope.spawn(work)).collect();
            workers.into_iter().try_for_each(|worker| worker.join().ok().or_failed("a counting thread ended early")?)
        })?;
        Ok(counts.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn for_each_message(&self, load: &Load, subject: &str) -> Result<u64, Error> {
        let few = self.of_run(load, subject, load.rounds)?;
        let many = self.of_run(load, subject, 3 * load.rounds)?;
        Ok(many.saturating_sub(few) / (2 * load.rounds * load.messages_per_round))
    }

    fn of_run(&self, load: &Load, subject: &str, rounds: u64) -> Result<u64, Error> {
        let report = self.folder.join(format!("{}-{subject}-{rounds}", load.name));
        Task::new(&self.valgrind)
            .args(["--quiet", "--tool=callgrind"])
            .arg(format!("--callgrind-out-file={}", report.display()))
            .arg(&self.program)
            .args([subject, load.name, &rounds.to_string()])
            .env("GLIBC_TUNABLES", COPIES_IN_VECTORS)
            .run()?;
        total(&report).or_failed(format_args!("{} has no total", report.display()))
    }
}

/// The total that callgrind counted.
fn total(report: &Path) -> Option<u64> {
    let text = fs::read_to_string(report).ok()?;
    text.lines().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
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
