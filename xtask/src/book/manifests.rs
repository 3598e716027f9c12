//! Dependencies on pages, as lines for `Cargo.toml`: the crates exist, our own where the lines say, and have these features.
//! The versions are those that the project itself is built with.

use std::fs;

use serde_json::Value;

use super::pages::{BOOK, Pages};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

pub(super) fn complaints(workspace: &Workspace, pages: &Pages<'_>) -> Vec<String> {
    let known: Vec<_> = workspace.packages().collect();
    let mut found = Vec::new();
    for (path, page) in pages.pages.iter().filter(|(path, _)| path.starts_with(BOOK) || path.ends_with("README.md")) {
        for block in page.blocks.iter().filter(|block| block.info == "toml") {
            let mut lines = block.text.lines().skip_while(|line| *line != "[dependencies]").skip(1).peekable();
            // Some blocks have single lines to add.
            let lines: Vec<_> = match lines.peek() {
                Some(_) => lines.collect(),
                None => block.text.lines().filter(|line| line.contains("path = ")).collect(),
            };
            let faults = lines.into_iter().filter_map(|line| fault(line, &known));
            found.extend(faults.map(|fault| format!("{}:{}: {fault}", path.display(), block.line)));
        }
    }
    found
}

/// The features of the crates that users choose from are on a page.
pub(super) fn unknown_features(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let page = fs::read_to_string(workspace.root.join(FEATURES)).or_failed(FEATURES)?;
    let mut found = Vec::new();
    for package in workspace.members() {
        let name = package["name"].as_str().unwrap_or_default();
        let is_on_page = page.contains(&format!("`{name}`"));
        let features = package["features"].as_object().into_iter().flatten().map(|(feature, _)| feature.as_str());
        let missing = features.filter(|feature| *feature != "default" && !page.contains(&format!("`{feature}`")));
        found.extend(missing.filter(|_| is_on_page).map(|feature| format!("{FEATURES} has no `{feature}` of {name}")));
    }
    Ok(found)
}

fn fault(line: &str, known: &[&Value]) -> Option<String> {
    let (name, value) = line.split_once(" = ")?;
    let quoted_after = |key: &str| value.split_once(key)?.1.split('"').nth(1);
    let (path, version) = match value.strip_prefix('"') {
        Some(version) => (None, version.strip_suffix('"')),
        None => (quoted_after("path = "), quoted_after("version = ")),
    };
    let is_it = |package: &&&Value| {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let in_place =
            path.is_none_or(|path| manifest.ends_with(&format!("/{name}/Cargo.toml")) && path == place(name));
        let its_version = package["version"].as_str().unwrap_or_default();
        let is_new = version.is_none_or(|version| its_version.strip_prefix(version).is_some_and(starts_a_part));
        package["name"] == name && package["source"].is_null() == path.is_some() && in_place && is_new
    };
    let Some(package) = known.iter().find(is_it) else { return Some(format!("no crate fits the line `{line}`")) };
    let features = value.split_once("features = [").and_then(|(_, rest)| rest.split_once(']'));
    let mut features = features.map_or("", |(list, _)| list).split([',', ' ', '"']).filter(|word| !word.is_empty());
    let unknown = features.find(|feature| package["features"].get(feature).is_none())?;
    Some(format!("{name} has no feature {unknown}"))
}

/// Where the pages expect our crates.
fn place(name: &str) -> String {
    format!("../silverback/{name}")
}

fn starts_a_part(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('.')
}

const FEATURES: &str = "docs/reference/features.md";

#[cfg(test)]
#[path = "manifests_tests.rs"]
mod tests;
