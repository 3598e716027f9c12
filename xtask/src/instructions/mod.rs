//! `cargo xtask instructions`: the instructions for a message and for a handshake, and docs/instructions.md.
//!
//! Valgrind counts, so the figures are the same in every run and on every machine with the same compiler. It counts the
//! rounds of a load without the start, the first rounds and the end.

mod count;
mod page;
mod peers;

use std::fs;

use clap::Args;

use self::page::{RAW, SUBJECTS, Table};
use crate::date;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::workspace::Workspace;

/// `cargo xtask instructions`
#[derive(Args, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Leave the page as it is and fail if a count has grown by more than 5 %.
    #[arg(long)]
    pub(crate) check: bool,
    /// Count the other libraries' servers and write their table in docs/reference/comparison.md.
    #[arg(long, conflicts_with = "check")]
    pub(crate) peers: bool,
}

/// Counts, prints, and writes the page or compares with it. `true` when nothing grew.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    if request.check {
        println!("\n{}", check(workspace)?);
        return Ok(true);
    }
    if request.peers {
        compare(workspace)?;
        return Ok(true);
    }
    let table = count::all(workspace)?;
    println!("\n{}", page::shown(&table));
    let path = workspace.root.join(PAGE);
    let before = fs::read_to_string(&path).unwrap_or_default();
    let page = page::whole(&table, &count::compiler(workspace)?, &date::today(), page::log_of(&before));
    fs::write(&path, page).or_failed(PAGE)?;
    println!("written: {}", path.display());
    Ok(true)
}

/// Counts the peers and writes their table.
fn compare(workspace: &Workspace) -> Result<(), Error> {
    let path = workspace.root.join(COMPARISON);
    let before = fs::read_to_string(&path).or_failed(COMPARISON)?;
    let table = peers::table(workspace)?;
    println!("\n{table}\n{}", count::compiler(workspace)?);
    let page = peers::replaced(&before, &table).or_failed(format_args!("{COMPARISON} has no table to replace"))?;
    fs::write(&path, page).or_failed(COMPARISON)?;
    println!("written: {}", path.display());
    Ok(())
}

/// The step: counts, and fails if something costs more than the page says.
pub(crate) fn check(workspace: &Workspace) -> Verdict {
    let text = fs::read_to_string(workspace.root.join(PAGE)).or_failed(PAGE)?;
    let known = page::read(&text).or_failed(format_args!("{PAGE} has no table that can be read"))?;
    let table = count::all(workspace)?;
    println!("\n{}", page::shown(&table));
    let grown = growths(&known, &table);
    if grown.is_empty() {
        return Ok(format!("{} counts, none grown by more than {TOLERANCE} %", count_of(&table)));
    }
    let (grown, compiler) = (grown.join("; "), count::compiler(workspace)?);
    if text.contains(&compiler) {
        return Err(Error::Failed(grown));
    }
    // Another compiler generates other code, so the counts say nothing about a change of ours.
    Err(Error::Skipped(format!("{PAGE} is of another compiler than {compiler}: {grown}")))
}

/// Our counts that have grown. Those of plain TCP do not depend on our code.
fn growths(known: &Table, now: &Table) -> Vec<String> {
    let mut grown = Vec::new();
    for (load, counts) in now {
        let Some((_, before)) = known.iter().find(|(name, _)| name == load) else { continue };
        for (subject, (was, is)) in SUBJECTS.iter().zip(before.iter().zip(counts)) {
            if let (Some(was), Some(is)) = (was, is)
                && *subject != RAW
                && is * 100 > was * (100 + TOLERANCE)
            {
                grown.push(format!("{load}, {subject}: {was} instructions have become {is}"));
            }
        }
    }
    grown
}

fn count_of(table: &Table) -> usize {
    table.iter().flat_map(|(_, counts)| counts).flatten().count()
}

const PAGE: &str = "docs/instructions.md";
const COMPARISON: &str = "docs/reference/comparison.md";
/// In percent.
const TOLERANCE: u64 = 5;

#[cfg(test)]
mod tests;
