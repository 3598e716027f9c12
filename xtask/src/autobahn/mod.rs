//! The Autobahn suite: its fuzzing client against the program, its fuzzing server against our `Dialer`. The suite speaks
//! HTTP/1.1 alone. For other versions a converter is between, which passes on every byte after the handshake.

mod part;
mod results;
mod roles;
mod selection;
mod suite;
mod table;

use std::{fs, thread};

use crate::command_line::{AutobahnRequest, Http, Role};
use crate::date;
use crate::error::{Error, OrFailed as _, Verdict};
use crate::workspace::Workspace;
use part::Part;
use results::Results;
use suite::Suite;

/// The chore `cargo xtask autobahn`. `true` when every case did as it should.
pub(crate) fn run(workspace: &Workspace, request: &AutobahnRequest) -> Result<bool, Error> {
    let patterns = if request.full { selection::everything() } else { request.cases.clone() };
    let patterns = if patterns.is_empty() { selection::selection() } else { patterns };
    let parts: Vec<_> = request.roles.iter().map(|role| Part { role: *role, http: request.http }).collect();
    let mut all_passed = true;
    for (part, verdict) in run_parts(workspace, &parts, &patterns)? {
        match verdict {
            Ok(note) => println!("{}: {note}", part.name()),
            Err(error) => {
                println!("{}: {error}", part.name());
                all_passed = false;
            }
        }
    }
    if request.full && request.http == Http::Http1 {
        let (server, client) = both_results(workspace)?.or_failed("a role left no report")?;
        let catalogue = Suite::prepare(workspace)?.catalogue(&patterns)?;
        let text = table::render(&catalogue, &server, &client, &date::today());
        fs::write(workspace.root.join(TABLE), text).or_failed(TABLE)?;
        println!("wrote {TABLE}");
    }
    Ok(all_passed)
}

/// Runs them at the same time. The suite is one thread and often waits, so that two parts for each core are not too many.
fn run_parts(workspace: &Workspace, parts: &[Part], patterns: &[String]) -> Result<Vec<(Part, Verdict)>, Error> {
    // Installed before two want it at once.
    Suite::prepare(workspace)?;
    Ok(thread::scope(|scope| {
        let start = |part: &Part| {
            let part = *part;
            (part, scope.spawn(move || run_part(workspace, part, patterns)))
        };
        let running: Vec<_> = parts.iter().map(start).collect();
        let verdict = |thread: thread::ScopedJoinHandle<'_, Verdict>| {
            thread.join().ok().or_failed("the thread ended early").and_then(|verdict| verdict)
        };
        running.into_iter().map(|(part, thread)| (part, verdict(thread))).collect()
    }))
}

/// Both roles over HTTP/1.1.
pub(crate) fn http1_step(workspace: &Workspace) -> Verdict {
    let notes = in_both_roles(workspace, &[Http::Http1], &selection::selection())?;
    Ok(format!("{notes}; {}", selection::WORDS.replace('\n', " ")))
}

/// Both roles over HTTP/2 and HTTP/3.
pub(crate) fn streams_step(workspace: &Workspace) -> Verdict {
    let notes = in_both_roles(workspace, &[Http::Http2, Http::Http3], &selection::selection_over_streams())?;
    let done = selection::WORDS_OVER_STREAMS;
    Ok(format!("{notes}; {done}; the rest: cargo xtask autobahn --http 2 --full, and 3"))
}

fn in_both_roles(workspace: &Workspace, versions: &[Http], patterns: &[String]) -> Verdict {
    let both = |http: &Http| [Role::Server, Role::Client].map(|role| Part { role, http: *http });
    let parts: Vec<_> = versions.iter().flat_map(both).collect();
    let outcomes = run_parts(workspace, &parts, patterns)?;
    let notes = outcomes.into_iter().map(|(part, verdict)| Ok(format!("{}: {}", part.name(), verdict?)));
    Ok(notes.collect::<Result<Vec<_>, Error>>()?.join(", "))
}

/// Compares the table in the repository with what both roles have just shown.
pub(crate) fn table_step(workspace: &Workspace) -> Verdict {
    let Some((server, client)) = both_results(workspace)? else {
        return Err(Error::Skipped("a role was not measured".to_owned()));
    };
    let catalogue = Suite::prepare(workspace)?.catalogue(&selection::selection())?;
    let written = fs::read_to_string(workspace.root.join(TABLE)).unwrap_or_default();
    let differences = table::differences(&written, &catalogue, &server, &client);
    if !differences.is_empty() {
        let cases = differences.join(", ");
        return Err(Error::Failed(format!("{TABLE} is out of date in {cases}: run cargo xtask autobahn --full")));
    }
    Ok(format!("agrees in {} cases", catalogue.cases.len()))
}

fn run_part(workspace: &Workspace, part: Part, patterns: &[String]) -> Verdict {
    Results::forget(workspace, part)?;
    let suite = Suite::prepare(workspace)?;
    let catalogue = suite.catalogue(patterns)?;
    match part.role {
        Role::Server => roles::against_program(workspace, part, &suite, &catalogue)?,
        Role::Client => roles::against_dialer(workspace, part, &suite, &catalogue)?,
    }
    Results::load(workspace, part)?.or_failed("the suite left no report")?.verdict(&catalogue)
}

/// `None` when a role has left no report.
fn both_results(workspace: &Workspace) -> Result<Option<(Results, Results)>, Error> {
    let [server, client] = [Role::Server, Role::Client].map(|role| Part { role, http: Http::Http1 });
    Ok(Results::load(workspace, server)?.zip(Results::load(workspace, client)?))
}

const TABLE: &str = "docs/autobahn.md";
