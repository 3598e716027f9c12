//! The promises of ARCHITECTURE.md about the source that the compiler alone cannot hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::rooms;
use super::syntax::names_of_file;
use crate::book;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let files = rust_files(workspace)?;
    let mut complaints = Vec::new();
    for file in &files {
        let source = fs::read_to_string(workspace.root.join(file)).or_failed(file.display())?;
        let names = names_of_file(&source).or_failed(file.display())?;
        complaints.extend(forbidden_name(file, &names));
    }
    complaints.extend(forbidden_in_the_core(workspace)?);
    let map = fs::read_to_string(workspace.root.join(MAP)).or_failed(MAP)?;
    complaints.extend(too_long(&map));
    complaints.extend(rooms::of_all_crates(workspace)?);
    complaints.extend(book::complaints(workspace)?);
    if complaints.is_empty() {
        return Ok(format!("{} files", files.len()));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    Err(Error::Failed(complaints.join("; ")))
}

/// Promises 2 and 8: `unsafe` outside its folder, and printing in a library. The lints `unsafe_code`, `print_stdout` and
/// `print_stderr` hold them too, except in the packages outside the workspace and on lines that allow it.
fn forbidden_name(file: &Path, names: &[String]) -> Option<String> {
    let has = |word: &&str| names.iter().any(|name| name == word);
    if has(&"unsafe") && !file.starts_with(UNSAFE_FOLDER) {
        return Some(format!("{}: `unsafe` belongs in {UNSAFE_FOLDER}", file.display()));
    }
    if !LIBRARIES.iter().any(|library| file.starts_with(library)) {
        return None;
    }
    PRINTING.iter().copied().find(has).map(|word| format!("{}: a library does not use `{word}`", file.display()))
}

/// Promise 1: no dependency of the core, at any depth, brings a runtime, sockets or a random source.
fn forbidden_in_the_core(workspace: &Workspace) -> Result<Vec<String>, Error> {
    let id = workspace.member(CORE)?["id"].as_str().or_failed("a package without an id")?;
    let mut reached = BTreeSet::new();
    collect_dependencies(&workspace.metadata, id, &mut reached);
    let named = workspace.packages().filter(|package| package["id"].as_str().is_some_and(|id| reached.contains(id)));
    let names = named.filter_map(|package| package["name"].as_str());
    Ok(names.filter(|name| is_forbidden(name)).map(|name| format!("{CORE} must not depend on {name}")).collect())
}

fn collect_dependencies<'m>(metadata: &'m Value, id: &str, reached: &mut BTreeSet<&'m str>) {
    let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
    let dependencies = nodes.filter(|node| node["id"] == id).filter_map(|node| node["deps"].as_array()).flatten();
    for dependency in dependencies.filter(|dependency| is_shipped(dependency)) {
        if let Some(next) = dependency["pkg"].as_str() {
            if reached.insert(next) {
                collect_dependencies(metadata, next, reached);
            }
        }
    }
}

/// Users do not run the dependencies of tests and build scripts.
fn is_shipped(dependency: &Value) -> bool {
    dependency["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null()))
}

fn is_forbidden(name: &str) -> bool {
    FORBIDDEN_IN_THE_CORE
        .iter()
        .any(|stem| name == *stem || name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(['-', '_'])))
}

/// The map has a limit, because newcomers do not read a long one.
fn too_long(map: &str) -> Option<String> {
    let lines = map.lines().count();
    (lines > LONGEST_MAP).then(|| format!("{MAP} has {lines} lines, and may have {LONGEST_MAP}"))
}

/// Every Rust file that belongs to the project, relative to its root.
fn rust_files(workspace: &Workspace) -> Result<Vec<PathBuf>, Error> {
    let mut folders = vec![workspace.root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).or_failed(folder.display())? {
            let path = entry.or_failed(folder.display())?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let is_foreign =
                    name.starts_with('.') || FOREIGN_FOLDERS.contains(&name.as_ref()) || path == workspace.target;
                if !is_foreign {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path.strip_prefix(&workspace.root).or_failed(path.display())?.to_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

const MAP: &str = "ARCHITECTURE.md";
const LONGEST_MAP: usize = 150;
const CORE: &str = "silverback-proto";
const UNSAFE_FOLDER: &str = "silverback-proto/src/wire/mask";
const LIBRARIES: &[&str] = &[
    "silverback-proto/src",
    "silverback/src",
    "silverback-axum/src",
    "silverback-hub/src",
    "silverback-hub-nats/src",
    "silverback-hub-redis/src",
    "silverback-centrifugo/src",
];
const PRINTING: &[&str] =
    &["print", "println", "eprint", "eprintln", "dbg", "stdout", "stderr", "print_stdout", "print_stderr"];
const FOREIGN_FOLDERS: &[&str] = &["target", "artifacts", "corpus", "node_modules"];

/// Each stands for itself and for everything that continues it with a hyphen or an underscore.
const FORBIDDEN_IN_THE_CORE: &[&str] = &[
    "tokio",
    "async",
    "futures",
    "mio",
    "polling",
    "smol",
    "hyper",
    "socket2",
    "rustix",
    "nix",
    "libc",
    "rand",
    "getrandom",
    "fastrand",
    "chrono",
    "time",
    "quanta",
];

#[cfg(test)]
#[path = "promises_tests.rs"]
mod tests;
