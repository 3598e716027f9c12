//! `cargo xtask public-api`: the public items of the published libraries, as committed lists in docs/public-api/.
//!
//! A change of the public API changes a list, so a reviewer sees it. cargo-public-api reads the items from the JSON of a
//! nightly rustdoc. The first line of a list names both, because another version may word the same item differently.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use super::features::is_published_library;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::kernels::nightly;
use crate::tools;
use crate::workspace::Workspace;

/// `cargo xtask public-api`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Leave the lists as they are, and print the difference and fail if the public items are not those of the lists.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes the lists, or compares with them.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    if request.check {
        println!("\n{}", check(workspace)?);
        return Ok(true);
    }
    let tools = Tools::find(workspace)?;
    fs::create_dir_all(workspace.root.join(FOLDER)).or_failed(FOLDER)?;
    for name in crates(workspace) {
        let path = path(workspace, name);
        fs::write(&path, tools.list(workspace, name)?).or_failed(path.display())?;
        println!("written: {}", path.display());
    }
    Ok(true)
}

/// The step: fails if a list does not have exactly the public items of its crate.
pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let tools = Tools::find(workspace)?;
    let (mut count, mut changed, mut other_tools) = (0, Vec::new(), false);
    for name in crates(workspace) {
        let path = path(workspace, name);
        let known = fs::read_to_string(&path).or_failed(path.display())?;
        let now = tools.list(workspace, name)?;
        let difference = difference(&items(&known), &items(&now));
        if !difference.is_empty() {
            println!("\n{FOLDER}/{name}.txt is not the public API of {name}:\n{difference}");
            changed.push(name);
        }
        other_tools |= known.lines().next() != now.lines().next();
        count += items(&now).len();
    }
    let changed = changed.join(", ");
    match (changed.is_empty(), other_tools) {
        (true, _) => Ok(format!("{count} lines")),
        (false, false) => Err(Error::Failed(format!("the public API changed: {changed} ({HOW_TO_WRITE})"))),
        // The difference may come from the tools, so this machine cannot tell.
        (false, true) => Err(Error::Missing(format!(
            "the lists of {changed} were written by other versions than {} ({HOW_TO_WRITE})",
            tools.names
        ))),
    }
}

struct Tools {
    cargo_public_api: PathBuf,
    nightly: String,
    /// Both with their versions.
    names: String,
}

impl Tools {
    fn find(workspace: &Workspace) -> Result<Self, Error> {
        let nightly = nightly()?;
        tools::need_openssl()?;
        let cargo_public_api = tools::cargo_tool(workspace, NAME, VERSION)?;
        let compiler = tools::in_toolchain(workspace, &nightly).args(["rustc", "--version"]).read()?;
        let version = workspace.task(&cargo_public_api).args(["public-api", "--version"]).read()?;
        let names = format!("{} and {}", version.trim(), compiler.trim());
        Ok(Self { cargo_public_api, nightly, names })
    }

    /// The whole text of a list.
    fn list(&self, workspace: &Workspace, name: &str) -> Result<String, Error> {
        let items = tools::in_toolchain(workspace, &self.nightly)
            .arg(&self.cargo_public_api)
            .args(["public-api", "--package", name, "--all-features", "--color", "never"])
            // Derived impls stay: `Clone` is part of a type's contract.
            .args(["--omit", "blanket-impls,auto-trait-impls"])
            .env("CARGO_TARGET_DIR", workspace.target.join("public-api"))
            .read()?;
        let others: Vec<_> = crates(workspace).filter(|other| *other != name).collect();
        let lines = items.lines().map(|line| others.iter().fold(line.to_owned(), |line, other| flat(&line, other)));
        Ok(std::iter::once(format!("# {}", self.names)).chain(lines).map(|line| line + "\n").collect())
    }
}

fn crates(workspace: &Workspace) -> impl Iterator<Item = &str> {
    let published = workspace.members().filter(|package: &&Value| is_published_library(package));
    published.filter_map(|package| package["name"].as_str())
}

fn path(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.root.join(Path::new(FOLDER)).join(format!("{name}.txt"))
}

/// The lines of a list after the one that names the tools.
fn items(list: &str) -> Vec<&str> {
    list.lines().skip(1).collect()
}

/// The line with the types of another crate of ours named without their modules. Rustdoc names the private module that
/// defines a type, and moving the type to another file is not a change of the API.
fn flat(line: &str, other: &str) -> String {
    let root = format!("{}::", other.replace('-', "_"));
    let mut pieces = line.split(&root);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let is_module =
            |segment: &&str| segment.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
        let modules: usize = piece
            .split_inclusive("::")
            .map(|segment| segment.trim_end_matches("::"))
            .take_while(is_module)
            .map(|segment| segment.len() + 2)
            .sum();
        text = text + &root + &piece[modules..];
    }
    text
}

/// The lines that only the old list has, then those that only the new one has. Items with two public paths are listed
/// twice, so lines are counted.
fn difference(known: &[&str], now: &[&str]) -> String {
    let mut spare: HashMap<&str, usize> = HashMap::new();
    known.iter().for_each(|line| *spare.entry(line).or_default() += 1);
    let mut added = String::new();
    for line in now {
        match spare.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            _ => added += &format!("+ {line}\n"),
        }
    }
    let mut removed = String::new();
    for line in known {
        if let Some(count) = spare.get_mut(line).filter(|count| **count > 0) {
            *count -= 1;
            removed += &format!("- {line}\n");
        }
    }
    removed + &added
}

const NAME: &str = "cargo-public-api";
const VERSION: &str = "0.52.0";
const FOLDER: &str = "docs/public-api";
const HOW_TO_WRITE: &str = "`cargo xtask public-api` writes the lists";

#[cfg(test)]
#[path = "public_api_tests.rs"]
mod tests;
