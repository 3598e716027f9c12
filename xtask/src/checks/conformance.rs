//! Checks that the tests that `docs/conformance.md` names exist.
//!
//! A name is `path.rs::test`, with the modules of the file between, as cargo shows them. A path without a package
//! begins in the sources of the core. Paths of code must exist too.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;

use crate::error::{Error, OrFailed as _, Verdict};
use crate::workspace::Workspace;

pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let text = fs::read_to_string(workspace.root.join(DOCUMENT)).or_failed(DOCUMENT)?;
    let rows: Vec<_> = rows(&text).collect();
    let mut complaints: Vec<_> = rows.iter().filter_map(Row::complaint).collect();
    let mut files = Files { root: &workspace.root, seen: BTreeMap::new() };
    for row in &rows {
        for name in &row.names {
            complaints.extend(files.complaint(name).map(|words| format!("line {}: {words}", row.line)));
        }
        let lost = row.places.iter().filter(|place| !files.has(place));
        complaints.extend(lost.map(|place| format!("line {}: {place} does not exist", row.line)));
    }
    if !complaints.is_empty() {
        return Err(Error::Failed(format!("{DOCUMENT}: {}", complaints.join("; "))));
    }
    let tested = rows.iter().filter(|row| !row.names.is_empty()).count();
    Ok(format!("{tested} of {} rows have tests, and each of them exists", rows.len()))
}

/// One line of a table.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    line: usize,
    names: Vec<&'a str>,
    /// Files and folders with the code for this point.
    places: Vec<&'a str>,
    /// The row says in words why it names no test.
    is_excused: bool,
}

impl Row<'_> {
    fn complaint(&self) -> Option<String> {
        (self.names.is_empty() && !self.is_excused)
            .then(|| format!("line {} names no test and does not say why", self.line))
    }
}

/// The tables' rows, without their heads: the line above dashes, and the dashes.
fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let is_dashes = |line: &str| line.starts_with("|-");
    let lines: Vec<_> = text.lines().collect();
    (0..lines.len()).filter_map(move |index| {
        let line = lines[index];
        let is_head = lines.get(index + 1).is_some_and(|next| is_dashes(next));
        if !line.starts_with('|') || is_dashes(line) || is_head {
            return None;
        }
        let last = line.trim_end().trim_end_matches('|').rsplit('|').next().unwrap_or_default();
        let is_excused = EXCUSES.iter().any(|words| last.contains(words));
        Some(Row { line: index + 1, names: names(line), places: places(line), is_excused })
    })
}

/// The words in backquotes that look like a test.
fn names(line: &str) -> Vec<&str> {
    quoted(line).filter(|words| words.contains(".rs::")).collect()
}

fn places(line: &str) -> Vec<&str> {
    quoted(line).filter(|words| words.ends_with(".rs") || words.len() > 1 && words.ends_with('/')).collect()
}

fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The files that were named so far, with the paths of their tests.
struct Files<'a> {
    root: &'a Path,
    seen: BTreeMap<String, Vec<String>>,
}

impl Files<'_> {
    fn has(&self, place: &str) -> bool {
        self.root.join(CORE).join(place).exists() || self.root.join(place).exists()
    }

    fn complaint(&mut self, name: &str) -> Option<String> {
        let (file, test) = name.split_once("::")?;
        let tests = match self.seen.entry(file.to_owned()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let of_the_core = self.root.join(CORE).join(file);
                let Ok(source) = fs::read_to_string(of_the_core).or_else(|_| fs::read_to_string(self.root.join(file)))
                else {
                    return Some(format!("the file {file} does not exist"));
                };
                entry.insert(tests_in(&source))
            }
        };
        (!tests.iter().any(|known| known == test)).then(|| format!("{file} has no test {test}"))
    }
}

/// The tests of a formatted file. Its indentation tells where a module ends, also around macros.
fn tests_in(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut modules: Vec<(usize, &str)> = Vec::new();
    let mut is_marked = false;
    for line in source.lines() {
        let words = line.trim();
        let depth = line.len() - line.trim_start().len();
        if let Some(module) = words.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            modules.push((depth, module));
        } else if words == "}" && modules.last().is_some_and(|(start, _)| *start == depth) {
            modules.pop();
        } else if words.starts_with("#[test]") || words.starts_with("#[tokio::test") {
            is_marked = true;
        } else if let Some(rest) = words.strip_prefix("async ").unwrap_or(words).strip_prefix("fn ") {
            let name = rest.split(['(', '<']).next().unwrap_or_default();
            let path: Vec<_> = modules.iter().map(|(_, module)| *module).chain([name]).collect();
            if std::mem::take(&mut is_marked) {
                found.push(path.join("::"));
            }
        }
    }
    found
}

const DOCUMENT: &str = "docs/conformance.md";
const CORE: &str = "silverback-proto/src";
/// How a row says that it has no test of ours.
const EXCUSES: &[&str] = &["no test yet", "nothing to test", "not built", "not ours"];

#[cfg(test)]
#[path = "conformance_tests.rs"]
mod tests;
