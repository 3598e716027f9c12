//! The work tree, as cargo describes it, and how this run was asked to behave.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::error::{Error, OrFailed as _};
use crate::process::Task;

/// The paths of the work tree, and the options of this run.
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the environment has put it.
    pub(crate) target: PathBuf,
    /// `cargo metadata` with the resolved graph and all features.
    pub(crate) metadata: Value,
    /// A missing tool is then a failure.
    pub(crate) is_ci: bool,
    /// Nothing may be installed then.
    pub(crate) is_quick: bool,
    /// How long each fuzz target runs.
    pub(crate) fuzz_time: Duration,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self, Error> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().or_failed("xtask has no parent folder")?;
        let text = Task::new(cargo())
            .args(["metadata", "--format-version", "1", "--all-features"])
            .current_dir(root)
            .read()?;
        let metadata: Value = serde_json::from_str(&text).or_failed("cargo metadata")?;
        let target = metadata["target_directory"].as_str().or_failed("cargo metadata names no target folder")?;
        Ok(Self {
            root: root.to_owned(),
            target: target.into(),
            is_ci: is_set("CI"),
            is_quick: false,
            fuzz_time: Duration::from_secs(FUZZ_SECONDS),
            metadata,
        })
    }

    /// A cargo command at the root of the work tree.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Task {
        let task = Task::new(cargo()).args(arguments).current_dir(&self.root);
        // CI builds everything once, and never again from there.
        if self.is_ci { task.env("CARGO_INCREMENTAL", "0") } else { task }
    }

    /// Any other command there.
    pub(crate) fn task(&self, program: impl AsRef<OsStr>) -> Task {
        Task::new(program).current_dir(&self.root)
    }

    /// The folder for logs, reports and screenshots.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.root.join("artifacts")
    }

    /// The log of a program in the background.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.artifacts().join("logs").join(format!("{name}.log"))
    }

    /// All packages, ours and foreign.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Value> {
        self.metadata["packages"].as_array().into_iter().flatten()
    }

    /// Our own packages.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Value> {
        self.packages().filter(|package| package["source"].is_null())
    }

    pub(crate) fn member(&self, name: &str) -> Result<&Value, Error> {
        self.members().find(|package| package["name"] == name).or_failed(format_args!("no package is called {name}"))
    }
}

/// The cargo that runs us, so that every command uses the same toolchain.
fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn is_set(variable: &str) -> bool {
    env::var(variable).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

const FUZZ_SECONDS: u64 = 10;
