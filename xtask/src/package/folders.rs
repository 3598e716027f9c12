//! Folders and times of packages.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// The folder of archives and packages.
pub(super) fn output(workspace: &Workspace) -> Result<PathBuf, Error> {
    let folder = workspace.target.join("package");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    Ok(folder)
}

/// Removes a folder that an earlier run may have left.
pub(super) fn remove(folder: &Path) -> Result<(), Error> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).or_failed(folder.display()),
        false => Ok(()),
    }
}

/// All files below a folder, relative to it, in order.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner)).or_failed(folder.display())? {
            let entry = entry.or_failed(folder.display())?;
            let path = inner.join(entry.file_name());
            let is_folder = entry.file_type().or_failed(path.display())?.is_dir();
            if is_folder { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

/// The time of all files in packages, in seconds: `SOURCE_DATE_EPOCH`, or that of the last commit.
pub(super) fn epoch(workspace: &Workspace) -> u64 {
    let asked = std::env::var("SOURCE_DATE_EPOCH").ok();
    let committed = || workspace.task("git").args(["log", "-1", "--format=%ct"]).read().ok();
    asked.or_else(committed).and_then(|text| text.trim().parse().ok()).unwrap_or_default()
}
