//! The load generator, a program of its own. What the rest of the chore knows of it is in this file: the options that it
//! is given, and the line of JSON that it prints.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::Request;
use super::cells::{Cell, Kind};
use super::machine;
use super::results::Figures;
use crate::trouble::{OrFailed as _, Trouble};

/// The program, and how long it runs.
pub(super) struct Generator {
    program: PathBuf,
    seconds: &'static str,
    warmup: &'static str,
}

/// A server that waits for its load.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) path: &'static str,
    pub(super) pid: u32,
    pub(super) is_tcp: bool,
}

impl Generator {
    /// The program that was named, on the command line or in `SILVERBACK_LOAD`.
    pub(super) fn find(request: &Request) -> Result<Self, Trouble> {
        let named = request.load.clone().or_else(|| env::var_os("SILVERBACK_LOAD").map(PathBuf::from));
        let program = named.ok_or_else(|| {
            Trouble::Missing("no load generator: name one with --load PROGRAM or SILVERBACK_LOAD".to_owned())
        })?;
        let program = program.canonicalize().or_failed(program.display())?;
        let (seconds, warmup) = if request.quick { ("0.2", "0.1") } else { ("0.8", "0.3") };
        Ok(Self { program, seconds, warmup })
    }

    /// One run against one server.
    pub(super) fn run(&self, cell: &Cell, target: &Target) -> Result<Figures, Trouble> {
        let mut task = machine::pinned(machine::LOAD_CORE, &self.program)
            .args(["--url", &format!("{}{}", target.address, target.path)])
            .args(["--pid", &target.pid.to_string()])
            .args(["--seconds", self.seconds, "--warmup", self.warmup])
            .args(cell.load);
        if target.is_tcp {
            task = task.arg("--tcp");
        }
        let text = task.read()?;
        let line = text.lines().last().or_failed("the load generator printed nothing")?;
        let result: Value = serde_json::from_str(line).or_failed("the load generator's line")?;
        figures(cell.kind, &result).or_failed(format_args!("the load generator's line lacks a figure: {line}"))
    }
}

/// The figures of a line, by what the cell shows.
fn figures(kind: Kind, line: &Value) -> Option<Figures> {
    let number = |name: &str| line[name].as_f64();
    Some(match kind {
        Kind::Echo | Kind::Broadcast | Kind::Compressed => Figures {
            // CPU seconds for a million messages are microseconds for one.
            cpu: number("srv_cpu_s_per_m"),
            rate: number("msgs_per_s"),
            p50: number("p50_us"),
            p99: number("p99_us"),
            wire: Some(number("wire_bytes_per_msg")?),
            bytes: None,
        },
        Kind::Handshakes => Figures {
            cpu: number("srv_cpu_s_per_m"),
            rate: number("per_s"),
            p50: number("p50_us"),
            p99: number("p99_us"),
            wire: None,
            bytes: None,
        },
        Kind::Memory => Figures { bytes: Some(number("bytes_per_conn")?), ..Figures::default() },
    })
}
