//! `cargo xtask instructions --peers`: the same loads on the other libraries' servers in `bench/`, for the comparison.
//!
//! A server runs the load against itself, on its one thread. Instructions are those in user space, so the system calls
//! stand beside them: a library that writes each message alone has few instructions and many calls.

use super::count::{self, Cost, Counter, Job};
use crate::bench::{self, grouped};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// A server of `bench/` and the two ways of driving it.
struct Library {
    name: &'static str,
    bin: &'static str,
    feature: Option<&'static str>,
    /// The style of its fastest API.
    best: &'static str,
    /// Its server has the library's own handshake.
    has_handshake: bool,
}

/// The table, as it stands on the page.
pub(super) fn table(workspace: &Workspace) -> Result<String, Error> {
    let counter = Counter::new(workspace)?;
    let mut programs = Vec::new();
    for library in LIBRARIES {
        programs.push(bench::bench_program(workspace, library.bin, library.feature)?);
    }
    let mut jobs = Vec::new();
    for (library, program) in LIBRARIES.iter().zip(&programs) {
        for style in ["plain", library.best] {
            for (name, _) in LOADS {
                let load = count::find(name).or_failed(name)?;
                let arguments =
                    ["--style", style, "--load", name, &load.rounds.to_string()].map(str::to_owned).to_vec();
                jobs.push(Job { program, arguments, messages: load.messages() });
            }
        }
    }
    let costs = counter.in_parallel(&jobs)?;
    Ok(shown(&costs))
}

/// The costs in the order of the jobs: for each library, each style, and each load. The first library is plain TCP.
fn shown(costs: &[Cost]) -> String {
    let heads: Vec<_> = LOADS.iter().map(|(_, head)| *head).collect();
    let mut text = format!(
        "{HEAD} {} | system calls in the burst |\n|---|{}---:|\n",
        heads.join(" | "),
        "---:|".repeat(LOADS.len())
    );
    let (raw, _) = costs.split_at(LOADS.len());
    for (library, costs) in LIBRARIES.iter().zip(costs.chunks(2 * LOADS.len())).skip(1) {
        let (plain, best) = costs.split_at(LOADS.len());
        let cells = LOADS.iter().enumerate().map(|(index, (name, _))| {
            let over =
                |cost: &Cost| grouped(&((cost.instructions - raw[index].instructions).max(0.0) as u64).to_string());
            match *name == HANDSHAKE {
                true if library.has_handshake => over(&plain[index]),
                true => "-".to_owned(),
                false => pair(over(&plain[index]), over(&best[index])),
            }
        });
        let burst = LOADS.iter().position(|(name, _)| *name == "batch").unwrap_or_default();
        let calls = |cost: &[Cost]| format!("{:.2}", cost[burst].system_calls);
        let cells: Vec<_> = cells.chain([pair(calls(plain), calls(best))]).collect();
        text += &format!("| {} | {} |\n", library.name, cells.join(" | "));
    }
    text
}

/// The page with this table in place of the one that it has.
pub(super) fn replaced(page: &str, table: &str) -> Option<String> {
    let start = page.find(HEAD)?;
    let length = page[start..].find("\n\n").map_or(page.len() - start, |length| length + 1);
    Some(format!("{}{table}{}", &page[..start], &page[start + length..]))
}

/// Two figures, or one if both are the same.
fn pair(plain: String, best: String) -> String {
    if plain == best { plain } else { format!("{plain}; {best}") }
}

const fn library(name: &'static str, bin: &'static str, feature: &'static str) -> Library {
    Library { name, bin, feature: Some(feature), best: "best", has_handshake: true }
}

const LIBRARIES: &[Library] = &[
    Library { feature: None, ..library("TCP alone", "raw_tokio", "") },
    Library { best: "lending", ..library("silverback", "silverback", "silverback") },
    library("tokio-tungstenite", "tungstenite", "tungstenite"),
    library("async-tungstenite", "async_tungstenite", "async-tungstenite"),
    library("fastwebsockets", "fastwebsockets", "fastwebsockets"),
    library("tokio-websockets", "tokio_websockets", "tokio-websockets"),
    library("yawc", "yawc", "yawc"),
    library("sockudo-ws", "sockudo", "sockudo"),
    library("soketto", "soketto", "soketto"),
    library("ratchet", "ratchet", "ratchet"),
    Library { has_handshake: false, ..library("web-socket", "web_socket", "web-socket") },
    Library { best: "plain", ..library("actix-ws", "actix_ws", "actix-ws") },
];

/// Loads of `count`, and the heads of their columns.
const LOADS: &[(&str, &str)] = &[
    ("small", "16 bytes"),
    ("batch", "16 bytes, burst"),
    ("text-batch", "1 KiB of text, burst"),
    ("large", "64 KiB"),
    (HANDSHAKE, "handshake"),
];

const HANDSHAKE: &str = "handshake";
const HEAD: &str = "| instructions over TCP |";

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
