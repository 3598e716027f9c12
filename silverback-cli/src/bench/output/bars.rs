//! A histogram drawn with characters: one row for each span of time, one bar for how much fell into it.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use super::units::{count, duration};
use crate::bench::engine::counts::Times;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The upper bound of the row. The row before gives the lower one.
    pub(super) to: u64,
    pub(super) count: u64,
}

/// The rows of a histogram: spans that grow by a constant factor, so that neither the bulk nor the tail is lost.
pub(super) fn rows(times: &Times, most: usize) -> Vec<Row> {
    let Some(recorded) = times.recorded() else { return Vec::new() };
    let (low, high) = (recorded.min().max(1), recorded.max().max(1));
    let steps = steps(low, high, most);
    let mut rows: Vec<Row> = steps.iter().map(|&to| Row { to, count: 0 }).collect();
    fill(&mut rows, recorded);
    rows
}

/// The rows as text, each with its bar.
pub(super) fn draw(rows: &[Row], width: usize, is_ascii: bool) -> String {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0);
    let total: u64 = rows.iter().map(|row| row.count).sum();
    let mut text = String::new();
    for row in rows {
        let bar = bar(row.count, most, width, is_ascii);
        let label = plain(&duration(row.to), is_ascii);
        let part = row.count as f64 / total.max(1) as f64 * 100.0;
        let _ = writeln!(text, "  {label:>8}  {bar:<width$}  {part:>5.1} %  {}", count(row.count));
    }
    text
}

/// Draws a bar in eighths of a cell. A count above zero is always visible.
fn bar(count: u64, most: u64, width: usize, is_ascii: bool) -> String {
    if count == 0 || most == 0 {
        return String::new();
    }
    let eighths = (count as f64 / most as f64 * width as f64 * 8.0).round().max(1.0) as usize;
    if is_ascii {
        return "#".repeat(eighths.div_ceil(8).min(width));
    }
    let mut bar = "█".repeat(eighths / 8);
    if let Some(part) = PARTS.get((eighths % 8).wrapping_sub(1)) {
        bar.push_str(part);
    }
    bar
}

/// Text without the characters that a plain terminal lacks.
pub(super) fn plain(text: &str, is_ascii: bool) -> String {
    if is_ascii { text.replace('µ', "u") } else { text.to_owned() }
}

fn steps(low: u64, high: u64, most: usize) -> Vec<u64> {
    let most = most.max(1);
    let span = (high as f64 / low as f64).max(1.0);
    // Finer than this, rows would differ in digits that the histogram does not have.
    let rows = ((span.ln() / FINEST.ln()).ceil() as usize).clamp(1, most);
    let factor = span.powf(1.0 / rows as f64);
    let mut steps: Vec<u64> = (1..=rows).map(|row| (low as f64 * factor.powi(row as i32)).ceil() as u64).collect();
    if let Some(last) = steps.last_mut() {
        *last = high;
    }
    steps
}

fn fill(rows: &mut [Row], recorded: &Histogram<u64>) {
    let mut row = 0;
    for step in recorded.iter_recorded() {
        while row + 1 < rows.len() && step.value_iterated_to() > rows[row].to {
            row += 1;
        }
        rows[row].count += step.count_since_last_iteration();
    }
}

const PARTS: [&str; 7] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"];
const FINEST: f64 = 1.05;

#[cfg(test)]
#[path = "bars_tests.rs"]
mod tests;
