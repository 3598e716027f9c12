//! The figures as text: a table for each cell, and the whole of docs/benchmarks.md.

use super::cells::{self, Cell, Kind};
use super::goals::{self, Assessment};
use super::results::{Figures, Outcome, Results, Row};
use crate::date;

/// The table of a cell.
pub(super) fn table(cell: &Cell, outcome: &Outcome) -> String {
    let mut text = format!("## {}\n\n", cell.title);
    let base = outcome.rows.first();
    let columns = columns(cell.kind);
    let heads: Vec<_> = columns.iter().map(|column| column.head).collect();
    text += &format!("| server | {} |\n|---|{}\n", heads.join(" | "), "---:|".repeat(heads.len()));
    for row in &outcome.rows {
        let shown: Vec<_> = columns.iter().map(|column| column.of(row, base)).collect();
        text += &format!("| {} | {} |\n", row.server, shown.join(" | "));
    }
    let rounds = outcome.rows.iter().map(|row| row.runs.len()).max().unwrap_or(0);
    let took = if outcome.seconds > 0.0 { format!(" in {:.0} s", outcome.seconds) } else { String::new() };
    let (least, most) = outcome.load;
    text + &format!("\n{rounds} rounds{took}, {}; load average {least:.1} to {most:.1}.\n", outcome.date)
}

/// The page.
pub(super) fn whole(results: &Results, versions: &str, kept: Option<&str>) -> String {
    let outcomes: Vec<_> = results.outcomes().collect();
    let mut machines: Vec<_> = outcomes.iter().map(|(_, outcome)| outcome.machine.as_str()).collect();
    machines.sort_unstable();
    machines.dedup();
    let outcome_of = |name: &str| outcomes.iter().find(|(cell, _)| cell.name == name).map(|(_, outcome)| outcome);
    let goals = goals::assess(outcome_of);
    let mut text = format!("# Benchmarks\n\n{}\n{HEAD}", answer(&goals, &outcomes));
    text += &format!("Versions: {versions}.\n");
    for machine in machines {
        text += &format!("\nMachine: {machine}.\n");
    }
    text += &format!("\n{}", goals_table(&goals));
    for (cell, outcome) in &outcomes {
        text += &format!("\n{}\n![{}](benchmarks/{}.svg)\n", table(cell, outcome), cell.title, cell.name);
    }
    text + "\n" + KEPT + kept.unwrap_or_default()
}

/// The text that people wrote at the end of a page.
pub(super) fn kept_of(page: &str) -> Option<&str> {
    page.split_once(KEPT).map(|(_, kept)| kept)
}

/// The page in a few sentences.
fn answer(goals: &[Assessment], outcomes: &[(&Cell, Outcome)]) -> String {
    let measured = || goals.iter().filter_map(|it| it.measured.as_ref().map(|measured| (it.goal, measured)));
    let met = measured().filter(|(goal, measured)| goal.is_met(measured)).count();
    let ratios: Vec<f64> = measured().filter(|(goal, _)| goal.is_about_messages()).map(|(_, it)| it.value).collect();
    let (least, most) = ratios.iter().fold((f64::MAX, 0_f64), |(least, most), it| (least.min(*it), most.max(*it)));
    let mut text = format!("**In short:** {met} of the {} goals below are met.", measured().count());
    if !ratios.is_empty() {
        text += &format!(
            " For a message, the program takes {least:.2} to {most:.2} times\nthe CPU time of an echo of raw TCP."
        );
    }
    if let Some((_, idle)) = measured().find(|(goal, _)| goal.is_about_memory()) {
        text += &format!(
            " A connection that is idle after traffic takes {} bytes.",
            grouped(&format!("{:.0}", idle.value))
        );
    }
    if let Some(days) = date::span(outcomes.iter().map(|(_, outcome)| outcome.date.as_str())) {
        text += &format!(" Measured {days}.");
    }
    text + "\n"
}

/// The table of goals, with a verdict for each.
fn goals_table(goals: &[Assessment]) -> String {
    let title_of = |name: &str| cells::ALL.iter().find(|cell| cell.name == name).map_or("", |cell| cell.title);
    let mut text = format!("## Goals\n\n{GOALS_HEAD}");
    for assessment in goals {
        let (measured, verdict) = match &assessment.measured {
            None => ("not measured".to_owned(), "-"),
            Some(measured) => {
                let value = if measured.value < 100.0 { 2 } else { 0 };
                let value = grouped(&format!("{:.value$}", measured.value));
                let against = measured.against.as_ref().map_or_else(String::new, |name| format!(" to {name}"));
                let verdict = if assessment.goal.is_met(measured) { "yes" } else { "**no**" };
                (format!("{value} ({}{against})", measured.ours), verdict)
            }
        };
        let title = title_of(assessment.goal.cell);
        text += &format!("| {title} | {} | {measured} | {verdict} |\n", assessment.goal.wanted());
    }
    text
}

struct Column {
    head: &'static str,
    digits: usize,
    figure: fn(&Figures) -> Option<f64>,
    /// Set against the first server.
    is_ratio: bool,
}

impl Column {
    fn of(&self, row: &Row, base: Option<&Row>) -> String {
        let number = match base.filter(|_| self.is_ratio) {
            Some(base) => row.ratio(base, self.figure),
            None => row.median(self.figure),
        };
        number.map_or_else(|| "-".to_owned(), |number| grouped(&format!("{number:.*}", self.digits)))
    }
}

fn columns(kind: Kind) -> Vec<Column> {
    let plain = |head, digits, figure| Column { head, digits, figure, is_ratio: false };
    let cpu = plain("CPU, µs", 2, |figures| figures.cpu);
    let ratio = Column { head: "ratio", digits: 2, figure: |figures| figures.cpu, is_ratio: true };
    let rate = plain("per second", 0, |figures| figures.rate);
    let p50 = plain("p50, µs", 0, |figures| figures.p50);
    let p99 = plain("p99, µs", 0, |figures| figures.p99);
    match kind {
        Kind::Echo | Kind::Broadcast | Kind::Handshakes => vec![cpu, ratio, rate, p50, p99],
        Kind::Compressed => vec![cpu, ratio, rate, plain("bytes on the wire", 0, |figures| figures.wire)],
        Kind::Memory => vec![plain("bytes for each connection", 0, |figures| figures.bytes)],
    }
}

/// Thousands apart.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{sign}{text}{rest}")
}

const GOALS_HEAD: &str = "\
Each row names our server and the server that it is compared with. The end of the page explains why goals are missed.
`cargo xtask hold` shows that the memory of 10,000 connections is returned to the system.

| load | goal | measured | met |
|---|---|---|---|
";

/// All that follows is people's.
const KEPT: &str = "<!-- Below this line nothing is generated: `cargo xtask bench` keeps it. -->\n";

const HEAD: &str = "\
`cargo xtask bench` writes this page. It builds the servers, measures them, and stores the results in `bench/results.json`.
`cargo xtask bench --only NAME` measures one table again (`small`, `deflate-1k`, ...). `cargo xtask bench --render` writes
the page and its plots again without measuring. The instructions that a message takes are in
[instructions](instructions.md).

- The servers are in `bench/`. Each has one thread. All are built with the same profile (fat LTO, one codegen unit), each
  in a separate build, so that no library gets the features of another. A plain name runs the loop of the library's own
  example. The head of each file explains what *best* means for that library.
- `silverback bench` with one thread makes the load. Server and load are pinned to one core each and talk over loopback.
  Raw TCP gets the same bytes, without a handshake.
- Every round runs all servers in turn, each freshly started. A ratio compares a server with the first server of the table
  in the same round. The tables show medians. **Compare only ratios within one table**: the machine is shared, and absolute
  figures drift.
- CPU is the time that the kernel counts for the server's threads, per message or per handshake. It shows the cost of a
  server even if the load or another program limits the rate.
- Compressed loads are compressed before the measurement, at level 1, each message separately. The table shows the size of
  the server's replies, because a server is cheaper only if its replies are not larger.
- Memory is the growth of the resident set (`VmRSS`) per connection, after a first connection that was opened and closed.

";

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
