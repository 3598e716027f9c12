//! How many lines of the core its own tests reach, by the compiler's instrumentation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::kernels::host;
use crate::own_tests::failed_test;
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// Measures, prints a table of all files, and fails below the mark. docs/coverage.md explains the lines that are left.
pub(crate) fn run(workspace: &Workspace) -> Verdict {
    let tools = llvm_tools(workspace)?;
    let folder = workspace.target.join("coverage");
    let profiles = folder.join("profiles");
    let _ = std::fs::remove_dir_all(&profiles);
    let program = build(workspace, &folder)?;
    let tests = Task::new(&program)
        .current_dir(&workspace.root.join("silverback-proto"))
        .env("LLVM_PROFILE_FILE", profiles.join("%p-%m.profraw"));
    tests.read_aloud().succeeded_or_named(failed_test)?;
    let merged = folder.join("merged.profdata");
    let merge = Task::new(tools.join("llvm-profdata")).args(["merge", "--sparse"]).arg(&profiles);
    merge.arg("--output").arg(&merged).run()?;
    let export = Task::new(tools.join("llvm-cov")).args(["export", "--summary-only"]).arg(&program);
    let text = export.arg("--instr-profile").arg(&merged).read()?;
    let exported = serde_json::from_str(&text).or_failed("llvm-cov export")?;
    verdict(&lines_of_files(&exported, &workspace.root.join("silverback-proto/src")))
}

fn verdict(files: &BTreeMap<String, Lines>) -> Verdict {
    for (file, lines) in files {
        println!("{file:<36} {:>5} lines {:>4} left {:>7.2} %", lines.all, lines.all - lines.reached, lines.percent());
    }
    let all = files.values().fold(Lines::default(), |sum, lines| sum.and(*lines));
    let note = format!("{:.2} % of {} lines of silverback-proto", all.percent(), all.all);
    if all.percent() < MARK {
        return Err(Error::Failed(format!("{note}, below {MARK} %")));
    }
    Ok(note)
}

/// The lines of one file, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    all: u64,
    reached: u64,
}

impl Lines {
    fn and(self, other: Self) -> Self {
        Self { all: self.all + other.all, reached: self.reached + other.reached }
    }

    #[expect(clippy::cast_precision_loss, reason = "there are fewer lines than that")]
    fn percent(self) -> f64 {
        if self.all == 0 { 0.0 } else { self.reached as f64 * 100.0 / self.all as f64 }
    }
}

/// By file within `source`, without the tests, which reach themselves.
fn lines_of_files(exported: &Value, source: &Path) -> BTreeMap<String, Lines> {
    let files = exported["data"][0]["files"].as_array().into_iter().flatten();
    let own = files.filter_map(|file| {
        let name = Path::new(file["filename"].as_str()?).strip_prefix(source).ok()?.to_str()?;
        let lines = &file["summary"]["lines"];
        Some((name.to_owned(), Lines { all: lines["count"].as_u64()?, reached: lines["covered"].as_u64()? }))
    });
    own.filter(|(name, _)| !name.split('/').any(|part| part == "tests" || part.ends_with("tests.rs"))).collect()
}

/// The instrumented unit tests of the core.
fn build(workspace: &Workspace, folder: &Path) -> Result<PathBuf, Error> {
    let messages = workspace
        .cargo(&["test", "--package", "silverback-proto", "--lib", "--no-run", "--message-format", "json"])
        .arg("--target-dir")
        .arg(folder)
        .env("RUSTFLAGS", "-C instrument-coverage")
        // Build scripts and macros are instrumented too, and leave their counts wherever they run.
        .env("LLVM_PROFILE_FILE", folder.join("build-%p-%m.profraw"))
        .read()?;
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        Some(PathBuf::from(message["executable"].as_str()?))
    });
    programs.next().or_failed("cargo built no test program")
}

/// The folder of `llvm-cov` and `llvm-profdata`. Only those of the compiler's own LLVM surely read its format.
fn llvm_tools(workspace: &Workspace) -> Result<PathBuf, Error> {
    let version = workspace.task("rustc").args(["--version", "--verbose"]).read()?;
    let tool = format!("{}/bin/llvm-cov", host(&version)?);
    Ok(tools::add_to_toolchain(workspace, "component", "llvm-tools", &tool)?.with_file_name(""))
}

const MARK: f64 = 95.0;

#[cfg(test)]
#[path = "coverage_tests.rs"]
mod tests;
