//! Plots as SVG: lines and bars over two axes. Colours are the style sheet's; each point says its value when it is
//! pointed at.

use std::fmt::Write as _;

use crate::printable::printable_lines;

/// A plot, as text that stands in a page.
#[derive(Debug)]
pub(super) struct Plot {
    /// For those who cannot see it.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    pub(super) bars: Vec<Point>,
}

/// A scale with its marks, in parts of its length.
#[derive(Debug, Default)]
pub(super) struct Axis {
    pub(super) title: &'static str,
    pub(super) marks: Vec<(f64, String)>,
}

/// A series. Its class is `series-N`.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) points: Vec<Point>,
    /// Filled down to the axis.
    pub(super) is_area: bool,
}

/// A value, in parts of both axes, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) says: String,
    /// No line leads here from the point before.
    pub(super) begins: bool,
}

impl Plot {
    pub(super) fn svg(&self) -> String {
        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
            escape(&self.description)
        );
        self.draw_axes(&mut svg);
        for line in &self.lines {
            draw_line(&mut svg, line);
        }
        self.draw_bars(&mut svg);
        for line in &self.lines {
            draw_points(&mut svg, line);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn draw_axes(&self, svg: &mut String) {
        for (part, label) in &self.y.marks {
            let y = down(*part);
            let _ = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 8.0,
                y + 4.0,
                escape(label)
            );
        }
        let bottom = HEIGHT - BOTTOM;
        let _ = writeln!(
            svg,
            "<line class=\"base\" x1=\"{LEFT}\" y1=\"{bottom}\" x2=\"{:.1}\" y2=\"{bottom}\"/>",
            WIDTH - RIGHT
        );
        for (part, label) in &self.x.marks {
            let _ = writeln!(
                svg,
                "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                across(*part),
                bottom + 18.0,
                escape(label)
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"axis\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <text class=\"axis\" x=\"0\" y=\"12\">{}</text>",
            WIDTH - RIGHT,
            HEIGHT - 2.0,
            escape(self.x.title),
            escape(self.y.title)
        );
    }

    fn draw_bars(&self, svg: &mut String) {
        let width = ((WIDTH - LEFT - RIGHT) / self.bars.len().max(1) as f64 - 2.0).clamp(1.0, 24.0);
        for bar in &self.bars {
            let (x, y) = (across(bar.x) - width / 2.0, down(bar.y));
            let height = HEIGHT - BOTTOM - y;
            let _ = writeln!(
                svg,
                "<rect class=\"bad\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"1\">\
                 <title>{}</title></rect>",
                escape(&bar.says)
            );
        }
    }
}

fn draw_line(svg: &mut String, line: &Line) {
    let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else { return };
    let mut path = String::new();
    for (place, point) in line.points.iter().enumerate() {
        let command = if place == 0 || point.begins { 'M' } else { 'L' };
        let _ = write!(path, "{command}{:.1} {:.1}", across(point.x), down(point.y));
    }
    if line.is_area {
        let bottom = HEIGHT - BOTTOM;
        let (from, to) = (across(first.x), across(last.x));
        let _ = writeln!(
            svg,
            "<path class=\"area series-{}\" d=\"{path}L{to:.1} {bottom}L{from:.1} {bottom}Z\"/>",
            line.number
        );
    }
    let _ = writeln!(svg, "<path class=\"line series-{}\" d=\"{path}\"/>", line.number);
}

/// Larger than what is seen of them, so that they are easily met.
fn draw_points(svg: &mut String, line: &Line) {
    let is_alone = line.points.len() == 1;
    for point in &line.points {
        let alone = if is_alone { " alone" } else { "" };
        let _ = writeln!(
            svg,
            "<circle class=\"point series-{}{alone}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}</title></circle>",
            line.number,
            across(point.x),
            down(point.y),
            escape(&point.says)
        );
    }
}

/// A linear scale from 0 to a round number that is not below `most`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    step: f64,
    top: f64,
}

impl Linear {
    pub(super) fn up_to(most: f64) -> Self {
        let most = if most > 0.0 { most } else { 1.0 };
        let rough = most / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        Self { step, top: (most / step).ceil() * step }
    }

    /// From 0 to a number that need not be round.
    pub(super) fn exactly(most: f64) -> Self {
        let round = Self::up_to(most);
        if most > 0.0 { Self { top: most, ..round } } else { round }
    }

    pub(super) fn part(self, value: f64) -> f64 {
        value / self.top
    }

    pub(super) fn marks(self, label: impl Fn(f64) -> String) -> Vec<(f64, String)> {
        let count = (self.top / self.step + NEARLY).floor() as usize;
        (0..=count).map(|mark| mark as f64 * self.step).map(|value| (self.part(value), label(value))).collect()
    }
}

/// A logarithmic scale whose ends are 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logarithmic {
    from: f64,
    to: f64,
}

impl Logarithmic {
    pub(super) fn over(least: f64, most: f64) -> Self {
        let (least, most) = (least.max(1.0), most.max(1.0));
        let below = |value: f64| rounds(value).into_iter().rev().find(|round| *round <= value).unwrap_or(value);
        let above = |value: f64| rounds(value).into_iter().find(|round| *round >= value).unwrap_or(value);
        let (from, to) = (below(least), above(most));
        Self { from, to: if to > from { to } else { from * 2.0 } }
    }

    pub(super) fn part(self, value: f64) -> f64 {
        (value.max(self.from) / self.from).ln() / (self.to / self.from).ln()
    }

    pub(super) fn marks(self, label: impl Fn(f64) -> String) -> Vec<(f64, String)> {
        let decades = (self.to / self.from).log10();
        let mut values = Vec::new();
        let mut power = 10_f64.powf(self.from.log10().floor());
        while power <= self.to {
            let steps: &[f64] = if decades > 3.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
            values.extend(steps.iter().map(|step| step * power));
            power *= 10.0;
        }
        // A little room for what the powers are off.
        let is_within = |value: &f64| *value >= self.from * 0.999 && *value <= self.to * 1.001;
        values.into_iter().filter(is_within).map(|value| (self.part(value), label(value))).collect()
    }
}

/// The round numbers around a value.
fn rounds(value: f64) -> Vec<f64> {
    let power = 10_f64.powf(value.log10().floor());
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0].into_iter().map(|step| step * power).collect()
}

/// Text that is no markup.
pub(super) fn escape(text: &str) -> String {
    // Browsers, too, reverse and hide text.
    let text = printable_lines(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn across(part: f64) -> f64 {
    LEFT + part.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
}

fn down(part: f64) -> f64 {
    HEIGHT - BOTTOM - part.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
}

/// What sums of fractions may be off.
const NEARLY: f64 = 1e-6;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 44.0;

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
