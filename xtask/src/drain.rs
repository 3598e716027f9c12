//! `cargo xtask drain`: one of two programs behind a proxy drains under load, and nothing that it has accepted is lost.
//! `silverback-cli/tests/it/fronts/drain.rs` does the work.

use std::collections::BTreeSet;
use std::fs;

use clap::Args;

use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;
use crate::{brokers, date, fronts};

/// `cargo xtask drain`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Drain with 1,000 clients, and write the tables of docs/operations.md. This takes some minutes.
    #[arg(long)]
    pub(crate) full: bool,
}

/// Runs the tests of `cargo xtask test`, or their long form. `true` if nothing failed.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    // With CI, a test without its proxy or broker fails.
    let task = workspace.cargo(&["test", "--package", "silverback-cli", "--test", "it"]).env("CI", "true");
    let task = if request.full { task.env("SILVERBACK_DRAIN_CLIENTS", CLIENTS) } else { task };
    let programs = fronts::variables(workspace).into_iter().chain(brokers::variables(workspace));
    let task = programs.fold(task, |task, (variable, path)| task.env(variable, path));
    let task = task.args(["--", "--nocapture", "--test-threads", "1", "fronts::drain::"]);
    let output = task.read_aloud().succeeded()?;
    if request.full {
        let path = workspace.root.join(PAGE);
        let page = fs::read_to_string(&path).or_failed(PAGE)?;
        let page = with_results(&page, &output, &date::today()).or_failed("a figure or its table is missing")?;
        fs::write(path, page).or_failed(PAGE)?;
    }
    Ok(true)
}

/// The page with the tables and the date of this run.
fn with_results(page: &str, output: &str, today: &str) -> Option<String> {
    let figures: Vec<_> = output.lines().filter_map(Figure::parse).collect();
    let (before, section) = page.split_once(HEADING)?;
    let (text, old) = section.split_once(DATE)?;
    let mut section = format!("{text}{DATE}{today}{}", old.get(today.len()..)?);
    for name in TABLES {
        let begin = section.find(&format!("| {name} |"))?;
        let old = section[begin..].split("\n\n").next()?.to_owned();
        section = section.replacen(&old, &table(name, &figures)?, 1);
    }
    Some(format!("{before}{HEADING}{section}"))
}

/// The figures of a service: a column for each proxy.
fn table(name: &str, figures: &[Figure<'_>]) -> Option<String> {
    let of_table = || figures.iter().filter(|figure| figure.table == name);
    let proxies: BTreeSet<_> = of_table().map(|figure| figure.proxy).collect();
    let first = proxies.first()?;
    let row = |cells: &[&str]| format!("| {} |", cells.join(" | "));
    let mut lines = vec![row(&[&[name], &*proxies.iter().copied().collect::<Vec<_>>()].concat())];
    lines.push(format!("|---|{}", "---|".repeat(proxies.len())));
    for Figure { label, .. } in of_table().filter(|figure| figure.proxy == *first) {
        let value = |proxy| Some(of_table().find(|figure| figure.proxy == proxy && figure.label == *label)?.value);
        let values: Vec<_> = proxies.iter().copied().map(value).collect::<Option<_>>()?;
        lines.push(row(&[&[*label], &*values].concat()));
    }
    Some(lines.join("\n"))
}

/// A line of the tests.
struct Figure<'o> {
    table: &'o str,
    proxy: &'o str,
    label: &'o str,
    value: &'o str,
}

impl<'o> Figure<'o> {
    fn parse(line: &'o str) -> Option<Self> {
        let mut cells = line.strip_prefix("DRAIN | ")?.split(" | ");
        Some(Self { table: cells.next()?, proxy: cells.next()?, label: cells.next()?, value: cells.next()? })
    }
}

const CLIENTS: &str = "1000";
const PAGE: &str = "docs/operations.md";
const HEADING: &str = "\n## A drain under load\n";
const DATE: &str = "Measured on ";
const TABLES: [&str; 2] = ["echo service", "hub on NATS"];

#[cfg(test)]
#[path = "drain_tests.rs"]
mod tests;
