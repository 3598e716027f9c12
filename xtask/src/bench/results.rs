//! The results, kept in a file, so that one cell can be measured again without the others.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::cells::{self, Cell};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// One run of one server, or the median of several.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// The server's CPU time for one message, in microseconds.
    pub(super) cpu: Option<f64>,
    /// Messages or handshakes in a second.
    pub(super) rate: Option<f64>,
    /// Round trips, in microseconds.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
    /// The bytes that the server sends for one message.
    pub(super) wire: Option<f64>,
    /// Resident bytes for one connection.
    pub(super) bytes: Option<f64>,
}

/// A server in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) server: String,
    /// One for each round, in their order; `None` where the run failed.
    pub(super) runs: Vec<Option<Figures>>,
}

/// A cell that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// The day in UTC, like `2026-01-31`.
    pub(super) date: String,
    /// The machine, as it was then.
    pub(super) machine: String,
    /// The least and the most of the load average while it was measured.
    pub(super) load: (f64, f64),
    /// How long measuring it took.
    pub(super) seconds: f64,
    pub(super) rows: Vec<Row>,
}

/// All cells that were ever measured here.
#[derive(Debug, Default)]
pub(super) struct Results(Map<String, Value>);

impl Results {
    pub(super) fn load(workspace: &Workspace) -> Result<Self, Error> {
        let path = path(workspace);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(Self::default()) };
        serde_json::from_str(&text).map(Self).or_failed(path.display())
    }

    pub(super) fn put(&mut self, cell: &Cell, outcome: &Outcome) {
        self.0.insert(cell.name.to_owned(), outcome.to_json());
    }

    pub(super) fn save(&self, workspace: &Workspace) -> Result<(), Error> {
        let path = path(workspace);
        // A line for each cell, so that a change shows which was measured again.
        let line = |(name, cell): (&String, &Value)| format!("  \"{name}\": {cell}");
        let lines: Vec<_> = self.0.iter().map(line).collect();
        fs::write(&path, format!("{{\n{}\n}}\n", lines.join(",\n"))).or_failed(path.display())
    }

    /// The cells that were measured, in the order of the page.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&'static Cell, Outcome)> {
        cells::ALL.iter().filter_map(|cell| Some((cell, Outcome::from_json(self.0.get(cell.name)?)?)))
    }
}

impl Row {
    /// The median of one figure over the runs that have it.
    pub(super) fn median(&self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        median(self.runs.iter().flatten().filter_map(figure).collect())
    }

    /// The median of the ratios to another server, round by round.
    pub(super) fn ratio(&self, base: &Self, figure: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let of = |run: &Option<Figures>| run.as_ref().and_then(&figure);
        let rounds = self.runs.iter().zip(&base.runs);
        median(rounds.filter_map(|(ours, theirs)| Some(of(ours)? / of(theirs)?)).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.runs.iter().all(Option::is_none)
    }
}

impl Figures {
    fn to_json(self) -> Value {
        json!([self.cpu, self.rate, self.p50, self.p99, self.wire, self.bytes])
    }

    fn from_json(value: &Value) -> Option<Self> {
        let [cpu, rate, p50, p99, wire, bytes] = value.as_array()?.as_slice() else { return None };
        Some(Self {
            cpu: cpu.as_f64(),
            rate: rate.as_f64(),
            p50: p50.as_f64(),
            p99: p99.as_f64(),
            wire: wire.as_f64(),
            bytes: bytes.as_f64(),
        })
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        let runs = |row: &Row| row.runs.iter().map(|run| run.map(Figures::to_json)).collect::<Vec<_>>();
        let rows: Vec<_> = self.rows.iter().map(|row| json!({ "server": row.server, "runs": runs(row) })).collect();
        let load = [self.load.0, self.load.1];
        json!({ "date": self.date, "machine": self.machine, "load": load, "seconds": self.seconds, "rows": rows })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let rows = value["rows"].as_array()?.iter().map(|row| {
            let runs = row["runs"].as_array()?.iter().map(Figures::from_json).collect();
            Some(Row { server: row["server"].as_str()?.to_owned(), runs })
        });
        Some(Self {
            date: value["date"].as_str()?.to_owned(),
            machine: value["machine"].as_str()?.to_owned(),
            load: (value["load"][0].as_f64()?, value["load"][1].as_f64()?),
            // Those of the first months were kept without.
            seconds: value["seconds"].as_f64().unwrap_or(0.0),
            rows: rows.collect::<Option<_>>()?,
        })
    }
}

/// The middle one, or the mean of the two in the middle.
pub(super) fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let upper = *figures.get(figures.len() / 2)?;
    let lower = figures[(figures.len() - 1) / 2];
    Some((lower + upper) / 2.0)
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("bench/results.json")
}
