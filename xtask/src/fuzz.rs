//! Runs every fuzz target for some seconds, from the kept seeds and the corpus of earlier runs.

use std::path::PathBuf;
use std::time::Duration;
use std::{fs, thread};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::kernels::nightly;
use crate::tools;
use crate::workspace::Workspace;

pub(crate) fn run(workspace: &Workspace) -> Verdict {
    let targets = targets(workspace)?;
    if targets.is_empty() {
        println!("The folder fuzz/ has no targets: nothing was fuzzed.");
        return Err(Error::Skipped("no fuzz targets yet".to_owned()));
    }
    let nightly = nightly()?;
    let cargo_fuzz = tools::cargo_tool(workspace, "cargo-fuzz", VERSION)?;
    let fuzz = |command: &str| {
        tools::in_toolchain(workspace, &nightly)
            .arg(&cargo_fuzz)
            .args([command, "--fuzz-dir", "fuzz"])
            .env("CARGO_TARGET_DIR", workspace.target.join("fuzz"))
    };
    fuzz("build").run()?;
    let seconds = workspace.fuzz_time.as_secs();
    let one = |target: &String| -> Result<bool, Error> {
        println!("fuzzing {target} for {seconds} s");
        let run = fuzz("run")
            .arg(target)
            .args(corpora(workspace, target)?)
            .args(["--", "-print_final_stats=1", "-timeout=20"])
            .arg(format!("-max_total_time={seconds}"))
            .limit(workspace.fuzz_time + SLACK);
        Ok(run.run_logged(&workspace.log(&format!("fuzz-{target}"))).is_ok())
    };
    let mut failures = Vec::new();
    // A fuzzer is one thread. One for each core.
    for targets in targets.chunks(tools::cores()) {
        let passed: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = targets.iter().map(|target| scope.spawn(|| one(target))).collect();
            running
                .into_iter()
                .map(|run| run.join().ok().or_failed("a thread ended early").and_then(|passed| passed))
                .collect()
        });
        for (target, passed) in targets.iter().zip(passed) {
            if !passed? {
                failures.push(target.as_str());
            }
        }
    }
    if !failures.is_empty() {
        return Err(Error::Failed(format!("findings in {}; see above", failures.join(", "))));
    }
    Ok(format!("{} targets, {seconds} s each: {}", targets.len(), targets.join(", ")))
}

/// The folders with a target's inputs. The fuzzer writes new inputs to the first and leaves the seeds as they are.
/// It tries all of them before new inputs, so a run fails if a seed fails again.
fn corpora(workspace: &Workspace, target: &str) -> Result<[PathBuf; 2], Error> {
    let [corpus, seeds] = ["corpus", "seeds"].map(|folder| workspace.root.join("fuzz").join(folder).join(target));
    fs::create_dir_all(&corpus).or_failed("the folder of the corpus")?;
    let mut kept = fs::read_dir(&seeds).or_failed("the folder of the seeds")?;
    if kept.next().is_none() {
        return Err(Error::Failed(format!("{} is empty", seeds.display())));
    }
    Ok([corpus, seeds])
}

/// The programs of the package `fuzz`, which is outside the workspace.
fn targets(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let manifest = workspace.root.join("fuzz/Cargo.toml");
    if !manifest.is_file() {
        return Ok(Vec::new());
    }
    let text = workspace
        .cargo(&["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
        .arg(&manifest)
        .read()?;
    let metadata: Value = serde_json::from_str(&text).or_failed("cargo metadata")?;
    let targets = metadata["packages"][0]["targets"].as_array().into_iter().flatten();
    let programs = targets.filter(|target| target["kind"][0] == "bin");
    Ok(programs.filter_map(|target| target["name"].as_str()).map(str::to_owned).collect())
}

const VERSION: &str = "0.13.2";
/// For linking, loading the corpus and minimizing a finding.
const SLACK: Duration = Duration::from_secs(180);
