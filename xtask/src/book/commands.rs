//! Commands on pages: packages, programs and examples that cargo is asked for exist, and so do the options of the program.
//! Blocks of `sh` have one command for each line; in blocks of `console` commands follow a `$`, in units of systemd `ExecStart=`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::pages::Pages;
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

pub(super) fn complaints(workspace: &Workspace, pages: &Pages<'_>) -> Result<Vec<String>, Error> {
    let guide = fs::read_to_string(workspace.root.join(GUIDE)).or_failed(GUIDE)?;
    let known = Known { targets: targets(workspace), options: options(&guide) };
    let mut found = Vec::new();
    for (path, page) in &pages.pages {
        for block in &page.blocks {
            for command in commands(&block.info, &block.text) {
                let fault = known.fault(command);
                found.extend(fault.map(|fault| format!("{}:{}: {fault}", path.display(), block.line)));
            }
        }
    }
    Ok(found)
}

/// What commands may name.
struct Known {
    /// `PACKAGE`, `PACKAGE bin NAME` and `PACKAGE example NAME`.
    targets: BTreeSet<String>,
    /// Options of the program, as its guide lists them. A test compares that guide with the program.
    options: BTreeSet<String>,
}

impl Known {
    fn fault(&self, command: &str) -> Option<String> {
        let (cargo, program) = match command.split_once(" -- ") {
            Some((cargo, program)) if cargo.contains("cargo ") => (cargo, program),
            _ if command.contains("cargo ") => (command, ""),
            _ => ("", command),
        };
        let is_program = |word: &str| word.rsplit('/').next() == Some(PROGRAM);
        let is_ours = program.split_whitespace().any(is_program) || cargo.contains(PACKAGE);
        self.fault_of_cargo(cargo).or_else(|| is_ours.then(|| self.fault_of_program(program)).flatten())
    }

    fn fault_of_cargo(&self, command: &str) -> Option<String> {
        let words: Vec<_> = command.split_whitespace().collect();
        let after = |names: &[&str]| {
            let place = words.iter().position(|word| names.contains(word))?;
            words.get(place + 1).copied()
        };
        let package = after(&["-p", "--package"])?;
        let mut wanted = vec![package.to_owned()];
        for kind in ["bin", "example"] {
            let name = after(&[if kind == "bin" { "--bin" } else { "--example" }]);
            wanted.extend(name.map(|name| format!("{package} {kind} {name}")));
        }
        wanted.into_iter().find(|name| !self.targets.contains(name)).map(|name| format!("cargo knows no {name}"))
    }

    fn fault_of_program(&self, command: &str) -> Option<String> {
        let words = command.split_whitespace().map(|word| word.split('=').next().unwrap_or(word));
        let mut options = words.filter(|word| word.starts_with("--") && word.len() > 2);
        options.find(|option| !self.options.contains(*option)).map(|option| format!("{GUIDE} has no {option}"))
    }
}

fn commands<'t>(info: &str, text: &'t str) -> Vec<&'t str> {
    let lines = text.lines().map(str::trim);
    match info.split([',', ' ']).next() {
        Some("sh") => lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect(),
        Some("console") => lines.filter_map(|line| line.strip_prefix("$ ")).collect(),
        // Units of systemd.
        Some("ini") => lines.filter_map(|line| line.strip_prefix("ExecStart=")).collect(),
        _ => Vec::new(),
    }
}

fn targets(workspace: &Workspace) -> BTreeSet<String> {
    let of_package = |package: &Value| {
        let name = package["name"].as_str().unwrap_or_default().to_owned();
        let mut names = vec![name.clone()];
        for target in package["targets"].as_array().into_iter().flatten() {
            let kind = target["kind"][0].as_str().unwrap_or_default();
            names.push(format!("{name} {kind} {}", target["name"].as_str().unwrap_or_default()));
        }
        names
    };
    workspace.members().flat_map(of_package).collect()
}

fn options(guide: &str) -> BTreeSet<String> {
    let quoted = guide.split('`').skip(1).step_by(2).filter(|words| words.starts_with("--"));
    quoted.map(|words| words.split([' ', '=', '[']).next().unwrap_or(words).to_owned()).collect()
}

const GUIDE: &str = "docs/cli.md";
const PROGRAM: &str = "silverback";
const PACKAGE: &str = "silverback-cli";

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
