//! Interop tests. The peers are WebSocket libraries of other languages: clients of the program, servers for our
//! `Dialer`, and references for the core.
//! `tests/interop` has their scripts and the contract between both sides.

pub(crate) mod centrifugo;
pub(crate) mod certificates;
pub(crate) mod connect;
pub(crate) mod differential;
mod nginx;
pub(crate) mod node;
pub(crate) mod prepared;
pub(crate) mod proxies;
pub(crate) mod python;
pub(crate) mod versions;

use std::time::Duration;

use crate::error::{Error, Verdict};
use crate::process::Task;
use crate::program::{self, Service};
use crate::workspace::Workspace;

pub(crate) fn python_client(workspace: &Workspace) -> Verdict {
    let python = python::environment(workspace)?;
    let script = scripts(workspace).join("python/client.py");
    client_against_program(workspace, "python-client", || Task::new(&python).arg(&script))
}

pub(crate) fn python_server(workspace: &Workspace) -> Verdict {
    let python = python::environment(workspace)?;
    let script = scripts(workspace).join("python/server.py");
    dialer_against_server(workspace, "python-server", Task::new(python).arg(script))
}

pub(crate) fn node_client(workspace: &Workspace) -> Verdict {
    let node = node::environment(workspace)?;
    let script = scripts(workspace).join("node/client.mjs");
    client_against_program(workspace, "node-client", || Task::new(&node).arg(&script))
}

pub(crate) fn node_server(workspace: &Workspace) -> Verdict {
    let node = node::environment(workspace)?;
    let script = scripts(workspace).join("node/server.mjs");
    dialer_against_server(workspace, "node-server", Task::new(node).arg(script))
}

/// First the client runs its own checks. Then it stays connected while the program stops, and checks how its
/// connection ends. Finally the program runs with different options for compression.
fn client_against_program(workspace: &Workspace, name: &str, client: impl Fn() -> Task) -> Verdict {
    let service = Service::start(workspace, name, &[])?;
    let alone = client().arg(service.echo_url()).env("SERVICE_PID", service.pid().to_string());
    let mut output = alone.limit(LIMIT).read_aloud().succeeded_or_named(failed_check)?;
    let log = workspace.log(&format!("{name}-going-away"));
    let mut waiting = client().args(["--await-going-away", &service.echo_url()]).start(&log)?;
    waiting.wait_for_line("ready", LIMIT)?;
    service.terminate()?;
    waiting.finish(LIMIT)?;
    service.finish()?;
    for (options, agreement) in AGREEMENTS {
        let service = Service::start(workspace, &format!("{name}-compression"), options)?;
        let asked = client().args(["--agreement", agreement, &service.echo_url()]);
        output += &asked.limit(LIMIT).read_aloud().succeeded_or_named(failed_check)?;
        service.stop()?;
    }
    passed(&output, 1)
}

/// A server of another library, and the example that dials each of its paths.
fn dialer_against_server(workspace: &Workspace, name: &str, server: Task) -> Verdict {
    let client = program::ensure_example(workspace, "interop_client")?;
    let mut server = server.start(&workspace.log(name))?;
    let url = server.wait_for_line("listening ", LIMIT)?;
    let output = Task::new(client).arg(url).limit(LIMIT).read_aloud().succeeded()?;
    passed(&output, 0)
}

/// Both sides print `ok WHAT` for each thing they have checked.
fn passed(output: &str, besides: usize) -> Verdict {
    Ok(format!("{} conversations", passed_checks(output)? + besides))
}

fn passed_checks(output: &str) -> Result<usize, Error> {
    match output.lines().filter(|line| line.starts_with("ok ")).count() {
        0 => Err(Error::Failed("nothing was checked".to_owned())),
        count => Ok(count),
    }
}

fn failed_check(line: &str) -> Option<&str> {
    line.strip_prefix("FAILED ")
}

fn scripts(workspace: &Workspace) -> std::path::PathBuf {
    workspace.root.join("tests/interop")
}

/// Options of the program, and the extension that it then accepts from a client that offers to limit its window.
const AGREEMENTS: &[(&[&str], &str)] = &[
    (&["--no-compression"], ""),
    (&["--compression-level", "9"], "permessage-deflate"),
    (&["--no-context-takeover"], "permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
    (&["--window-bits", "9"], "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9"),
    (
        &["--window-bits", "12", "--no-context-takeover"],
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; \
         client_max_window_bits=12",
    ),
];
const LIMIT: Duration = Duration::from_secs(120);
