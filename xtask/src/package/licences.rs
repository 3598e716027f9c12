//! The licences of the crates in the program. Nearly all of them ask that their text goes with every copy.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folders::files;
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// Returns each text once, under the names of the crates that have it.
pub(super) fn text(workspace: &Workspace, target: &str) -> Result<String, Error> {
    let mut owners = BTreeMap::<String, Vec<String>>::new();
    let mut crates = Vec::new();
    for dependency in dependencies(workspace, target)? {
        let folder = folder(workspace, &dependency).or_failed(format_args!("no package is called {dependency}"))?;
        for file in files(&folder)?.iter().filter(|file| is_licence(file)) {
            let text = fs::read(folder.join(file)).or_failed(file.display())?;
            let text = String::from_utf8_lossy(&text).replace('\r', "");
            owners.entry(text.trim().to_owned()).or_default().push(dependency.to_string());
        }
        crates.push(format!("{dependency}: {}", dependency.licence));
    }
    let mut parts = vec![format!("{TITLE}\n\n{}\n", crates.join("\n"))];
    parts.extend(owners.into_iter().map(|(text, mut names)| {
        names.dedup();
        format!("{}\n\n{text}\n", names.join(", "))
    }));
    Ok(parts.join(&format!("\n{}\n", "-".repeat(80))))
}

/// A crate of others in the program.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    version: String,
    licence: String,
}

impl Dependency {
    /// Parses a line of `cargo tree`. Our own crates have a path in it, and are none.
    fn parse(line: &str) -> Option<Self> {
        let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let is_ours = words.next().is_some();
        let parsed = Self { name: name.to_owned(), version: version.to_owned(), licence: licence.to_owned() };
        (!is_ours).then_some(parsed)
    }
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// The crates that are linked into the program, in order.
fn dependencies(workspace: &Workspace, target: &str) -> Result<Vec<Dependency>, Error> {
    let arguments = ["tree", "--package", "silverback-cli", "--edges", "normal,no-proc-macro", "--prefix", "none"];
    let tree = workspace.cargo(&arguments).args(["--format", "{p}|{l}", "--target", target]).read()?;
    let mut found: Vec<_> = tree.lines().filter_map(Dependency::parse).collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Where cargo has unpacked it.
fn folder(workspace: &Workspace, wanted: &Dependency) -> Option<PathBuf> {
    let is_wanted = |package: &&Value| package["name"] == wanted.name && package["version"] == wanted.version;
    let manifest = workspace.packages().find(is_wanted)?["manifest_path"].as_str()?;
    Some(Path::new(manifest).parent()?.to_owned())
}

/// Whether a file of a crate is a licence, by its name. Those of C code inside are in folders below.
fn is_licence(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase();
    let starts = ["licence", "license", "copying", "copyright", "notice", "unlicense"];
    starts.iter().any(|start| name.starts_with(start)) && !name.ends_with(".rs")
}

pub(super) const FILE: &str = "LICENSES-OF-DEPENDENCIES.txt";
const TITLE: &str = "The program `silverback` has these crates in it. Their licences follow.";

#[cfg(test)]
#[path = "licences_tests.rs"]
mod tests;
