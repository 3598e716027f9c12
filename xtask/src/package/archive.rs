//! A gzipped tar of the staged files. The same files make the same bytes: they are in order, and owners, permissions and
//! times are fixed.

use std::fs;
use std::path::{Path, PathBuf};

use super::folders::{self, epoch, output};
use super::licences;
use super::stage::{COMPLETIONS, PROGRAM, Staged};
use crate::error::{Error, OrFailed as _};
use crate::tools;
use crate::workspace::Workspace;

/// Writes the archive, and its sum for `sha256sum --check` beside it.
pub(super) fn write(workspace: &Workspace, staged: &Staged) -> Result<PathBuf, Error> {
    let folder = output(workspace)?;
    let name = format!("{}.tar.gz", staged.name);
    let path = folder.join(&name);
    workspace
        .task(gnu_tar(workspace)?)
        .args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", "--use-compress-program=gzip -9n"])
        .arg(format!("--mtime=@{}", epoch(workspace)))
        .arg(format!("--transform=s,^,{}/,", staged.name))
        .arg("--file")
        .arg(&path)
        .arg("--directory")
        .arg(&staged.folder)
        .args(&staged.files)
        .run()?;
    let sum = workspace.task("sha256sum").arg(&name).current_dir(&folder).read()?;
    fs::write(folder.join(format!("{name}.sha256")), sum).or_failed(&name)?;
    Ok(path)
}

/// Unpacks it, as a user would, and looks at each file.
pub(super) fn check(workspace: &Workspace, staged: &Staged) -> Result<(), Error> {
    let folder = output(workspace)?;
    let archive = format!("{}.tar.gz", staged.name);
    workspace
        .task("sha256sum")
        .args(["--check", "--quiet"])
        .arg(format!("{archive}.sha256"))
        .current_dir(&folder)
        .run()?;
    let unpacked = folder.join(&staged.name);
    folders::remove(&unpacked)?;
    workspace.task("tar").args(["--extract", "--file", &archive]).current_dir(&folder).run()?;
    let result = check_files(workspace, &unpacked);
    folders::remove(&unpacked)?;
    result
}

fn check_files(workspace: &Workspace, folder: &Path) -> Result<(), Error> {
    let program = folder.join(PROGRAM);
    let version = workspace.task(&program).arg("--version").read()?;
    let read = |name: &str| fs::read_to_string(folder.join(name)).or_failed(name);
    let mut pages = vec![format!("man/{PROGRAM}.1")];
    pages.extend(["connect", "check", "bench", "hub"].map(|command| format!("man/{PROGRAM}-{command}.1")));
    let mut wanted: Vec<(String, &str)> = pages.into_iter().map(|page| (page, version.trim())).collect();
    wanted.extend(COMPLETIONS.map(|(_, name)| (format!("completions/{name}"), "tls-self-signed")));
    wanted.extend(["silverback", "silverback-hub"].map(|unit| (format!("systemd/{unit}.service"), "ExecStart=")));
    wanted.extend([
        ("README.md".to_owned(), "# silverback"),
        ("CHANGELOG.md".to_owned(), "# "),
        ("LICENSE-MIT".to_owned(), "Permission is hereby granted"),
        ("LICENSE-APACHE".to_owned(), "Apache License"),
        (licences::FILE.to_owned(), "tokio 1."),
    ]);
    for (name, text) in wanted {
        if !read(&name)?.contains(text) {
            return Err(Error::Failed(format!("{name} in the archive does not have \"{text}\"")));
        }
    }
    // Its last line is what a hub prints that would start.
    workspace.task(&program).args(["hub", "config", "check", "hub.toml"]).current_dir(folder).run()
}

/// Its options for times and order are not those of every tar.
fn gnu_tar(workspace: &Workspace) -> Result<&'static str, Error> {
    for name in ["tar", "gtar"] {
        let is_gnu = || workspace.task(name).arg("--version").read().is_ok_and(|text| text.contains("GNU"));
        if tools::find(name).is_some() && is_gnu() {
            return Ok(name);
        }
    }
    Err(Error::Missing("archives need GNU tar".to_owned()))
}
