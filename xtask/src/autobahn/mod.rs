//! The Autobahn suite: its fuzzing client against the program, its fuzzing server against our `Dialer`.

mod results;
mod roles;
mod selection;
mod suite;
mod table;

use std::{fs, thread};

use crate::command_line::{AutobahnRequest, Role};
use crate::error::{Error, OrFailed as _, Verdict};
use crate::workspace::Workspace;
use results::Results;
use suite::Suite;

/// The chore `cargo xtask autobahn`. `true` when every case did as it should.
pub(crate) fn run(workspace: &Workspace, request: &AutobahnRequest) -> Result<bool, Error> {
    let patterns = if request.full { selection::everything() } else { request.cases.clone() };
    let patterns = if patterns.is_empty() { selection::selection() } else { patterns };
    // Installed before two want it at once. The suite is one thread, so that each role has a core.
    Suite::prepare(workspace)?;
    let verdicts: Vec<_> = thread::scope(|scope| {
        let start = |role: &Role| {
            (
                *role,
                scope.spawn({
                    let (role, patterns) = (*role, &patterns);
                    move || run_role(workspace, role, patterns)
                }),
            )
        };
        let running: Vec<_> = request.roles.iter().map(start).collect();
        running.into_iter().map(|(role, thread)| (role, thread.join())).collect()
    });
    let mut all_passed = true;
    for (role, verdict) in verdicts {
        match verdict.ok().or_failed("the thread ended early").and_then(|verdict| verdict) {
            Ok(note) => println!("{}: {note}", role.word()),
            Err(error) => {
                println!("{}: {error}", role.word());
                all_passed = false;
            }
        }
    }
    if request.full {
        let (server, client) = both_results(workspace)?.or_failed("a role left no report")?;
        let text = table::render(&Suite::prepare(workspace)?.catalogue(&patterns)?, &server, &client);
        fs::write(workspace.root.join(TABLE), text).or_failed(TABLE)?;
        println!("wrote {TABLE}");
    }
    Ok(all_passed)
}

pub(crate) fn server_step(workspace: &Workspace) -> Verdict {
    run_selection(workspace, Role::Server)
}

pub(crate) fn client_step(workspace: &Workspace) -> Verdict {
    run_selection(workspace, Role::Client)
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
    let note = run_role(workspace, role, &selection::selection())?;
    Ok(format!("{note}; {}", selection::WORDS.replace('\n', " ")))
}

fn run_role(workspace: &Workspace, role: Role, patterns: &[String]) -> Verdict {
    Results::forget(workspace, role)?;
    let suite = Suite::prepare(workspace)?;
    let catalogue = suite.catalogue(patterns)?;
    match role {
        Role::Server => roles::against_program(workspace, &suite, &catalogue)?,
        Role::Client => roles::against_dialer(workspace, &suite, &catalogue)?,
    }
    Results::load(workspace, role)?.or_failed("the suite left no report")?.verdict(&catalogue)
}

/// `None` when a role has left no report.
fn both_results(workspace: &Workspace) -> Result<Option<(Results, Results)>, Error> {
    let server = Results::load(workspace, Role::Server)?;
    Ok(server.zip(Results::load(workspace, Role::Client)?))
}

const TABLE: &str = "docs/autobahn.md";
