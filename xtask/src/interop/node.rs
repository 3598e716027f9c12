//! Node and the packages that a lock file names.

use std::path::{Path, PathBuf};

use super::prepared::{is_prepared, mark_prepared};
use crate::error::{Error, OrMissing as _};
use crate::tools;
use crate::workspace::Workspace;

/// Node, with the packages of `tests/interop/node` in place.
pub(crate) fn environment(workspace: &Workspace) -> Result<PathBuf, Error> {
    let node = find()?;
    install_packages(workspace, &workspace.root.join("tests/interop/node"))
        .or_missing("node ws cannot be installed")?;
    Ok(node)
}

pub(crate) fn find() -> Result<PathBuf, Error> {
    tools::from_debian(&["node", "nodejs"], &["nodejs"])
}

/// `npm ci` in a folder with a lock file, unless that has been done.
pub(crate) fn install_packages(workspace: &Workspace, folder: &Path) -> Result<(), Error> {
    let lock = folder.join("package-lock.json");
    let modules = folder.join("node_modules");
    if is_prepared(&modules, &lock) {
        return Ok(());
    }
    let npm = tools::from_debian(&["npm"], &["npm"])?;
    println!("installing node packages into {}", modules.display());
    workspace.task(npm).args(["ci", "--no-audit", "--no-fund"]).current_dir(folder).run()?;
    mark_prepared(&modules, &lock)
}
