//! The Autobahn suite: its fuzzing client against the program, its fuzzing server against our `Dialer`.

mod judge;
mod roles;
mod suite;
mod table;

use std::fs;

use crate::command_line::{AutobahnRequest, Role};
use crate::trouble::{OrFailed as _, Trouble, Verdict};
use crate::workspace::Workspace;
use judge::Results;
use suite::Suite;

/// The chore `cargo xtask autobahn`. `true` when every case did as it should.
pub(crate) fn run(workspace: &Workspace, request: &AutobahnRequest) -> Result<bool, Trouble> {
    let mut all_passed = true;
    for role in &request.roles {
        match run_role(workspace, *role, &request.cases) {
            Ok(note) => println!("{}: {note}", role.word()),
            Err(trouble) => {
                println!("{}: {trouble}", role.word());
                all_passed = false;
            }
        }
    }
    if request.full {
        let text = measured_table(workspace)?.or_failed("a role left no report")?;
        fs::write(workspace.root.join(TABLE), text).or_failed(TABLE)?;
        println!("wrote {TABLE}");
    }
    Ok(all_passed)
}

pub(crate) fn server_step(workspace: &Workspace) -> Verdict {
    run_role(workspace, Role::Server, &[])
}

pub(crate) fn client_step(workspace: &Workspace) -> Verdict {
    run_role(workspace, Role::Client, &[])
}

/// Compares the table in the repository with what both roles have just shown.
pub(crate) fn table_step(workspace: &Workspace) -> Verdict {
    let Some(measured) = measured_table(workspace)? else {
        return Err(Trouble::Skipped("a role was not measured".to_owned()));
    };
    let written = fs::read_to_string(workspace.root.join(TABLE)).unwrap_or_default();
    if written != measured {
        return Err(Trouble::Failed(format!("{TABLE} is out of date: run cargo xtask autobahn --full")));
    }
    Ok("up to date".to_owned())
}

fn run_role(workspace: &Workspace, role: Role, patterns: &[String]) -> Verdict {
    Results::forget(workspace, role)?;
    let suite = Suite::prepare(workspace)?;
    let catalogue = suite.catalogue(patterns)?;
    match role {
        Role::Server => roles::against_program(workspace, &suite, &catalogue)?,
        Role::Client => roles::against_dialer(workspace, &suite, &catalogue)?,
    }
    let note = Results::load(workspace, role)?.or_failed("the suite left no report")?.judge(&catalogue)?;
    if patterns.is_empty() { Ok(format!("{note}; left out: groups {LEFT_OUT}")) } else { Ok(note) }
}

/// `None` when a role has left no report.
fn measured_table(workspace: &Workspace) -> Result<Option<String>, Trouble> {
    let server = Results::load(workspace, Role::Server)?;
    let client = Results::load(workspace, Role::Client)?;
    let (Some(server), Some(client)) = (server, client) else { return Ok(None) };
    let catalogue = Suite::prepare(workspace)?.catalogue(&[])?;
    Ok(Some(table::render(&catalogue, &server, &client)))
}

impl Role {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

const TABLE: &str = "docs/autobahn.md";
/// The name under which we appear in the suite's reports. The client under test introduces itself with it.
const AGENT: &str = "silverback";
/// The groups of cases about what is implemented.
const GROUPS: &[&str] = &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"];
/// The others, for the output and the table.
const LEFT_OUT: &str = "12 and 13 (compression), which take about 20 minutes a role: --cases 12.*,13.*";
