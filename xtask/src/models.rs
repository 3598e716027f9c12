//! The models of `silverback/src/io/models/` under loom: threads that meet in every order, within a bound.

use std::time::Duration;

use crate::error::{Error, Verdict};
use crate::own_tests::{count_passed, failed_test};
use crate::workspace::Workspace;

pub(crate) fn loom(workspace: &Workspace) -> Verdict {
    let output = workspace
        .cargo(&["test", "--package", "silverback", "--lib"])
        // Loom works for every step of a model; the models themselves are small.
        .args(["--config", "profile.dev.package.loom.opt-level=3"])
        .args(["--config", "profile.dev.package.generator.opt-level=3"])
        .arg("--target-dir")
        .arg(workspace.target.join("loom"))
        // A model that fails may abort its process, and captured output would be lost.
        .args(["models::", "--", "--nocapture"])
        .env("RUSTFLAGS", "--cfg silverback_loom")
        .env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS)
        .limit(LIMIT)
        .read_aloud()
        .succeeded_or_named(failed_test)?;
    match count_passed(&output) {
        0 => Err(Error::Failed("no model ran".to_owned())),
        count => Ok(format!("{count} models, {PREEMPTIONS} preemptions")),
    }
}

/// How often a thread is interrupted where it would not have to wait. Most faults need one or two; each more costs ten
/// times as long.
const PREEMPTIONS: &str = "2";
const LIMIT: Duration = Duration::from_secs(15 * 60);
