//! The oldest supported Rust: the real toolchain where it is installed, the next best evidence elsewhere.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::tools;
use crate::version;
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let declared = workspace.member("silverback")?["rust_version"].as_str().or_failed("no rust-version is declared")?;
    let too_new = too_new(workspace, declared)?;
    if !too_new.is_empty() {
        return Err(Error::Failed(format!("these need more than Rust {declared}: {}", too_new.join(", "))));
    }
    if let Some(toolchain) = tools::toolchain(declared) {
        build(workspace, &toolchain)?;
        return Ok(format!("builds with Rust {declared}"));
    }
    println!("RUST {declared} IS NOT INSTALLED (rustup toolchain install {declared}): nothing was built with it.");
    println!(
        "Checked instead: the rust-version of every dependency; clippy::incompatible_msrv ran in the step clippy."
    );
    Ok(format!("Rust {declared} is not installed: checked the dependencies' rust-version and clippy's word only"))
}

/// Packages that users build whose own minimum is above ours. Tests may need a newer Rust.
fn too_new(workspace: &Workspace, declared: &str) -> Result<Vec<String>, Error> {
    let ours = version::parse(declared).or_failed("the rust-version is not a version")?;
    let is_too_new = |text: &str| version::parse(text).is_none_or(|theirs| theirs > ours);
    let roots = workspace.members().filter(|package| package["name"] != "xtask").filter_map(|root| root["id"].as_str());
    let built = built(&workspace.metadata, roots);
    let packages = workspace.packages().filter(|package| package["id"].as_str().is_some_and(|id| built.contains(id)));
    let too_new = packages.filter_map(|package| {
        let needs = package["rust_version"].as_str().filter(|text| is_too_new(text))?;
        Some(format!("{} {} (Rust {needs})", package["name"].as_str()?, package["version"].as_str()?))
    });
    Ok(too_new.collect())
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

fn build(workspace: &Workspace, toolchain: &str) -> Result<(), Error> {
    // What users build: the libraries and the program, without their tests.
    tools::in_toolchain(workspace, toolchain)
        .args(["cargo", "check", "--locked", "--workspace", "--exclude", "xtask", "--all-features", "--target-dir"])
        .arg(workspace.target.join("msrv"))
        .run()
}

#[cfg(test)]
#[path = "msrv_tests.rs"]
mod tests;
