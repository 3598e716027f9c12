//! What was typed after `cargo xtask`.

use std::str::FromStr;

use crate::bench;
use crate::capacity::{hold, soak};
use crate::instructions;

/// A chore with everything it was asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    Help,
    ListSteps,
    Test(TestRequest),
    Autobahn(AutobahnRequest),
    Bench(bench::Request),
    Instructions(instructions::Request),
    Hold(hold::Request),
    Soak(soak::Request),
    /// The crates to look at; empty means all.
    Rooms(Vec<String>),
}

/// `cargo xtask test`
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct TestRequest {
    /// Names of steps; empty means all.
    pub(crate) only: Vec<String>,
    pub(crate) fuzz_seconds: Option<u64>,
}

/// `cargo xtask autobahn`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AutobahnRequest {
    /// Run everything in both roles and write the table.
    pub(crate) full: bool,
    pub(crate) roles: Vec<Role>,
    /// Case patterns; empty means the selection of `cargo xtask test`.
    pub(crate) cases: Vec<String>,
}

/// Our part in the conversation with the suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

pub(crate) const USAGE: &str = "\
usage: cargo xtask test [--only STEP[,STEP...]] [--list] [--fuzz-seconds N]
       cargo xtask autobahn [--role server|client|both] [--cases 1.*,2.*] [--full]
       cargo xtask bench [--quick] [--only NAME[,NAME...]] [--skip-slow] [--rounds N]
       cargo xtask bench --render
       cargo xtask instructions [--check]
       cargo xtask hold [--connections N] [--threads N] [--seconds S]
       cargo xtask soak [--minutes M]
       cargo xtask rooms [CRATE...]

test       builds and checks everything; with CI set, a missing outside party is a failure
autobahn   runs the Autobahn suite; --full runs all of it, most of an hour, and writes
           docs/autobahn.md
bench      measures echo servers side by side and writes docs/benchmarks.md; names are those of its
           cells and servers; --skip-slow leaves out what settings of compression cost, --render writes
           the page anew from what is kept
instructions
           counts instructions under valgrind and writes docs/instructions.md; --check fails instead
           when one has grown by more than 5 %
hold       keeps 19,000 connections in one process of the program, and measures what they cost
soak       mixes all kinds of clients for 10 minutes; memory must not grow, nothing may fail unprovoked
rooms      lists import circles between the files of each crate, arrows between rooms that ARCHITECTURE.md does
           not allow, and imports through the crate root";

pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut words = arguments;
    match words.next().as_deref() {
        Some("test") => test(&mut words),
        Some("autobahn") => autobahn(&mut words),
        Some("bench") => measure(&mut words),
        Some("instructions") => instructions(&mut words),
        Some("hold") => hold(&mut words),
        Some("soak") => soak(&mut words),
        Some("rooms") => Ok(Chore::Rooms(words.collect())),
        Some("help" | "--help" | "-h") | None => Ok(Chore::Help),
        Some(other) => Err(format!("there is no chore called {other}")),
    }
}

fn test(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut request = TestRequest::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => return Ok(Chore::ListSteps),
            "--only" => request.only = list(words, &word)?,
            "--fuzz-seconds" => {
                let text = value(words, &word)?;
                request.fuzz_seconds = Some(text.parse().map_err(|_| format!("{text} is not a number of seconds"))?);
            }
            _ => return Err(format!("test does not know {word}")),
        }
    }
    Ok(Chore::Test(request))
}

fn autobahn(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let both = vec![Role::Server, Role::Client];
    let mut request = AutobahnRequest { full: false, roles: both.clone(), cases: Vec::new() };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--full" => request.full = true,
            "--cases" => request.cases = list(words, &word)?,
            "--role" => {
                request.roles = match value(words, &word)?.as_str() {
                    "server" => vec![Role::Server],
                    "client" => vec![Role::Client],
                    "both" => both.clone(),
                    other => return Err(format!("there is no role called {other}")),
                }
            }
            _ => return Err(format!("autobahn does not know {word}")),
        }
    }
    if request.full && (request.roles != both || !request.cases.is_empty()) {
        return Err("--full means all cases in both roles".to_owned());
    }
    Ok(Chore::Autobahn(request))
}

fn measure(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut request = bench::Request::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => request.quick = true,
            "--skip-slow" => request.skip_slow = true,
            "--render" => request.render = true,
            "--only" => request.only = list(words, &word)?,
            "--rounds" => {
                let text = value(words, &word)?;
                request.rounds = Some(text.parse().map_err(|_| format!("{text} is not a number of rounds"))?);
            }
            _ => return Err(format!("bench does not know {word}")),
        }
    }
    Ok(Chore::Bench(request))
}

fn instructions(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut request = instructions::Request::default();
    for word in words {
        match word.as_str() {
            "--check" => request.check = true,
            _ => return Err(format!("instructions does not know {word}")),
        }
    }
    Ok(Chore::Instructions(request))
}

fn hold(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut request = hold::Request::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--connections" => request.connections = count(words, &word)?,
            "--threads" => request.threads = count(words, &word)?,
            "--seconds" => request.seconds = count(words, &word)?,
            _ => return Err(format!("hold does not know {word}")),
        }
    }
    Ok(Chore::Hold(request))
}

fn soak(words: &mut impl Iterator<Item = String>) -> Result<Chore, String> {
    let mut request = soak::Request::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => request.minutes = count(words, &word)?,
            _ => return Err(format!("soak does not know {word}")),
        }
    }
    Ok(Chore::Soak(request))
}

/// A number of something that must not be nothing.
fn count<N: FromStr + Default + PartialEq>(
    words: &mut impl Iterator<Item = String>,
    option: &str,
) -> Result<N, String> {
    let text = value(words, option)?;
    text.parse().ok().filter(|number| *number != N::default()).ok_or_else(|| format!("{option} {text} is no number"))
}

fn list(words: &mut impl Iterator<Item = String>, option: &str) -> Result<Vec<String>, String> {
    Ok(value(words, option)?.split(',').map(str::to_owned).collect())
}

fn value(words: &mut impl Iterator<Item = String>, option: &str) -> Result<String, String> {
    words.next().ok_or_else(|| format!("{option} needs a value"))
}

#[cfg(test)]
#[path = "command_line_tests.rs"]
mod tests;
