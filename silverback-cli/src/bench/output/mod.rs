//! What people and programs see of a load: progress, a summary, JSON, a page with plots.

mod bars;
mod json;
mod plot;
mod progress;
mod report;
mod summary;
mod units;

use std::{
    env,
    io::{self, Write},
};

pub(crate) use self::{progress::Progress, report::ReportFile, units::duration};
use super::{engine::Outcome, plan::Plan};
use crate::{
    printable::{printable_json, printable_lines},
    trouble::Trouble,
};

/// Prints the outcome on standard output. A closed pipe there is no trouble: whoever reads has seen enough.
pub(crate) fn print(plan: &Plan, outcome: &Outcome) -> Result<(), Trouble> {
    let text = match plan.prints_json {
        true => printable_json(json::text(plan, outcome)),
        false => printable_lines(&summary::text(plan, outcome)),
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Trouble::System(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Whether the terminal shows more than ASCII, as the locale says.
pub(crate) fn speaks_unicode() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(|name| env::var(name).ok()).find(|it| !it.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The percentiles that are told of each histogram: names in JSON, and parts of all.
const PERCENTILES: [(&str, f64); 6] =
    [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999)];
