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

/// Runs them at the same time. The suite is one thread, so that each part has a core.
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

pub(crate) fn server_step(workspace: &Workspace) -> Verdict {
    run_selection(workspace, Role::Server)
}

pub(crate) fn client_step(workspace: &Workspace) -> Verdict {
    run_selection(workspace, Role::Client)
}

/// Both roles over HTTP/2.
pub(crate) fn http2_step(workspace: &Workspace) -> Verdict {
    both_roles_over(workspace, Http::Http2)
}

/// Both roles over HTTP/3.
pub(crate) fn http3_step(workspace: &Workspace) -> Verdict {
    both_roles_over(workspace, Http::Http3)
}

fn both_roles_over(workspace: &Workspace, http: Http) -> Verdict {
    let parts = [Role::Server, Role::Client].map(|role| Part { role, http });
    let mut notes = Vec::new();
    for (part, verdict) in run_parts(workspace, &parts, &selection::selection_over_streams())? {
        notes.push(format!("{}: {}", part.role.word(), verdict?));
    }
    let (done, version) = (selection::WORDS_OVER_STREAMS, http.word());
    Ok(format!("{}; {done}; the rest: cargo xtask autobahn --http {version} --full", notes.join(", ")))
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

fn run_selection(workspace: &Workspace, role: Role) -> Verdict {
    let note = run_part(workspace, Part { role, http: Http::Http1 }, &selection::selection())?;
    Ok(format!("{note}; {}", selection::WORDS.replace('\n', " ")))
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
