//! `cargo xtask fanout`: one topic with many subscribers, our hub beside servers from packages, and
//! docs/benchmarks/fanout.md.
//!
//! As in `cargo xtask bench`, servers and load are pinned to different cores, and within a cell the servers are visited
//! in turn, round by round, each freshly started.

mod cells;
mod page;
mod results;
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use serde_json::Value;

use self::cells::Cell;
use self::results::{Outcome, Results, Row};
use self::servers::Server;
use super::{build, machine};
use crate::date;
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// `cargo xtask fanout`
#[derive(Args, Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    /// Measure briefly, to see that everything works, and leave the page as it is.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure these cells and servers only. The page is written for the cells that were measured.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Visit each server this many times. [default: 3]
    #[arg(long, value_name = "N")]
    pub(crate) rounds: Option<usize>,
    /// Write the page again from earlier measurements.
    #[arg(long)]
    pub(crate) render: bool,
}

/// Measures, prints, and writes the page. `true` when every server could be measured.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    if request.render {
        write(workspace, &Results::load(workspace)?)?;
        return Ok(true);
    }
    let (cells, servers) = chosen(&request.only)?;
    let load = build::bench_program(workspace, "fanout", Some("fanout"))?;
    let takes_part = |server: &&'static Server| cells.iter().any(|cell| server.can(cell));
    let mut prepared = Vec::new();
    for server in servers.into_iter().filter(takes_part) {
        prepared.push((server, server.prepare(workspace)?));
    }
    let is_kept = !request.quick && request.only.iter().all(|name| cells::named(name).is_some());
    let mut is_complete = true;
    for cell in cells {
        let servers: Vec<_> = prepared.iter().filter(|(server, _)| server.can(cell)).collect();
        let outcome = measure(workspace, &load, cell, &servers, request)?;
        println!("\n{}", page::table(cell, &outcome));
        is_complete &= outcome.rows.iter().all(|row| !row.has_failed());
        if is_kept {
            let mut results = Results::load(workspace)?;
            results.put(cell, &outcome, &servers::versions());
            results.save(workspace)?;
            write(workspace, &results)?;
        }
    }
    Ok(is_complete)
}

fn measure(
    workspace: &Workspace,
    load: &Path,
    cell: &Cell,
    servers: &[&(&'static Server, PathBuf)],
    request: &Request,
) -> Result<Outcome, Error> {
    let row = |(server, _): &&(&'static Server, PathBuf)| Row { server: server.name.to_owned(), runs: Vec::new() };
    let mut rows: Vec<_> = servers.iter().map(row).collect();
    let (started, before) = (Instant::now(), machine::load_average());
    let mut load_average = (before, before);
    let rounds = request.rounds.unwrap_or(if request.quick { 1 } else { ROUNDS });
    for round in 0..rounds {
        println!("{}: round {}", cell.name, round + 1);
        // Each round begins with another server, so that none always follows the same one.
        for place in 0..servers.len() {
            let index = (place + round * STRIDE) % servers.len();
            if rows[index].has_failed() {
                // It would only cost its time limit again.
                continue;
            }
            let run = once(workspace, load, cell, servers[index], request);
            match &run {
                Ok(run) => println!("{}: {run}", servers[index].0.name),
                Err(error) => println!("{}: {error}", servers[index].0.name),
            }
            rows[index].runs.push(run.unwrap_or(Value::Null));
            let now = machine::load_average();
            load_average = (load_average.0.min(now), load_average.1.max(now));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let machine = machine::description(workspace);
    Ok(Outcome { date: date::today(), machine, load: load_average, seconds, rows })
}

/// One run against a new server.
fn once(
    workspace: &Workspace,
    load: &Path,
    cell: &Cell,
    (server, program): &(&'static Server, PathBuf),
    request: &Request,
) -> Result<Value, Error> {
    let (running, address) = server.start(workspace, program, cell.is_compressed)?;
    let milliseconds = if request.quick { cell.milliseconds / 5 } else { cell.milliseconds };
    let text = machine::pinned(machine::LOAD_CORE, load)
        .args(["--address", &address.to_string(), "--pid", &running.pid().to_string()])
        .args(["--protocol", server.protocol, "--path", server.path, "--publish-path", server.publish_path])
        .args(["--subscribers", &cell.subscribers.to_string(), "--size", &cell.size.to_string()])
        .args(["--milliseconds", &milliseconds.to_string(), "--stopped", &cell.stopped.to_string()])
        .args(if cell.is_compressed { ["--compress"].as_slice() } else { &[] })
        .read()?;
    let run: Value = serde_json::from_str(&text).or_failed("the load's JSON")?;
    if cell.stopped == 0 && run["faults"] != 0 {
        return Err(Error::Failed(format!("messages were lost, doubled or out of order: {run}")));
    }
    Ok(run)
}

fn write(workspace: &Workspace, results: &Results) -> Result<(), Error> {
    let path = workspace.root.join("docs/benchmarks/fanout.md");
    fs::write(&path, page::whole(results)).or_failed(path.display())?;
    println!("written: {}", path.display());
    Ok(())
}

/// The cells and servers that `--only` selects.
fn chosen(only: &[String]) -> Result<(Vec<&'static Cell>, Vec<&'static Server>), Error> {
    let known = |word: &&String| cells::named(word).is_some() || servers::named(word).is_some();
    if let Some(unknown) = only.iter().find(|word| !known(word)) {
        let cells: Vec<_> = cells::ALL.iter().map(|cell| cell.name).collect();
        let servers: Vec<_> = servers::ALL.iter().map(|server| server.name).collect();
        return Err(Error::Failed(format!(
            "there is neither a cell nor a server called {unknown}\ncells: {}\nservers: {}",
            cells.join(", "),
            servers.join(", ")
        )));
    }
    let cells: Vec<_> = only.iter().filter_map(|name| cells::named(name)).collect();
    let servers: Vec<_> = only.iter().filter_map(|name| servers::named(name)).collect();
    Ok((
        if cells.is_empty() { cells::ALL.iter().collect() } else { cells },
        if servers.is_empty() { servers::ALL.iter().collect() } else { servers },
    ))
}

const ROUNDS: usize = 3;
/// Has no factor in common with most numbers of servers.
const STRIDE: usize = 3;

#[cfg(test)]
mod tests;
