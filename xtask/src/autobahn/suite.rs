//! Installs and runs `autobahntestsuite`. It needs Python 2.7, so it has a separate Python environment.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, OrMissing as _};
use crate::interop::prepared::{is_prepared, mark_prepared};
use crate::interop::python;
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// The installed suite.
pub(crate) struct Suite {
    environment: PathBuf,
    scripts: PathBuf,
}

/// The cases that a run is about, as the suite lists them.
pub(crate) struct Catalogue {
    pub(crate) versions: Vec<String>,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) title: String,
    /// The name of the group that the case belongs to.
    pub(crate) group: String,
}

impl Suite {
    pub(crate) fn prepare(workspace: &Workspace) -> Result<Self, Error> {
        let environment = workspace.target.join("outside/autobahn");
        let scripts = workspace.root.join("tests/interop/autobahn");
        let requirements = scripts.join("requirements.txt");
        if !is_prepared(&environment, &requirements) {
            let python2 = find_python2()?;
            let python3 = python::environment(workspace)?;
            python::remove(&environment)?;
            // Python 2.7 has no venv, and often no pip either: virtualenv, running under Python 3, brings both.
            Task::new(python3)
                .args(["-m", "virtualenv", "--quiet", "--python"])
                .arg(python2)
                .arg(&environment)
                .run()
                .or_missing("no environment for Python 2.7 can be made")?;
            let interpreter = environment.join("bin/python");
            python::install(&interpreter, &requirements).or_missing("the Autobahn suite cannot be installed")?;
            mark_prepared(&environment, &requirements)?;
        }
        Ok(Self { environment, scripts })
    }

    /// The cases that the patterns mean.
    pub(crate) fn catalogue(&self, patterns: &[String]) -> Result<Catalogue, Error> {
        let list = self.python().arg(self.scripts.join("cases.py")).args(patterns).read()?;
        let list: Value = serde_json::from_str(&list).or_failed("the suite's list of cases")?;
        let catalogue = Catalogue { versions: words(&list["versions"]), cases: cases(&list["cases"]) };
        if catalogue.cases.is_empty() {
            return Err(Error::Failed("no case has such a number".to_owned()));
        }
        Ok(catalogue)
    }

    /// `wstest` in one of its modes, with a specification.
    pub(crate) fn task(&self, mode: &str, specification: &Path) -> Task {
        self.python()
            .arg(self.environment.join("bin/wstest"))
            .args(["--webport", "0", "--mode", mode, "--spec"])
            .arg(specification)
    }

    fn python(&self) -> Task {
        // The old libraries announce their own end at every start, and unbuffered output keeps the log complete.
        Task::new(self.environment.join("bin/python")).args(["-u", "-W", "ignore"])
    }
}

/// Python 2.7 from the path, from pyenv, or from Debian where it still has it.
fn find_python2() -> Result<PathBuf, Error> {
    let candidates = || tools::find("python2.7").into_iter().chain(tools::find("python2")).chain(from_pyenv());
    if let Some(path) = candidates().find(|path| is_python2(path)) {
        return Ok(path);
    }
    let advice = "no Python 2.7, which the Autobahn suite needs (pyenv install 2.7.18)";
    tools::install_debian(&["python2.7-dev"]).or_missing(advice)?;
    candidates().find(|path| is_python2(path)).ok_or_else(|| Error::Missing(advice.to_owned()))
}

fn from_pyenv() -> Option<PathBuf> {
    tools::find("pyenv")?;
    let versions = Task::new("pyenv").args(["versions", "--bare"]).read().ok()?;
    let version = versions.lines().map(str::trim).find(|version| version.starts_with("2.7."))?;
    let prefix = Task::new("pyenv").args(["prefix", version]).read().ok()?;
    Some(Path::new(prefix.trim()).join("bin/python2.7"))
}

/// Runs the file, because a version manager may have put a placeholder there that only prints an error.
fn is_python2(path: &Path) -> bool {
    Task::new(path).args(["-c", "import sys; sys.exit(sys.version_info[:2] != (2, 7))"]).succeeds()
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn cases(list: &Value) -> Vec<Case> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let case = |case: &Value| Case { id: text(&case["id"]), title: text(&case["title"]), group: text(&case["group"]) };
    list.as_array().into_iter().flatten().map(case).collect()
}

/// The name under which we appear in the suite's reports. The client under test introduces itself with it.
pub(super) const AGENT: &str = "silverback";
