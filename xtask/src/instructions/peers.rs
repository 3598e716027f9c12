//! `cargo xtask instructions --peers`: the same loads on the other libraries' servers in `bench/`, for the comparison.
//!
//! A server runs the load against itself, on its one thread. Instructions are those in user space, so the system calls
//! stand beside them: a library that writes each message alone has few instructions and many calls.

use super::count::{Cost, Counter, Job};
use crate::bench;
use crate::error::Error;
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

/// A load of `bench/src/rounds.rs`.
struct Load {
    name: &'static str,
    /// The head of its column.
    head: &'static str,
    messages_per_round: u64,
    rounds: u64,
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
            for load in LOADS {
                let arguments =
                    ["--style", style, "--load", load.name, &load.rounds.to_string()].map(str::to_owned).to_vec();
                jobs.push(Job { program, arguments, messages: 2 * load.rounds * load.messages_per_round });
            }
        }
    }
    let costs = counter.in_parallel(&jobs)?;
    Ok(shown(&costs))
}

/// The costs in the order of the jobs: for each library, each style, and each load. The first library is plain TCP.
fn shown(costs: &[Cost]) -> String {
    let heads: Vec<_> = LOADS.iter().map(|load| load.head).collect();
    let mut text = format!(
        "{HEAD} {} | system calls in the burst |\n|---|{}---:|\n",
        heads.join(" | "),
        "---:|".repeat(LOADS.len())
    );
    let (raw, _) = costs.split_at(LOADS.len());
    for (library, costs) in LIBRARIES.iter().zip(costs.chunks(2 * LOADS.len())).skip(1) {
        let (plain, best) = costs.split_at(LOADS.len());
        let cells = LOADS.iter().enumerate().map(|(index, load)| {
            let over = |cost: &Cost| grouped((cost.instructions - raw[index].instructions).max(0.0) as u64);
            match load.name == HANDSHAKE {
                true if library.has_handshake => over(&plain[index]),
                true => "-".to_owned(),
                false => pair(over(&plain[index]), over(&best[index])),
            }
        });
        let burst = LOADS.iter().position(|load| load.name == "batch").unwrap_or_default();
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

fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
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

const fn load(name: &'static str, head: &'static str, messages_per_round: u64, rounds: u64) -> Load {
    Load { name, head, messages_per_round, rounds }
}

const LOADS: &[Load] = &[
    load("small", "16 bytes", 1, 300),
    load("batch", "16 bytes, burst", 32, 60),
    load("text-batch", "1 KiB of text, burst", 32, 60),
    load("large", "64 KiB", 1, 60),
    load(HANDSHAKE, "handshake", 1, 100),
];

const HANDSHAKE: &str = "handshake";
const HEAD: &str = "| instructions over TCP |";

#[cfg(test)]
#[path = "peers_tests.rs"]
mod tests;
