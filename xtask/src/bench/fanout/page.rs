//! The figures as text: a table for each cell, and the whole of docs/benchmarks/fanout.md.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::page::grouped;
use super::cells::Cell;
use super::results::{Outcome, Results, Row, Spread};
use crate::date;

/// The table of a cell.
pub(super) fn table(cell: &Cell, outcome: &Outcome) -> String {
    let columns = if cell.stopped > 0 { STOPPED } else { DELIVERIES };
    let heads: Vec<_> = columns.iter().map(|column| column.head).collect();
    let mut text =
        format!("## {}\n\n| server | {} |\n|---|{}\n", cell.title, heads.join(" | "), "---:|".repeat(heads.len()));
    for row in &outcome.rows {
        let shown: Vec<_> = columns.iter().map(|column| column.of(row)).collect();
        text += &format!("| {} | {} |\n", row.server, shown.join(" | "));
    }
    let rounds = outcome.rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    let failed = outcome.rows.iter().flat_map(|row| &row.runs).filter(|run| run.is_null()).count();
    let failed = if failed > 0 { format!("; {failed} runs failed") } else { String::new() };
    let (least, most) = outcome.load;
    for row in &outcome.rows {
        if let Some(why) = row.failure() {
            text += &format!("\n{}: {why}.\n", row.server);
        }
    }
    let (seconds, date) = (outcome.seconds, &outcome.date);
    text + &format!("\n{rounds} rounds in {seconds:.0} s, {date}; load average {least:.1} to {most:.1}{failed}.\n")
}

/// The page.
pub(super) fn whole(results: &Results) -> String {
    let outcomes: Vec<_> = results.outcomes().collect();
    let mut machines: Vec<_> = outcomes.iter().map(|(_, outcome)| outcome.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let mut text = format!("{TITLE}{}{HEAD}", answer(&outcomes));
    text += &format!("Versions: silverback {}, {}.\n", env!("CARGO_PKG_VERSION"), results.versions());
    for machine in machines {
        text += &format!("\nMachine: {machine}.\n");
    }
    for (cell, outcome) in &outcomes {
        text += &format!("\n{}", table(cell, outcome));
    }
    text
}

/// The page in a few sentences.
fn answer(outcomes: &[(&Cell, Outcome)]) -> String {
    let cpu = |row: &Row| Some((row.server.clone(), row.spread("/burst/cpu_us")?.median));
    let mut text = "**In short:** ".to_owned();
    if let Some((cell, outcome)) = outcomes.iter().find(|(cell, _)| cell.stopped == 0) {
        let is_ours = |row: &&Row| row.server.starts_with("silverback");
        let is_limit = |row: &&Row| row.server.starts_with("raw");
        let ours = outcome.rows.iter().filter(is_ours).filter_map(cpu).min_by(|a, b| a.1.total_cmp(&b.1));
        let others = outcome.rows.iter().filter(|row| !is_ours(row) && !is_limit(row)).filter_map(cpu);
        if let (Some((server, ours)), Some((best, other))) = (ours, others.min_by(|a, b| a.1.total_cmp(&b.1))) {
            text += &format!(
                "with {}, in bursts of 20, {server} takes {ours:.2} µs of CPU\nfor a delivery, and {best}, the best of the \
                 other servers, {other:.2} µs.",
                cell.title
            );
        }
    }
    if let Some(days) = date::span(outcomes.iter().map(|(_, outcome)| outcome.date.as_str())) {
        text += &format!(" Measured {days}.");
    }
    text + "\n\n"
}

struct Column {
    head: &'static str,
    /// Where the figure is in the load's JSON.
    pointer: &'static str,
    /// The figure is divided by this.
    unit: f64,
    digits: usize,
    shows: Shows,
}

#[derive(PartialEq, Eq)]
enum Shows {
    Median,
    /// The median, and the least and the most if there are several rounds.
    Spread,
    /// How many connections ended in which way, in the last round.
    Ends,
}

impl Column {
    fn of(&self, row: &Row) -> String {
        if self.shows == Shows::Ends {
            return row.runs.iter().rev().find_map(|run| ends(run.pointer(self.pointer)?)).unwrap_or("-".to_owned());
        }
        let Some(Spread { median, least, most }) = row.spread(self.pointer) else { return "-".to_owned() };
        let shown = |figure: f64| grouped(&format!("{:.*}", self.digits, figure / self.unit));
        if self.shows == Shows::Spread && row.runs.len() > 1 {
            format!("{} ({} to {})", shown(median), shown(least), shown(most))
        } else {
            shown(median)
        }
    }
}

/// In words, such as `50 closed with 3008`.
fn ends(value: &Value) -> Option<String> {
    let ends: BTreeMap<_, _> = value.as_object()?.iter().collect();
    let words = ends.iter().map(|(end, count)| match end.as_str() {
        "open" => format!("{count} still open"),
        "lost" => format!("{count} cut off"),
        code => format!("{count} closed with {code}"),
    });
    Some(words.collect::<Vec<_>>().join(", "))
}

const fn column(head: &'static str, pointer: &'static str, unit: f64, digits: usize, shows: Shows) -> Column {
    Column { head, pointer, unit, digits, shows }
}

const DELIVERIES: &[Column] = &[
    column("single: CPU, µs", "/single/cpu_us", 1.0, 2, Shows::Spread),
    column("last, ms", "/single/last_ms", 1.0, 1, Shows::Spread),
    column("bursts: CPU, µs", "/burst/cpu_us", 1.0, 2, Shows::Spread),
    column("last, ms", "/burst/last_ms", 1.0, 1, Shows::Spread),
    column("memory, KiB", "/idle_bytes", 1024.0, 1, Shows::Median),
    column("after traffic, KiB", "/used_bytes", 1024.0, 1, Shows::Median),
    column("bytes", "/burst/bytes", 1.0, 0, Shows::Median),
    column("load's CPU, µs: single", "/single/own_cpu_us", 1.0, 2, Shows::Median),
    column("bursts", "/burst/own_cpu_us", 1.0, 2, Shows::Median),
];

const STOPPED: &[Column] = &[
    column("all read: p50, ms", "/all_read/p50_ms", 1.0, 1, Shows::Spread),
    column("p99, ms", "/all_read/p99_ms", 1.0, 1, Shows::Spread),
    column("50 stopped: p50, ms", "/some_stopped/p50_ms", 1.0, 1, Shows::Spread),
    column("p99, ms", "/some_stopped/p99_ms", 1.0, 1, Shows::Spread),
    column("missing", "/some_stopped/missing", 1.0, 0, Shows::Median),
    column("memory grew by, MiB", "/grown_bytes", 1_048_576.0, 1, Shows::Spread),
    column("the 50", "/ends", 1.0, 0, Shows::Ends),
];

const TITLE: &str = "# Fan-out: the tables\n\n";

const HEAD: &str = "\
`cargo xtask fanout` writes this page and stores the results in `bench/fanout.json`. [Benchmarks](../benchmarks.md#fan-out)
has the answer and the method. CPU is the time of all threads and processes of the server, for one delivery of one message
to one subscriber. *Last* is the time from publishing until the last subscriber has the message, or all 20 of a burst.
*Bytes* are those of one delivery on the wire, in bursts. Memory is the growth of the server's resident set for one
subscriber; a page that several processes share counts for each in part. The load's own CPU shows whether it limits a
server. Figures are medians of the rounds, with the least and the most.

";
