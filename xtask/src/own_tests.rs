//! The project's own tests.

use std::path::Path;
use std::time::Duration;

use crate::brokers;
use crate::error::{Error, Verdict};
use crate::fronts;
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// All tests, then those of TLS again on ring. A quick run needs no second build, so it leaves the latter out.
pub(crate) fn run(workspace: &Workspace) -> Verdict {
    if workspace.is_quick {
        return run_quickly(workspace);
    }
    let count = run_all(workspace, &[])?;
    match run_tls_on_ring(workspace)? {
        0 => Err(Error::Failed("no test ran".to_owned())),
        on_ring => Ok(format!("{count} tests, and {on_ring} of TLS on ring")),
    }
}

/// All tests once: by `cargo nextest`, which runs them side by side, if it is there.
fn run_quickly(workspace: &Workspace) -> Verdict {
    if tools::find("cargo-nextest").is_none() {
        return Ok(format!("{} tests", run_all(workspace, &[])?));
    }
    let arguments = tools::workspace_with_all_features(workspace)?;
    workspace.cargo(&["nextest", "run", "--no-fail-fast"]).args(arguments).limit(LIMIT).run()?;
    Ok(format!("all tests by cargo nextest, and {} in the documentation", run_all(workspace, &["--doc"])?))
}

/// `cargo test` with all features. Returns how many tests passed.
fn run_all(workspace: &Workspace, which: &[&str]) -> Result<u64, Error> {
    // `--no-fail-fast`: one broken test must not hide the others.
    let task = workspace.cargo(&["test", "--no-fail-fast"]).args(tools::workspace_with_all_features(workspace)?);
    let mut peers = Vec::new();
    if !workspace.is_quick {
        peers.extend(brokers::variables(workspace));
        peers.extend(fronts::variables(workspace));
    }
    let task = peers.iter().fold(task, |task, (variable, path)| task.env(variable, path));
    let output = side_by_side(task).args(which).limit(LIMIT).read_aloud().succeeded_or_named(failed_test)?;
    match count_passed(&output) {
        0 => Err(Error::Failed("no test ran".to_owned())),
        count => Ok(count),
    }
}

/// With all features rustls computes with aws-lc-rs, and users of the default with ring.
fn run_tls_on_ring(workspace: &Workspace) -> Result<u64, Error> {
    let arguments = [
        "test",
        "--package",
        "silverback",
        "--test",
        "it",
        "--features",
        "rustls-tls-webpki-roots,with-rustls-0_23",
        "tls::",
    ];
    let task = side_by_side(workspace.cargo(&arguments));
    Ok(count_passed(&task.limit(LIMIT).read_aloud().succeeded_or_named(failed_test)?))
}

/// Most tests wait for a peer or a time limit: those of the program compute for 56 of 224 seconds.
fn side_by_side(task: Task) -> Task {
    task.env("RUST_TEST_THREADS", (TESTS_PER_CORE * tools::cores()).to_string())
}

/// The examples for HTTP frameworks. They are outside the workspace, so the first run builds the frameworks.
pub(crate) fn run_on_frameworks(workspace: &Workspace) -> Verdict {
    let arguments = ["test", "--locked", "--manifest-path", "examples/frameworks/Cargo.toml", "--target-dir"];
    let folder = workspace.target.join("frameworks");
    let output = workspace.cargo(&arguments).arg(folder).limit(LIMIT).read_aloud().succeeded_or_named(failed_test)?;
    match count_passed(&output) {
        0 => Err(Error::Failed("no test ran".to_owned())),
        count => Ok(format!("{count} tests")),
    }
}

/// The core's own tests on a machine of 32 bits, where a length of RFC 6455 may be more than a `usize`.
pub(crate) fn run_on_32_bits(workspace: &Workspace) -> Verdict {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        return Err(Error::Skipped("only Linux on x86-64 runs programs of 32 bits".to_owned()));
    }
    install_32_bits(workspace)?;
    let arguments = ["test", "--package", "silverback-proto", "--lib", "--target", MACHINE_OF_32_BITS, "--target-dir"];
    let folder = workspace.target.join("32-bit");
    let output = workspace.cargo(&arguments).arg(folder).limit(LIMIT).read_aloud().succeeded_or_named(failed_test)?;
    match count_passed(&output) {
        0 => Err(Error::Failed("no test ran".to_owned())),
        count => Ok(format!("{count} tests on {MACHINE_OF_32_BITS}")),
    }
}

/// The standard library for that machine, and what C programs for it are linked with.
fn install_32_bits(workspace: &Workspace) -> Result<(), Error> {
    tools::add_to_toolchain(workspace, "target", MACHINE_OF_32_BITS, MACHINE_OF_32_BITS)?;
    match STARTS_OF_32_BITS.iter().any(|file| Path::new(file).exists()) {
        true => Ok(()),
        false => tools::install_debian(&["gcc-multilib"]),
    }
}

/// The name of the test, if the line says that it failed.
pub(crate) fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// Adds up what each test program says at its end.
pub(crate) fn count_passed(output: &str) -> u64 {
    output
        .lines()
        .filter_map(|line| line.trim().strip_prefix("test result: ok. "))
        .filter_map(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

/// The start code of a C program of 32 bits, in the places where distributions keep it.
const STARTS_OF_32_BITS: &[&str] = &["/usr/lib32/crt1.o", "/usr/lib/i386-linux-gnu/crt1.o"];
const MACHINE_OF_32_BITS: &str = "i686-unknown-linux-gnu";
const TESTS_PER_CORE: usize = 4;
const LIMIT: Duration = Duration::from_secs(20 * 60);

#[cfg(test)]
#[path = "own_tests_tests.rs"]
mod tests;
