//! The page in a real browser. The conversation itself is written in JavaScript, beside the page.

use crate::outside::node;
use crate::trouble::{OrMissing as _, Verdict};
use crate::workspace::Workspace;
use crate::{program, tools};

pub(crate) fn run(workspace: &Workspace) -> Verdict {
    let node = node::find()?;
    tools::from_debian(&["chromium", "chromium-browser", "google-chrome"], &["chromium"])?;
    let folder = workspace.root.join("silverback-cli/tests/browser");
    node::install_packages(workspace, &folder).or_missing("the browser's driver cannot be installed")?;
    let program = program::ensure(workspace)?;
    let artifacts = workspace.artifacts().join("browser");
    workspace
        .task(node)
        .arg(folder.join("run.mjs"))
        .arg("--program")
        .arg(program)
        .arg("--artifacts")
        .arg(&artifacts)
        .run()?;
    Ok("the page does what it should; screenshots are in artifacts/browser".to_owned())
}
