//! An older Rust from Debian, which keeps one to build its browsers with.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::tools;
use crate::workspace::Workspace;

/// `cargo` of this version, which runs the `rustc` beside it. `None` where Debian does not have the version.
///
/// The packages are unpacked into the target folder and not installed, because apt would remove another Rust for them.
pub(super) fn cargo(workspace: &Workspace, version: &str) -> Result<Option<Task>, Error> {
    let outside = workspace.target.join("outside");
    let folder = outside.join(format!("rust-{version}"));
    if !folder.exists() {
        let unpacked = outside.join(format!("unpacking-rust-{version}"));
        if !unpack(version, &unpacked)? {
            return Ok(None);
        }
        // It has its name only when it is complete.
        fs::rename(&unpacked, &folder).or_failed(folder.display())?;
    }
    let libraries = library_folders(&folder)?;
    let task = Task::new(folder.join("usr/bin/cargo")).env("RUSTC", folder.join("usr/bin/rustc"));
    Ok(Some(task.env("LD_LIBRARY_PATH", libraries).env_remove("CARGO").current_dir(&workspace.root)))
}

/// `false` if apt does not have the packages.
fn unpack(version: &str, folder: &Path) -> Result<bool, Error> {
    let packages = folder.join("packages");
    fs::create_dir_all(packages.join("partial")).or_failed(packages.display())?;
    // The standard library's package must be named too, because apt would take the newest one.
    let wanted = ["cargo-web", "rustc-web", "libstd-rust-web-dev"].map(|name| format!("{name}={version}.*"));
    let wanted: Vec<_> = wanted.iter().map(String::as_str).collect();
    if tools::download_debian(&wanted, &packages).is_err() {
        return Ok(false);
    }
    for package in files(&packages)?.iter().filter(|path| path.extension().is_some_and(|end| end == "deb")) {
        Task::new("dpkg").arg("--extract").arg(package).arg(folder).run()?;
    }
    fs::remove_dir_all(&packages).or_failed(packages.display())?;
    Ok(true)
}

/// Where the packages have their libraries, which depends on the machine's architecture.
fn library_folders(folder: &Path) -> Result<String, Error> {
    let mut found = Vec::new();
    for parent in ["usr/lib", "lib"].map(|name| folder.join(name)).iter().filter(|parent| parent.exists()) {
        found.extend(files(parent)?.into_iter().filter(|path| path.to_string_lossy().ends_with("-linux-gnu")));
    }
    let found: Vec<_> = found.iter().map(|path| path.to_string_lossy()).collect();
    Ok(found.join(":"))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).or_failed(folder.display())?;
    entries.map(|entry| Ok(entry.or_failed(folder.display())?.path())).collect()
}
