//! A cell as a picture: one bar for each server, as SVG that is readable on light and on dark pages.

use super::cells::{Cell, Kind};
use super::page::grouped;
use super::results::{Outcome, median};

/// The bar chart of a cell; `goal` is drawn as a line.
pub(super) fn svg(cell: &Cell, outcome: &Outcome, goal: Option<f64>) -> String {
    let bars = bars(cell, outcome);
    let end = axis_end(&bars);
    let height = TOP + ROW * bars.len() as f64 + BOTTOM;
    let base = outcome.rows.first().map_or("", |row| row.server.as_str());
    let what = match cell.kind {
        Kind::Memory => "resident bytes for each connection".to_owned(),
        _ => format!("the server's CPU time, as a multiple of {base}"),
    };
    let (title, what) = (escaped(cell.title), escaped(&what));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\" aria-label=\"{title}: {what}\">\n{STYLE}\
         <rect class=\"page\" width=\"{WIDTH}\" height=\"{height}\" rx=\"6\"/>\n\
         <text class=\"title\" x=\"16\" y=\"26\">{title}</text>\n\
         <text class=\"what\" x=\"16\" y=\"45\">{what}; less is better</text>\n"
    );
    for (place, bar) in bars.iter().enumerate() {
        text += &bar.svg(TOP + ROW * place as f64, end);
    }
    if let Some(goal) = goal.filter(|goal| *goal <= end) {
        let (x, bottom) = (LEFT + SPAN * goal / end, height - BOTTOM);
        text += &format!(
            "<path class=\"goal\" d=\"M{x:.1} {} V{bottom}\"/>\n\
             <text class=\"what\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">goal {goal}</text>\n",
            TOP - 4.0,
            bottom + 14.0,
        );
    }
    for (place, bar) in bars.iter().enumerate() {
        text += &bar.number(cell, TOP + ROW * place as f64, end);
    }
    text + "</svg>\n"
}

struct Bar<'a> {
    server: &'a str,
    /// `None` where every run failed.
    value: Option<f64>,
}

fn bars<'a>(cell: &Cell, outcome: &'a Outcome) -> Vec<Bar<'a>> {
    let Some(base) = outcome.rows.first() else { return Vec::new() };
    let value = |row: &super::results::Row| match cell.kind {
        Kind::Memory => row.median(|figures| figures.bytes),
        _ => row.ratio(base, |figures| figures.cpu),
    };
    outcome.rows.iter().map(|row| Bar { server: &row.server, value: value(row) }).collect()
}

/// Where bars are cut: a server that needs twenty times as much would leave the others without a difference to see.
fn axis_end(bars: &[Bar<'_>]) -> f64 {
    let values: Vec<_> = bars.iter().filter_map(|bar| bar.value).collect();
    let most = values.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    most.min(MEDIANS_SHOWN * median(values).unwrap_or(most))
}

impl Bar<'_> {
    /// The name and the bar.
    fn svg(&self, y: f64, end: f64) -> String {
        let length = self.length(end);
        let mut text = format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect class=\"{}\" x=\"{LEFT}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\"/>\n",
            LEFT - 8.0,
            y + BASELINE,
            escaped(self.server),
            self.class(),
            y + 3.0,
            ROW - 6.0,
        );
        if self.value.is_some_and(|value| value > end) {
            let x = LEFT + length - 14.0;
            text += &format!("<path class=\"cut\" d=\"M{x} {} l6 -{ROW} h4 l-6 {ROW} z\"/>\n", y + ROW);
        }
        text
    }

    /// The value, to the right of the bar.
    fn number(&self, cell: &Cell, y: f64, end: f64) -> String {
        let digits = if cell.kind == Kind::Memory { 0 } else { 2 };
        let shown = self.value.map_or_else(|| "failed".to_owned(), |value| grouped(&format!("{value:.digits$}")));
        let (x, y) = (LEFT + self.length(end) + 6.0, y + BASELINE);
        format!("<text class=\"value\" x=\"{x:.1}\" y=\"{y}\">{shown}</text>\n")
    }

    fn length(&self, end: f64) -> f64 {
        SPAN * self.value.unwrap_or(0.0).min(end) / end
    }

    fn class(&self) -> &'static str {
        match self.server {
            name if name.contains("raw") => "raw",
            name if name.contains("silverback") => "ours",
            _ => "peer",
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

const WIDTH: f64 = 760.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 24.0;
const ROW: f64 = 22.0;
/// Of the text in a row.
const BASELINE: f64 = ROW / 2.0 + 4.0;
/// Where bars begin, and how long the longest is.
const LEFT: f64 = 260.0;
const SPAN: f64 = 420.0;
const MEDIANS_SHOWN: f64 = 3.0;

/// The picture has its own background, because a light page may show it to a reader who prefers dark, or the reverse.
const STYLE: &str = "\
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 } .what { font-size: 12px; fill: #59636e }
.value { font-variant-numeric: tabular-nums; paint-order: stroke; stroke: #ffffff; stroke-width: 4px }
.page, .cut { fill: #ffffff } .raw { fill: #8c959f } .peer { fill: #6f9fd8 } .ours { fill: #1a7f37 }
.goal { stroke: #cf222e; stroke-dasharray: 4 3; fill: none }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .what { fill: #9198a1 }
  .page, .cut { fill: #0d1117 } .raw { fill: #6e7681 } .peer { fill: #3f6fa8 } .ours { fill: #3fb950 }
  .goal { stroke: #ff7b72 } .value { stroke: #0d1117 }
}
</style>
";

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
