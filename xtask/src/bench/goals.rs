//! The goals of the cells, and whether they are met.

use super::results::{Outcome, Row};

/// A limit for one figure of a cell.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) cell: &'static str,
    measure: Measure,
    at_most: f64,
}

/// The figure that a goal limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    /// CPU time, against the first server of the table.
    ToFirst,
    /// CPU time, against the peer that needs least.
    ToBestPeer,
    /// CPU time, against the best of the peers whose compressed replies are at most as large as ours.
    ToBestPeerOfSize,
    /// CPU time, against this server.
    To(&'static str),
    /// Resident bytes for each connection.
    Bytes,
    /// p99 against p50.
    Spread,
}

/// A goal with its measurement, if there is one.
pub(super) struct Assessment {
    pub(super) goal: &'static Goal,
    pub(super) measured: Option<Measured>,
}

/// The value of a goal, and the two servers that it compares.
pub(super) struct Measured {
    pub(super) ours: String,
    pub(super) against: Option<String>,
    pub(super) value: f64,
}

/// Compares every goal with the measurements.
pub(super) fn assess<'a>(outcome_of: impl Fn(&str) -> Option<&'a Outcome>) -> Vec<Assessment> {
    let measured = |goal: &Goal| goal.measured(outcome_of(goal.cell)?);
    ALL.iter().map(|goal| Assessment { goal, measured: measured(goal) }).collect()
}

/// The goal that a plot shows: it is one about the ratio to the first server.
pub(super) fn line_of(cell: &str) -> Option<f64> {
    ALL.iter().find(|goal| goal.cell == cell && goal.measure == Measure::ToFirst).map(|goal| goal.at_most)
}

impl Goal {
    pub(super) fn is_met(&self, measured: &Measured) -> bool {
        measured.value <= self.at_most
    }

    /// CPU time for a message, against raw TCP.
    pub(super) fn is_about_messages(&self) -> bool {
        self.measure == Measure::ToFirst && self.cell != "handshakes"
    }

    pub(super) fn is_about_memory(&self) -> bool {
        self.measure == Measure::Bytes
    }

    /// The goal in words.
    pub(super) fn wanted(&self) -> String {
        let what = match self.measure {
            Measure::ToFirst => "of the first server's CPU time",
            Measure::ToBestPeer => "of the best peer's CPU time",
            Measure::ToBestPeerOfSize => "of the CPU time of the best peer at the same size or a smaller one",
            Measure::To(server) => return format!("at most {} of the CPU time of {server}", self.at_most),
            Measure::Bytes => return format!("at most {} bytes for each connection", self.at_most),
            Measure::Spread => return format!("p99 at most {} times p50", self.at_most),
        };
        format!("at most {} {what}", self.at_most)
    }

    fn measured(&self, outcome: &Outcome) -> Option<Measured> {
        let row_of = |name: &str| outcome.rows.iter().find(|row| row.server == name && !row.is_empty());
        let ours = OURS.iter().find_map(|name| row_of(name))?;
        let against = match self.measure {
            Measure::Bytes | Measure::Spread => None,
            Measure::ToFirst => Some(outcome.rows.first()?),
            Measure::To(name) => Some(row_of(name)?),
            Measure::ToBestPeer => Some(best_peer(outcome, |_| true)?),
            Measure::ToBestPeerOfSize => {
                let size = |row: &Row| row.median(|figures| figures.wire);
                let most = size(ours)? * (1.0 + SAME_SIZE);
                Some(best_peer(outcome, |row| size(row).is_some_and(|size| size <= most))?)
            }
        };
        let value = match (self.measure, against) {
            (_, Some(against)) => ours.ratio(against, |figures| figures.cpu)?,
            (Measure::Bytes, None) => ours.median(|figures| figures.bytes)?,
            (_, None) => ours.median(|figures| Some(figures.p99? / figures.p50?))?,
        };
        Some(Measured { ours: ours.server.clone(), against: against.map(|row| row.server.clone()), value })
    }
}

/// The foreign library that needs the least CPU time.
fn best_peer(outcome: &Outcome, is_meant: impl Fn(&Row) -> bool) -> Option<&Row> {
    let is_foreign = |row: &&Row| !row.server.contains("raw") && !row.server.contains("silverback");
    let rows = outcome.rows.iter().filter(is_foreign).filter(|row| is_meant(row));
    let costs = rows.filter_map(|row| Some((row, row.median(|figures| figures.cpu)?)));
    costs.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(row, _)| row)
}

const fn goal(cell: &'static str, measure: Measure, at_most: f64) -> Goal {
    Goal { cell, measure, at_most }
}

const ALL: &[Goal] = &[
    goal("small", Measure::ToFirst, 1.10),
    goal("small", Measure::ToBestPeer, 1.00),
    goal("small-32", Measure::ToFirst, 1.25),
    goal("small-32", Measure::ToBestPeer, 0.62),
    goal("small-32", Measure::Spread, 4.0),
    goal("text-32", Measure::ToFirst, 1.10),
    goal("text-32", Measure::ToBestPeer, 0.60),
    goal("16k", Measure::ToFirst, 1.10),
    goal("16k", Measure::ToBestPeer, 0.90),
    goal("utf8-16k", Measure::ToFirst, 1.20),
    goal("utf8-16k", Measure::ToBestPeer, 0.85),
    goal("1m", Measure::ToFirst, 1.25),
    goal("1m", Measure::ToBestPeer, 1.00),
    goal("handshakes", Measure::ToFirst, 1.10),
    goal("idle", Measure::Bytes, 1536.0),
    goal("deflate-1k", Measure::ToBestPeerOfSize, 1.00),
    goal("broadcast", Measure::To("broadcast tungstenite"), 0.90),
    goal("broadcast-8", Measure::To("broadcast tungstenite"), 0.90),
];

/// The servers that represent silverback: the plain loop through the program's real route, if the cell has it.
const OURS: &[&str] =
    &["silverback-program", "silverback-program (level 1)", "silverback (level 1)", "broadcast silverback"];
/// The difference allowed between two compressors with the same settings.
const SAME_SIZE: f64 = 0.01;

#[cfg(test)]
#[path = "goals_tests.rs"]
mod tests;
