//! The summary that people read.

use std::fmt::Write as _;

use silverback::dial::HttpVersion;

use super::{
    bars,
    units::{PERCENTILES, bytes, count, duration, rate},
};
use crate::{
    bench::{
        engine::{
            counts::Times,
            load::{Pace, Task},
            outcome::Outcome,
            script::Sizes,
        },
        plan::Plan,
    },
    dialing::{options::version_name, shown::shown_url},
};

/// The whole text.
pub(super) fn text(plan: &Plan, outcome: &Outcome) -> String {
    let mut text = String::from("\n");
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("load", described(plan));
    line("connections", connections(plan, outcome));
    if plan.load.task.pace().is_some() {
        line("messages", messages(outcome));
        line("bytes", traffic(outcome));
    }
    if let Some(planned) = outcome.planned {
        line("planned", planned_against(outcome, planned));
    }
    line("rate", rates(plan, outcome));
    if let Some(part) = generator(plan, outcome) {
        line("generator", part);
    }
    if let Some(part) = server(outcome) {
        line("server", part);
    }
    text.push_str(&table(outcome));
    text.push_str(&errors(outcome));
    text.push_str(&histogram(plan, outcome));
    bars::plain(&text, plan.is_ascii)
}

/// Describes the load in one line.
pub(super) fn described(plan: &Plan) -> String {
    let load = &plan.load;
    let sizes = match &plan.settings.sizes {
        Sizes::Listed(sizes) => sizes.iter().map(|size| bytes(*size as f64)).collect::<Vec<_>>().join(", "),
        Sizes::Between(from, to) => format!("{} to {}", bytes(*from as f64), bytes(*to as f64)),
    };
    let kind = match plan.settings.kind {
        silverback::MessageKind::Text => "text",
        silverback::MessageKind::Binary => "binary",
    };
    let compressed = if plan.settings.compresses { ", compressed" } else { "" };
    let what = match (load.task, load.task.pace()) {
        (Task::Handshakes, _) => "handshakes".to_owned(),
        (Task::Hold { messages: 0 }, _) => "held idle".to_owned(),
        (Task::Hold { messages }, _) => format!("held idle after {} messages", count(messages)),
        (_, Some(Pace::Closed { pipeline: 1 })) => format!("{sizes} {kind}{compressed}, one in flight each"),
        (_, Some(Pace::Closed { pipeline })) => format!("{sizes} {kind}{compressed}, {pipeline} in flight each"),
        (_, Some(Pace::Open { rate: planned })) => format!("{sizes} {kind}{compressed}, {} a second", rate(planned)),
        (_, None) => String::new(),
    };
    let whom = match load.task {
        Task::Broadcast { senders: 1, .. } => ", one sends to all".to_owned(),
        Task::Broadcast { senders, .. } => format!(", {senders} send to all"),
        _ => String::new(),
    };
    let whom = if load.raw.is_some() { ", TCP alone".to_owned() } else { whom };
    let over = match (load.target.version, load.target.streams) {
        (HttpVersion::Http1, _) => String::new(),
        (version, 1) => format!(" over {}", version_name(version)),
        (version, streams) => format!(" over {}, {streams} streams per connection", version_name(version)),
    };
    let url = shown_url(&load.target.url);
    format!("{} connections to {url}{over}: {what}{whom}", count(load.connections as u64))
}

fn connections(plan: &Plan, outcome: &Outcome) -> String {
    if plan.load.task == Task::Handshakes {
        return format!("{} handshakes in {:.2} s", count(outcome.in_time.opened), outcome.measured.as_secs_f64());
    }
    let mut text = format!("{} opened in {:.2} s", count(outcome.opened), outcome.opening.as_secs_f64());
    if outcome.lost > 0 {
        let _ = write!(text, ", {} lost", count(outcome.lost));
    }
    text
}

fn messages(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let mut text = format!(
        "{} sent, {} received in {:.2} s",
        count(counts.sent),
        count(counts.received),
        outcome.measured.as_secs_f64()
    );
    let mut add = |number: u64, what: &str| {
        if number > 0 {
            let _ = write!(text, ", {} {what}", count(number));
        }
    };
    add(counts.unanswered, "never answered");
    add(counts.incomplete, "did not reach every receiver");
    add(counts.unasked, "not asked for");
    text
}

fn traffic(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    format!(
        "{} sent, {} received; on the wire {} and {}, with the warm-up",
        bytes(counts.bytes_sent as f64),
        bytes(counts.bytes_received as f64),
        bytes(counts.wire_sent as f64),
        bytes(counts.wire_received as f64)
    )
}

fn planned_against(outcome: &Outcome, planned: u64) -> String {
    format!("{} messages, {} of them not sent in time", count(planned), count(outcome.unsent.unwrap_or(0)))
}

fn rates(plan: &Plan, outcome: &Outcome) -> String {
    let in_time = outcome.in_time;
    match plan.load.task {
        Task::Handshakes => format!("{} handshakes/s", rate(outcome.rate())),
        Task::Hold { .. } => {
            let opening = outcome.opening.as_secs_f64();
            format!("{} connections opened per second", rate(outcome.opened as f64 / opening.max(1e-9)))
        }
        _ => format!(
            "{} messages/s, {}/s out, {}/s in",
            rate(outcome.rate()),
            bytes(outcome.per_second(in_time.bytes_sent)),
            bytes(outcome.per_second(in_time.bytes_received))
        ),
    }
}

/// How busy we were ourselves: a generator at its limit measures itself.
fn generator(plan: &Plan, outcome: &Outcome) -> Option<String> {
    let cpu = outcome.cpu?.as_secs_f64();
    let share = cpu / outcome.measured.as_secs_f64().max(1e-9) / plan.load.threads as f64;
    let busy = if share > BUSY { ": it was at its limit, try more --threads" } else { "" };
    Some(format!("{:.0} % of {} busy{}{busy}", share * 100.0, threads(plan), each(outcome, cpu)))
}

/// Describes the CPU time and memory of the server's process, if `--server-pid` names one.
fn server(outcome: &Outcome) -> Option<String> {
    let server = outcome.server?;
    let cpu = server.cpu.as_secs_f64();
    let busy = cpu / outcome.measured.as_secs_f64().max(1e-9);
    Some(format!(
        "{:.0} % of a core busy{}; {} resident, {} before the first connection",
        busy * 100.0,
        each(outcome, cpu),
        bytes(server.resident_after as f64),
        bytes(server.resident_before as f64)
    ))
}

/// Processor time for each answer, or handshake.
fn each(outcome: &Outcome, cpu: f64) -> String {
    match outcome.done_in_time() {
        0 => String::new(),
        done => format!(", {} each", duration((cpu / done as f64 * 1e9) as u64)),
    }
}

fn threads(plan: &Plan) -> String {
    match plan.load.threads {
        1 => "one thread".to_owned(),
        several => format!("{several} threads"),
    }
}

fn table(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let is_planned = outcome.planned.is_some();
    let round_trip = if is_planned { "from plan" } else { "round trip" };
    let rows: [(&str, &Times); 5] = [
        ("connect", &counts.connects),
        (round_trip, &counts.round_trips),
        ("from sending", &counts.uncorrected),
        ("sent late by", &counts.delays),
        ("fan-out", &counts.fan_outs),
    ];
    let mut text = String::new();
    for (name, times) in rows {
        let Some(recorded) = times.recorded() else { continue };
        if text.is_empty() {
            let _ = write!(text, "\n{:<13}", "");
            for head in ["p50", "p75", "p90", "p99", "p99.9", "p99.99", "max", "mean"] {
                let _ = write!(text, " {head:>8}");
            }
            text.push('\n');
        }
        let _ = write!(text, "{name:<13}");
        let percentiles = PERCENTILES.iter().map(|(_, part)| recorded.value_at_quantile(*part));
        for nanos in percentiles.chain([recorded.max(), recorded.mean() as u64]) {
            let _ = write!(text, " {:>8}", duration(nanos));
        }
        text.push('\n');
    }
    text
}

fn errors(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (cause, fault) in outcome.faults.iter() {
        if text.is_empty() {
            text.push_str("\nerrors\n");
        }
        let _ = writeln!(text, "  {:>8}  {} ({})", count(fault.count), cause.describe(), fault.example);
    }
    text
}

fn histogram(plan: &Plan, outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let (name, times) = match counts.round_trips.recorded() {
        Some(_) => ("round trip", &counts.round_trips),
        None => ("connect", &counts.connects),
    };
    let rows = bars::rows(times, ROWS);
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{name}, up to\n{}", bars::draw(&rows, WIDTH, plan.is_ascii))
}

const ROWS: usize = 16;
const WIDTH: usize = 40;
const BUSY: f64 = 0.9;

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
