//! `cargo xtask rooms`: how the files of a crate depend on each other.
//!
//! A room is a top-level folder or file of a crate's `src/`. Three things are faults: files that import each other in a
//! circle, an arrow between rooms that the table in ARCHITECTURE.md does not allow, and an import through the crate root
//! instead of the module that defines the item. Code that is compiled only for tests is left out.

mod circles;
mod imports;
mod modules;
mod paths;
mod table;

use std::fs;
use std::path::Path;

use self::modules::{Arrows, Crate};
use self::table::{DOCUMENT, Table};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// Prints the faults of the named crates, or of all. `true` if there are none.
pub(crate) fn run(workspace: &Workspace, crates: &[String]) -> Result<bool, Error> {
    let all: Vec<_> = names(workspace).collect();
    if let Some(unknown) = crates.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(Error::Failed(format!("the workspace has no crate called {unknown}: it has {}", all.join(", "))));
    }
    let mut is_clean = true;
    for name in all.iter().filter(|name| crates.is_empty() || crates.iter().any(|chosen| chosen == *name)) {
        let faults = faults(workspace, name)?;
        println!("{name}: {}", if faults.is_empty() { "clean".to_owned() } else { format!("{} faults", faults.len()) });
        for fault in &faults {
            println!("  {fault}");
        }
        is_clean &= faults.is_empty();
    }
    Ok(is_clean)
}

/// The faults of all crates, each with the name of its crate.
pub(super) fn of_all_crates(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for name in names(workspace) {
        found.extend(faults(workspace, name)?.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    Ok(found)
}

fn names(workspace: &Workspace) -> impl Iterator<Item = &str> {
    workspace.members().filter_map(|package| package["name"].as_str())
}

fn faults(workspace: &Workspace, name: &str) -> Result<Vec<String>, Error> {
    let package = workspace.member(name)?;
    let manifest = Path::new(package["manifest_path"].as_str().or_failed("a package without a manifest")?);
    let folder = manifest.parent().or_failed("a manifest without a folder")?.join("src");
    let document = fs::read_to_string(workspace.root.join(DOCUMENT)).or_failed(DOCUMENT)?;
    let rules = Table::of_crate(&document, name);
    let mut faults = Vec::new();
    for root in ["lib.rs", "main.rs"].into_iter().filter(|root| folder.join(root).is_file()) {
        let read = |path: &Path| fs::read_to_string(folder.join(path)).ok();
        let parsed = Crate::parse(Path::new(root), &read).map_err(Error::Failed)?;
        faults.extend(faults_of(&parsed.arrows(), rules.as_ref()));
    }
    Ok(faults)
}

/// Every fault of one crate, in words.
fn faults_of(arrows: &Arrows, rules: Option<&Table>) -> Vec<String> {
    let mut faults = arrows.through_root.clone();
    faults.extend(circles::find(arrows).iter().map(|circle| circle.words(arrows)));
    if let Some(rules) = rules {
        faults.extend(rules.faults(arrows));
    }
    faults
}

#[cfg(test)]
#[path = "rooms_tests.rs"]
mod tests;
