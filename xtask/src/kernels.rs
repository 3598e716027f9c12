//! The kernels that read bytes in bulk, masking and UTF-8, under tools that watch every access.

use std::time::Duration;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::own_tests::{count_passed, failed_test};
use crate::tools;
use crate::workspace::Workspace;

/// The tests of the kernels under AddressSanitizer, which a nightly compiler brings.
pub(crate) fn address_sanitizer(workspace: &Workspace) -> Verdict {
    let nightly = nightly()?;
    let host = host(&tools::in_toolchain(workspace, &nightly).args(VERBOSE_VERSION).read()?)?;
    let output = tools::in_toolchain(workspace, &nightly)
        .args(["cargo", "test", "--package", "silverback-proto", "--lib", "--target", &host, "--target-dir"])
        .arg(workspace.target.join("asan"))
        .arg("--")
        .args(KERNELS)
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .read_aloud()
        .succeeded_or_named(failed_test)?;
    counted(&output)
}

/// The same under valgrind, which sees what AddressSanitizer does not: memory that is read before it was written, and
/// code that was compiled without instrumentation.
pub(crate) fn valgrind(workspace: &Workspace) -> Verdict {
    if !cfg!(target_os = "linux") {
        return Err(Error::Skipped("valgrind runs on Linux".to_owned()));
    }
    let valgrind = tools::from_debian(&["valgrind"], &["valgrind", "libc6-dbg"])?;
    let host = host(&workspace.task(VERBOSE_VERSION[0]).args(&VERBOSE_VERSION[1..]).read()?)?;
    let runner = format!("CARGO_TARGET_{}_RUNNER", host.replace('-', "_").to_uppercase());
    let output = workspace
        .cargo(&["test", "--package", "silverback-proto", "--lib", "--"])
        .args(KERNELS)
        // Valgrind runs one thread at a time anyway. Leaks are looked for elsewhere: kernels allocate nothing.
        .arg("--test-threads=1")
        // The drawn cases are for ordinary runs; here a few of each are enough.
        .env("PROPTEST_CASES", "32")
        .env(&runner, format!("{} --quiet --error-exitcode=97 --leak-check=no", valgrind.display()))
        .limit(VALGRIND_LIMIT)
        .read_aloud()
        .succeeded_or_named(failed_test)?;
    counted(&output)
}

/// The same under Miri, where it is installed.
pub(crate) fn miri(workspace: &Workspace) -> Verdict {
    let has_miri = |name: &String| tools::in_toolchain(workspace, name).args(["cargo", "miri", "--version"]).succeeds();
    let Some(nightly) = tools::toolchain("nightly").filter(has_miri) else {
        println!("MIRI IS NOT INSTALLED (rustup component add miri --toolchain nightly): nothing ran under it.");
        return Err(Error::Skipped("Miri is not installed".to_owned()));
    };
    let output = tools::in_toolchain(workspace, &nightly)
        .args(["cargo", "miri", "test", "--package", "silverback-proto", "--lib", "--target-dir"])
        .arg(workspace.target.join("miri"))
        .arg("--")
        .args(KERNELS)
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .read_aloud()
        .succeeded_or_named(failed_test)?;
    counted(&output)
}

/// The nightly toolchain, or what to do about its absence.
pub(crate) fn nightly() -> Result<String, Error> {
    tools::toolchain("nightly").ok_or_else(|| {
        Error::Missing("no nightly compiler: please install one (rustup toolchain install nightly)".to_owned())
    })
}

/// The compiler's host, from its verbose version.
pub(crate) fn host(verbose_version: &str) -> Result<String, Error> {
    let host = verbose_version.lines().find_map(|line| line.strip_prefix("host: ")).or_failed("rustc names no host")?;
    Ok(host.to_owned())
}

/// Filters match names of tests, and names change: no match is a failure, not a success.
fn counted(output: &str) -> Verdict {
    for kernel in KERNELS {
        let has_run = |line: &str| line.strip_prefix("test ").is_some_and(|rest| rest.contains(kernel));
        if !output.lines().any(has_run) {
            return Err(Error::Failed(format!("no test of {kernel} ran")));
        }
    }
    Ok(format!("{} tests", count_passed(output)))
}

const VERBOSE_VERSION: [&str; 3] = ["rustc", "--version", "--verbose"];
const VALGRIND_LIMIT: Duration = Duration::from_secs(10 * 60);
/// The modules whose tests are meant.
const KERNELS: &[&str] = &["mask::", "utf8::"];
