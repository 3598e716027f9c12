//! `cargo xtask bench`: echo servers side by side, ours, our peers' and raw TCP, and docs/benchmarks.md.
//!
//! Servers and load are pinned to different cores. Within a cell the servers are visited in turn, round by round, and
//! each figure is divided by that of the first server in the same round. Tables show medians.

mod build;
mod cells;
mod contestants;
pub(crate) mod fanout;
mod goals;
mod load;
mod machine;
mod measure;
mod page;
mod plot;
mod request;
mod results;

pub(crate) use self::{build::bench_program, page::grouped, request::Request};

use std::fs;

use self::{cells::Cell, contestants::Contestant, load::Generator, results::Results};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// Measures, prints, and writes the page. `true` when every server could be measured.
pub(crate) fn run(workspace: &Workspace, request: &Request) -> Result<bool, Error> {
    if request.render {
        write(workspace)?;
        return Ok(true);
    }
    let (mut cells, contestants) = chosen(&request.only)?;
    cells.retain(|cell| !(request.skip_slow && cell.is_slow()));
    let generator = Generator::build(workspace, request)?;
    let takes_part = |contestant: &Contestant| cells.iter().any(|cell| cell.group == contestant.group);
    let contestants: Vec<_> = contestants.into_iter().filter(|contestant| takes_part(contestant)).collect();
    let servers = build::servers(workspace, &contestants)?;
    let is_whole_cells = request.only.iter().all(|name| cells::ALL.iter().any(|cell| cell.name == name));
    let is_kept = is_whole_cells && !request.quick;
    let mut is_complete = true;
    for cell in cells {
        let rows: Vec<_> = servers.iter().filter(|server| server.contestant.group == cell.group).collect();
        let outcome = measure::cell(workspace, &generator, cell, &rows, request)?;
        println!("\n{}", page::table(cell, &outcome));
        is_complete &= outcome.rows.iter().all(|row| !row.is_empty());
        if is_kept {
            // Read again each time: another run may have measured other cells meanwhile.
            let mut results = Results::load(workspace)?;
            results.put(cell, &outcome);
            results.save(workspace)?;
        }
    }
    if is_kept {
        write(workspace)?;
    }
    Ok(is_complete)
}

/// Writes the page and its plots from the kept results.
fn write(workspace: &Workspace) -> Result<(), Error> {
    let results = Results::load(workspace)?;
    let folder = workspace.root.join("docs/benchmarks");
    fs::create_dir_all(&folder).or_failed(folder.display())?;
    for (cell, outcome) in results.outcomes() {
        let path = folder.join(format!("{}.svg", cell.name));
        fs::write(&path, plot::svg(cell, &outcome, goals::line_of(cell.name))).or_failed(path.display())?;
    }
    let path = workspace.root.join("docs/benchmarks.md");
    let before = fs::read_to_string(&path).unwrap_or_default();
    let text = page::whole(&results, &machine::versions(workspace), page::kept_of(&before));
    fs::write(&path, text).or_failed(path.display())?;
    println!("\nwritten: {}, and the plots in {}", path.display(), folder.display());
    Ok(())
}

/// The cells and servers that `--only` selects. Names of cells choose cells, names of servers choose servers.
fn chosen(only: &[String]) -> Result<(Vec<&'static Cell>, Vec<&'static Contestant>), Error> {
    let is_named = |name: &str| only.iter().any(|word| word == name);
    let cells: Vec<_> = cells::ALL.iter().filter(|cell| is_named(cell.name)).collect();
    let contestants: Vec<_> = contestants::ALL.iter().filter(|contestant| is_named(contestant.name)).collect();
    let is_known = |word: &&String| {
        cells.iter().any(|cell| cell.name == *word) || contestants.iter().any(|contestant| contestant.name == *word)
    };
    if let Some(unknown) = only.iter().find(|word| !is_known(word)) {
        let cells: Vec<_> = cells::ALL.iter().map(|cell| cell.name).collect();
        let servers: Vec<_> = contestants::ALL.iter().map(|contestant| contestant.name).collect();
        return Err(Error::Failed(format!(
            "there is neither a cell nor a server called {unknown}\ncells: {}\nservers: {}",
            cells.join(", "),
            servers.join(", ")
        )));
    }
    Ok((
        if cells.is_empty() { cells::ALL.iter().collect() } else { cells },
        if contestants.is_empty() { contestants::ALL.iter().collect() } else { contestants },
    ))
}

#[cfg(test)]
mod tests;
