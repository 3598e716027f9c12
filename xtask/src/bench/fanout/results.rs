//! The results, kept in a file, so that one cell can be measured again without the others.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::super::results::median;
use super::cells::{self, Cell};
use crate::error::{Error, OrFailed as _};
use crate::workspace::Workspace;

/// A server in a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) server: String,
    /// What the load printed in each round; null where the run failed.
    pub(super) runs: Vec<Value>,
}

/// A cell that was measured.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outcome {
    /// The day in UTC, like `2026-01-31`.
    pub(super) date: String,
    pub(super) machine: String,
    /// The least and the most of the load average while it was measured.
    pub(super) load: (f64, f64),
    pub(super) seconds: f64,
    pub(super) rows: Vec<Row>,
}

/// The middle, the least and the most of a figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Row {
    /// Whether a run, or a load of it, has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.runs.iter().any(|run| run.is_null()) || self.failure().is_some()
    }

    /// What a load that failed has told.
    pub(super) fn failure(&self) -> Option<&str> {
        let loads = ["single_failed", "burst_failed"];
        self.runs.iter().find_map(|run| loads.iter().find_map(|load| run[*load].as_str()))
    }

    /// A figure over all rounds, by its JSON pointer.
    pub(super) fn spread(&self, pointer: &str) -> Option<Spread> {
        let figures: Vec<f64> = self.runs.iter().filter_map(|run| run.pointer(pointer)?.as_f64()).collect();
        let (least, most) = (figures.iter().copied().reduce(f64::min)?, figures.iter().copied().reduce(f64::max)?);
        Some(Spread { median: median(figures)?, least, most })
    }
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

    pub(super) fn put(&mut self, cell: &Cell, outcome: &Outcome, versions: &str) {
        self.0.insert("versions".to_owned(), versions.into());
        self.0.insert(cell.name.to_owned(), outcome.to_json());
    }

    pub(super) fn save(&self, workspace: &Workspace) -> Result<(), Error> {
        let path = path(workspace);
        // A line for each cell, so that a change shows which was measured again.
        let lines: Vec<_> = self.0.iter().map(|(name, cell)| format!("  \"{name}\": {cell}")).collect();
        fs::write(&path, format!("{{\n{}\n}}\n", lines.join(",\n"))).or_failed(path.display())
    }

    /// The servers' versions when they were measured last.
    pub(super) fn versions(&self) -> &str {
        self.0.get("versions").and_then(Value::as_str).unwrap_or_default()
    }

    /// The cells that were measured, in the order of the page.
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (&'static Cell, Outcome)> {
        cells::ALL.iter().filter_map(|cell| Some((cell, Outcome::from_json(self.0.get(cell.name)?)?)))
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        let rows: Vec<_> = self.rows.iter().map(|row| json!({ "server": row.server, "runs": row.runs })).collect();
        let load = [self.load.0, self.load.1];
        json!({ "date": self.date, "machine": self.machine, "load": load, "seconds": self.seconds, "rows": rows })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let rows = value["rows"]
            .as_array()?
            .iter()
            .map(|row| Some(Row { server: row["server"].as_str()?.to_owned(), runs: row["runs"].as_array()?.clone() }));
        Some(Self {
            date: value["date"].as_str()?.to_owned(),
            machine: value["machine"].as_str()?.to_owned(),
            load: (value["load"][0].as_f64()?, value["load"][1].as_f64()?),
            seconds: value["seconds"].as_f64()?,
            rows: rows.collect::<Option<_>>()?,
        })
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root.join("bench/fanout.json")
}
