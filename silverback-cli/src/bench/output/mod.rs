//! The output of a load, for people and programs: progress, a summary, JSON, a page with plots.

mod bars;
pub(crate) mod charset;
mod json;
mod plot;
pub(crate) mod progress;
pub(crate) mod report;
mod summary;
pub(crate) mod units;

use super::{engine::outcome::Outcome, plan::Plan};
use crate::{
    error::Error,
    printable::{printable_json, printable_lines},
    standard_output,
};

/// Prints the outcome on standard output.
pub(crate) fn print(plan: &Plan, outcome: &Outcome) -> Result<(), Error> {
    let text = match plan.prints_json {
        true => printable_json(json::text(plan, outcome)),
        false => printable_lines(&summary::text(plan, outcome)),
    };
    standard_output::print(text.as_bytes())
}
