//! Commands of cargo on pages: the packages, programs and examples exist, and so do the chores of `cargo xtask` with their
//! options. `steps_tests.rs` looks at the names of steps. Tests of the program run its own commands.
//! Blocks of `sh` have one command for each line; in blocks of `console` commands follow a `$`.

use std::collections::BTreeSet;

use clap::Parser as _;
use serde_json::Value;

use super::pages::Pages;
use crate::command_line::CommandLine;
use crate::workspace::Workspace;

pub(super) fn complaints(workspace: &Workspace, pages: &Pages<'_>) -> Vec<String> {
    let known = Known { targets: targets(workspace) };
    let mut found = Vec::new();
    for (path, page) in &pages.pages {
        for block in &page.blocks {
            let faults = commands(&block.info, &block.text).into_iter().filter_map(|command| known.fault(command));
            found.extend(faults.map(|fault| format!("{}:{}: {fault}", path.display(), block.line)));
        }
        for (code, line) in page.spans.iter().filter(|(code, _)| code.starts_with("cargo ")) {
            found.extend(known.fault(code).map(|fault| format!("{}:{line}: {fault}", path.display())));
        }
    }
    found
}

/// What commands may name.
struct Known {
    /// `PACKAGE`, `PACKAGE bin NAME` and `PACKAGE example NAME`.
    targets: BTreeSet<String>,
}

impl Known {
    fn fault(&self, command: &str) -> Option<String> {
        let (command, _) = command.split_once(" -- ").unwrap_or((command, ""));
        let words: Vec<_> = command.split_whitespace().skip_while(|word| *word != "cargo").collect();
        if let Some(options) = words.strip_prefix(&["cargo", "xtask"]) {
            return fault_of_chore(options);
        }
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
}

fn fault_of_chore(options: &[&str]) -> Option<String> {
    let options: Vec<_> = options.iter().take_while(|word| !word.starts_with('#')).collect();
    if options.is_empty() {
        return None;
    }
    let error = CommandLine::try_parse_from(["xtask"].iter().chain(options)).err()?;
    Some(error.to_string().lines().next().unwrap_or_default().to_owned())
}

fn commands<'t>(info: &str, text: &'t str) -> Vec<&'t str> {
    let lines = text.lines().map(str::trim);
    match info.split([',', ' ']).next() {
        Some("sh") => lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect(),
        Some("console") => lines.filter_map(|line| line.strip_prefix("$ ")).collect(),
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

#[cfg(test)]
#[path = "commands_tests.rs"]
mod tests;
