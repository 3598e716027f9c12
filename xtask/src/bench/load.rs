//! The load: `silverback bench`, whose one line of JSON is read here and nowhere else.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde_json::Value;

use super::cells::{Cell, Kind};
use super::machine;
use super::request::Request;
use super::results::Figures;
use crate::error::{Error, OrFailed as _};
use crate::program;
use crate::workspace::Workspace;

/// The program, and how long it runs.
pub(super) struct Generator {
    program: PathBuf,
    duration: &'static str,
    warmup: &'static str,
}

/// A server that waits for its load.
pub(super) struct Target {
    pub(super) address: SocketAddr,
    pub(super) path: &'static str,
    pub(super) pid: u32,
    pub(super) is_tcp: bool,
    pub(super) scheme: &'static str,
    /// The options that this server needs.
    pub(super) options: &'static str,
}

impl Generator {
    /// The program as it is shipped.
    pub(super) fn build(workspace: &Workspace, request: &Request) -> Result<Self, Error> {
        let program = program::ensure(workspace)?;
        let (duration, warmup) = if request.quick { ("200ms", "100ms") } else { ("800ms", "300ms") };
        Ok(Self { program, duration, warmup })
    }

    /// One run against one server.
    pub(super) fn run(&self, cell: &Cell, target: &Target) -> Result<Figures, Error> {
        if cell.kind == Kind::Memory {
            // The memory that the server allocates for its first connection and keeps must not count.
            self.measure(target, &["-c", "1", "-n", "1"])?;
        }
        let timed = ["--duration", self.duration, "--warmup", self.warmup];
        // A cell about memory has its own duration, after which the memory has settled.
        let times: &[&str] = if cell.kind == Kind::Memory { &[] } else { &timed };
        let options: Vec<_> = cell.load.split_whitespace().chain(times.iter().copied()).collect();
        let result = self.measure(target, &options)?;
        let failed = result["errors_total"].as_u64().or_failed("the load has no count of errors")?;
        if failed > 0 {
            return Err(Error::Failed(format!("{failed} connections failed: {}", result["errors"])));
        }
        figures(cell.kind, &result).or_failed(format_args!("the load lacks a figure: {result}"))
    }

    fn measure(&self, target: &Target, options: &[&str]) -> Result<Value, Error> {
        let mut task = machine::pinned(machine::LOAD_CORE, &self.program)
            .args(["bench", &format!("{}://{}{}", target.scheme, target.address, target.path), "--json", "--quiet"])
            .args(["--server-pid", &target.pid.to_string()])
            .args(options)
            .args(target.options.split_whitespace());
        if target.is_tcp {
            task = task.arg("--raw-tcp");
        }
        let text = task.read()?;
        serde_json::from_str(&text).or_failed("the load's JSON")
    }
}

/// The figures of a run that a cell of this kind shows.
fn figures(kind: Kind, run: &Value) -> Option<Figures> {
    let times = if kind == Kind::Handshakes { &run["connect_us"] } else { &run["round_trip_us"] };
    let per_second = match kind {
        Kind::Handshakes => "handshakes_per_second",
        _ => "received_per_second",
    };
    if kind == Kind::Memory {
        let server = &run["server"];
        let grown = server["resident_after"].as_f64()? - server["resident_before"].as_f64()?;
        let count = run["connections"]["opened"].as_f64()?;
        return Some(Figures { bytes: Some(grown.max(0.0) / count), ..Figures::default() });
    }
    Some(Figures {
        cpu: Some(run["server"]["cpu_us_each"].as_f64()?),
        rate: run["rates"][per_second].as_f64(),
        p50: times["p50"].as_f64(),
        p99: times["p99"].as_f64(),
        wire: run["bytes"]["wire_received_per_message"].as_f64(),
        bytes: None,
    })
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
