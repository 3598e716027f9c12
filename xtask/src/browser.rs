//! The pages in a real browser. The conversation itself is written in JavaScript, beside the page.

use std::path::PathBuf;

use crate::error::{Error, OrMissing as _, Verdict};
use crate::interop::node;
use crate::workspace::Workspace;
use crate::{program, tools};

pub(crate) fn run(workspace: &Workspace) -> Verdict {
    let node = node::find()?;
    let chromium = tools::from_debian(&["chromium", "chromium-browser", "google-chrome"], &["chromium"])?;
    let folder = workspace.root.join("silverback-cli/tests/browser");
    node::install_packages(workspace, &folder).or_missing("the browser's driver cannot be installed")?;
    let program = program::ensure(workspace)?;
    let mut examples = PathBuf::new();
    for name in ["chat", "command", "filewatch"] {
        examples = program::ensure_example(workspace, name)?.with_file_name("");
    }
    program::ensure_tutorial(workspace)?;
    let output = workspace
        .task(node)
        .arg(folder.join("run.mjs"))
        .arg("--program")
        .arg(program)
        .arg("--examples")
        .arg(examples)
        .arg("--chromium")
        .arg(chromium)
        .arg("--artifacts")
        .arg(workspace.artifacts().join("browser"))
        .read_aloud()
        .succeeded_or_named(|line| line.strip_prefix("FAILED "))?;
    match output.lines().filter(|line| line.starts_with("ok ")).count() {
        0 => Err(Error::Failed("nothing was checked".to_owned())),
        count => Ok(format!("{count} checks; screenshots are in artifacts/browser")),
    }
}
