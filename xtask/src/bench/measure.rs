//! One cell: every server in turn, in every round.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::build::Server;
use super::cells::{Cell, Kind};
use super::contestants::{Contestant, Program};
use super::load::{Generator, Target};
use super::machine;
use super::request::Request;
use super::results::{Figures, Outcome, Row};
use crate::date;
use crate::error::{Error, OrFailed as _};
use crate::process::Running;
use crate::ready;
use crate::workspace::Workspace;

/// Measures the servers with the load of the cell.
pub(super) fn cell(
    workspace: &Workspace,
    generator: &Generator,
    cell: &Cell,
    servers: &[&Server<'_>],
    request: &Request,
) -> Result<Outcome, Error> {
    let mut rows: Vec<_> =
        servers.iter().map(|server| Row { server: server.contestant.name.to_owned(), runs: Vec::new() }).collect();
    let started = Instant::now();
    let before = machine::load_average();
    let mut load = (before, before);
    for round in 0..rounds(cell, request) {
        println!("{}: round {}", cell.name, round + 1);
        // Each round begins with another server, so that none always follows the same one.
        for place in 0..servers.len() {
            let index = (place + round * STRIDE) % servers.len();
            let figures = once(workspace, generator, cell, servers[index]);
            if let Err(error) = &figures {
                println!("{}: {error}", servers[index].contestant.name);
            }
            rows[index].runs.push(figures.ok());
            let now = machine::load_average();
            load = (load.0.min(now), load.1.max(now));
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Outcome { date: date::today(), machine: machine::description(workspace), load, seconds, rows })
}

fn rounds(cell: &Cell, request: &Request) -> usize {
    match request.rounds {
        Some(rounds) => rounds,
        None if request.quick => 1,
        // Memory does not depend on who else runs.
        None if cell.kind == Kind::Memory => 3,
        None => 5,
    }
}

/// Starts a new server for each run, so that an earlier load cannot influence it.
fn once(workspace: &Workspace, generator: &Generator, cell: &Cell, server: &Server<'_>) -> Result<Figures, Error> {
    let (running, address) = start(workspace, server)?;
    let Contestant { program, load, .. } = *server.contestant;
    let (scheme, path) = match program {
        Program::Silverback => ("ws", "/ws/echo"),
        Program::SilverbackTls => ("wss", "/ws/echo"),
        Program::Bench { .. } => ("ws", "/"),
    };
    let is_tcp = server.contestant.is_tcp();
    let target = Target { address, path, pid: running.pid(), is_tcp, scheme, options: load };
    generator.run(cell, &target)
}

fn start(workspace: &Workspace, server: &Server<'_>) -> Result<(Running, SocketAddr), Error> {
    let contestant = server.contestant;
    let log = workspace.log("bench-server");
    let task = machine::pinned(machine::SERVER_CORE, &server.path);
    match contestant.program {
        Program::Bench { .. } => {
            let mut running = task.args(contestant.arguments).start(&log)?;
            let text = running.wait_for_line("listening on ", START_LIMIT)?;
            Ok((running, text.parse().or_failed("the server's address")?))
        }
        Program::Silverback | Program::SilverbackTls => {
            let address = ready::free_address()?;
            let listen = address.to_string();
            let task = task.args(["--listen", &listen, "--quiet", "--threads", "1"]);
            let mut running = task.args(contestant.arguments).start(&log)?;
            ready::wait_until(&mut running, "silverback", || match contestant.program {
                Program::SilverbackTls => ready::accepts(address),
                _ => ready::answers(address, "/healthz", "ok"),
            })?;
            Ok((running, address))
        }
    }
}

const START_LIMIT: Duration = Duration::from_secs(10);
/// Has no factor in common with most numbers of servers.
const STRIDE: usize = 7;
