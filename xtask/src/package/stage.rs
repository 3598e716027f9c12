//! The files of a package, in a folder beside the program that they belong to.

use std::fs;
use std::path::{Path, PathBuf};

use super::folders::{self, files};
use super::licences;
use crate::error::{Error, OrFailed as _};
use crate::process::Task;
use crate::workspace::Workspace;

/// A folder with the files of a package.
pub(super) struct Staged {
    pub(super) folder: PathBuf,
    /// `silverback-VERSION-TARGET`
    pub(super) name: String,
    /// The files, relative to the folder, in order.
    pub(super) files: Vec<PathBuf>,
}

impl Staged {
    /// Empties the folder and fills it. Man pages and completions come from the program itself.
    pub(super) fn fill(workspace: &Workspace, program: &Path, target: Option<&str>) -> Result<Self, Error> {
        let folder = program.with_file_name("package");
        folders::remove(&folder)?;
        for name in ["completions", "man", "systemd"] {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).or_failed(folder.display())?;
        }
        let copy = |from: &Path, to: &str| fs::copy(from, folder.join(to)).or_failed(from.display());
        copy(program, PROGRAM)?;
        for name in TEXTS {
            copy(&workspace.root.join(name), name)?;
        }
        copy(&workspace.root.join("deploy/hub.toml"), "hub.toml")?;
        for unit in files(&workspace.root.join("deploy/systemd"))? {
            copy(&workspace.root.join("deploy/systemd").join(&unit), &format!("systemd/{}", unit.display()))?;
        }
        for (shell, name) in COMPLETIONS {
            let script = run(program, &["completions", shell])?;
            fs::write(folder.join("completions").join(name), script).or_failed(name)?;
        }
        let pages = folder.join("man").display().to_string();
        run(program, &["man", "--directory", &pages])?;
        let target = target.map_or_else(|| host(workspace), |target| Ok(target.to_owned()))?;
        let licences = licences::text(workspace, &target)?;
        fs::write(folder.join(licences::FILE), licences).or_failed(licences::FILE)?;
        let version =
            workspace.member("silverback-cli")?["version"].as_str().or_failed("the program has no version")?;
        let name = format!("{PROGRAM}-{version}-{target}");
        Ok(Self { files: files(&folder)?, folder, name })
    }
}

fn run(program: &Path, arguments: &[&str]) -> Result<String, Error> {
    Task::new(program).args(arguments).read()
}

/// The target of this machine.
fn host(workspace: &Workspace) -> Result<String, Error> {
    let version = workspace.task("rustc").arg("-vV").read()?;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).or_failed("rustc names no host")
}

pub(super) const PROGRAM: &str = "silverback";
/// From the root of the work tree.
const TEXTS: [&str; 4] = ["CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];
/// Shells, and the names under which they look for a script.
pub(super) const COMPLETIONS: [(&str, &str); 3] =
    [("bash", "silverback.bash"), ("fish", "silverback.fish"), ("zsh", "_silverback")];
