//! What people and programs see of a load: progress, a summary, JSON, a page with plots.

mod bars;
pub(crate) mod charset;
mod json;
mod plot;
pub(crate) mod progress;
pub(crate) mod report;
mod summary;
pub(crate) mod units;

use std::io::{self, Write};

use super::{engine::outcome::Outcome, plan::Plan};
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
