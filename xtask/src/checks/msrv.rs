//! The oldest supported Rust: the real compiler where rustup or Debian has it, the next best evidence elsewhere.

mod debian;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::process::Task;
use crate::tools;
use crate::version;
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let members = by_version(workspace)?;
    let mut too_new = Vec::new();
    for (version, names) in &members {
        too_new.extend(needs_more_than(workspace, version, names)?);
    }
    if !too_new.is_empty() {
        return Err(Error::Failed(too_new.join("; ")));
    }
    let mut notes = Vec::new();
    for (version, names) in &members {
        if let Some(cargo) = cargo(workspace, version)? {
            check_with(cargo, workspace, names)?;
            notes.push(format!("builds with Rust {version}"));
            continue;
        }
        println!("RUST {version} IS NOT INSTALLED (rustup toolchain install {version}): nothing was built with it.");
        println!("Checked instead: the rust-version of each dependency. The step clippy checked our own code.");
        notes.push(format!("Rust {version} is not installed: only the dependencies' rust-version and clippy's word"));
    }
    Ok(notes.join("; "))
}

fn cargo(workspace: &Workspace, version: &str) -> Result<Option<Task>, Error> {
    match tools::toolchain(version) {
        Some(toolchain) => Ok(Some(tools::in_toolchain(workspace, &toolchain).arg("cargo"))),
        None => debian::cargo(workspace, version),
    }
}

/// What users build, by the oldest Rust that each member declares.
fn by_version(workspace: &Workspace) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for package in workspace.members().filter(|package| package["name"] != "xtask") {
        let name = package["name"].as_str().or_failed("a package has no name")?;
        let version = package["rust_version"].as_str().or_failed(format_args!("{name} declares no rust-version"))?;
        members.entry(version.to_owned()).or_default().push(name.to_owned());
    }
    Ok(members)
}

/// Packages that users of these members build whose own minimum is above theirs. Tests may need a newer Rust.
fn needs_more_than(workspace: &Workspace, declared: &str, names: &[String]) -> Result<Vec<String>, Error> {
    let ours = version::parse(declared).or_failed("the rust-version is not a version")?;
    let is_too_new = |text: &str| version::parse(text).is_none_or(|theirs| theirs > ours);
    let mut too_new = Vec::new();
    for name in names {
        let built = built(&workspace.metadata, workspace.member(name)?["id"].as_str().into_iter());
        let packages =
            workspace.packages().filter(|package| package["id"].as_str().is_some_and(|id| built.contains(id)));
        too_new.extend(packages.filter_map(|package| {
            let needs = package["rust_version"].as_str().filter(|text| is_too_new(text))?;
            let (package, version) = (package["name"].as_str()?, package["version"].as_str()?);
            Some(format!("{name} declares Rust {declared}, and {package} {version} needs {needs}"))
        }));
    }
    Ok(too_new)
}

/// The ids of the roots and of everything that they need outside of their tests.
fn built<'a>(metadata: &'a Value, roots: impl Iterator<Item = &'a str>) -> HashSet<&'a str> {
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let nodes: HashMap<_, _> = nodes.filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let mut built = HashSet::new();
    let mut waiting: Vec<&str> = roots.collect();
    while let Some(id) = waiting.pop() {
        if built.insert(id) {
            let needed = nodes.get(id).and_then(|node| node["deps"].as_array()).into_iter().flatten();
            waiting.extend(needed.filter(|one| is_built(one)).filter_map(|one| one["pkg"].as_str()));
        }
    }
    built
}

/// Whether a dependency is one of other kinds than `dev`.
fn is_built(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"] != "dev")
}

/// What users build: the libraries and the program, without their tests.
fn check_with(cargo: Task, workspace: &Workspace, names: &[String]) -> Result<(), Error> {
    let packages = names.iter().flat_map(|name| ["--package", name]);
    let target = workspace.target.join("msrv");
    cargo.args(["check", "--locked", "--all-features"]).args(packages).arg("--target-dir").arg(target).run()
}

#[cfg(test)]
#[path = "msrv_tests.rs"]
mod tests;
