//! The oldest supported Rust: the real toolchain where it is installed, the next best evidence elsewhere.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, Verdict};
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
    let versions: Vec<_> = members.keys().map(String::as_str).collect();
    let mut missing = Vec::new();
    for (version, names) in &members {
        match tools::toolchain(version) {
            Some(toolchain) => build(workspace, &toolchain, names)?,
            None => missing.push(version.as_str()),
        }
    }
    if missing.is_empty() {
        return Ok(format!("builds with Rust {}", versions.join(" and ")));
    }
    for version in &missing {
        println!("RUST {version} IS NOT INSTALLED (rustup toolchain install {version}): nothing was built with it.");
    }
    println!(
        "Checked instead: the rust-version of every dependency; clippy::incompatible_msrv ran in the step clippy."
    );
    let missing = missing.join(", ");
    Ok(format!("not installed: Rust {missing}; checked only the dependencies' rust-version and clippy's word"))
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

fn build(workspace: &Workspace, toolchain: &str, names: &[String]) -> Result<(), Error> {
    // What users build: the libraries and the program, without their tests.
    let packages = names.iter().flat_map(|name| ["--package", name]);
    tools::in_toolchain(workspace, toolchain)
        .args(["cargo", "check", "--locked", "--all-features"])
        .args(packages)
        .arg("--target-dir")
        .arg(workspace.target.join("msrv"))
        .run()
}

#[cfg(test)]
#[path = "msrv_tests.rs"]
mod tests;
