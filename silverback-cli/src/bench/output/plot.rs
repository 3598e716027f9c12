//! Plots as SVG: lines and bars over two axes. Colours are the style sheet's; each point says its value when it is
//! pointed at.

use std::fmt::Write as _;

use crate::printable::printable_lines;

/// A plot as SVG text for an HTML page.
#[derive(Debug)]
pub(super) struct Plot {
    /// For those who cannot see it.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
    pub(super) bars: Vec<Bar>,
    /// Their class.
    pub(super) bars_are: &'static str,
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

/// A value, as fractions of both axes, and its label.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) says: String,
    /// No line leads here from the point before.
    pub(super) begins: bool,
}

/// A bar, as fractions of both axes, and its label.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) y: f64,
    pub(super) says: String,
}

impl Plot {
    pub(super) fn svg(&self) -> String {
        let mut svg = format!("<svg class=\"plot\" role=\"img\" aria-label=\"{}\">\n", escape(&self.description));
        self.draw_axes(&mut svg);
        let _ = writeln!(svg, "<svg viewBox=\"0 0 {FINE} {FINE}\" preserveAspectRatio=\"none\">");
        for line in &self.lines {
            draw_line(&mut svg, line);
        }
        svg.push_str("</svg>\n");
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
                "<line class=\"grid\" x1=\"0\" y1=\"{y}\" x2=\"100%\" y2=\"{y}\"/>\
                 <text class=\"mark\" x=\"0\" y=\"{y}\" dx=\"-8\" dy=\"4\" text-anchor=\"end\">{}</text>",
                escape(label)
            );
        }
        let _ = writeln!(svg, "<line class=\"base\" x1=\"0\" y1=\"100%\" x2=\"100%\" y2=\"100%\"/>");
        for ((part, label), room) in self.x.marks.iter().zip(rooms(&self.x.marks)) {
            let _ = writeln!(
                svg,
                "<text class=\"mark{room}\" x=\"{}\" y=\"100%\" dy=\"18\" text-anchor=\"middle\">{}</text>",
                across(*part),
                escape(label)
            );
        }
        let _ = writeln!(
            svg,
            "<text class=\"axis\" x=\"100%\" y=\"100%\" dy=\"38\" text-anchor=\"end\">{}</text>\
             <text class=\"axis\" x=\"0\" y=\"0\" dx=\"-60\" dy=\"-14\">{}</text>",
            escape(self.x.title),
            escape(self.y.title)
        );
    }

    fn draw_bars(&self, svg: &mut String) {
        for bar in &self.bars {
            // Keep a value above zero visible.
            let height = bar.y.clamp(LEAST_HEIGHT, 1.0);
            let width = (bar.to - bar.from).max(LEAST_WIDTH);
            let gap = width * 0.1;
            let _ = writeln!(
                svg,
                "<rect class=\"bar {}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"><title>{}</title></rect>",
                self.bars_are,
                across((bar.from + gap / 2.0).min(1.0 - width)),
                down(height),
                percent(width - gap),
                percent(height),
                escape(&bar.says)
            );
        }
    }
}

/// For each mark: nothing if there is always room for it, or the class that hides it where there is none.
fn rooms(marks: &[(f64, String)]) -> Vec<&'static str> {
    let half = |place: usize| marks[place].1.chars().count() as f64 * LETTER / 2.0;
    let apart = |one: usize, other: usize, width: f64| {
        (marks[one].0 - marks[other].0).abs() * width >= half(one) + half(other) + BETWEEN
    };
    let (mut classes, mut kept) = (vec![" wide"; marks.len()], Vec::new());
    for (width, class) in [(NARROW, ""), (ROOMY, " roomy")] {
        for (place, shown) in classes.iter_mut().enumerate() {
            if !kept.contains(&place) && kept.iter().all(|other| apart(place, *other, width)) {
                kept.push(place);
                *shown = class;
            }
        }
    }
    classes
}

fn draw_line(svg: &mut String, line: &Line) {
    let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else { return };
    let fine = |part: f64| part.clamp(0.0, 1.0) * FINE;
    let mut path = String::new();
    for (place, point) in line.points.iter().enumerate() {
        let command = if place == 0 || point.begins { 'M' } else { 'L' };
        let _ = write!(path, "{command}{:.1} {:.1}", fine(point.x), FINE - fine(point.y));
    }
    if line.is_area {
        let _ = writeln!(
            svg,
            "<path class=\"area series-{}\" d=\"{path}L{:.1} {FINE}L{:.1} {FINE}Z\"/>",
            line.number,
            fine(last.x),
            fine(first.x)
        );
    }
    let _ = writeln!(svg, "<path class=\"line series-{}\" d=\"{path}\"/>", line.number);
}

/// The points are larger than they look, so that a pointer hits them easily.
fn draw_points(svg: &mut String, line: &Line) {
    let is_alone = line.points.len() == 1;
    for point in &line.points {
        let alone = if is_alone { " alone" } else { "" };
        let _ = writeln!(
            svg,
            "<circle class=\"point series-{}{alone}\" cx=\"{}\" cy=\"{}\" r=\"4\"><title>{}</title></circle>",
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
        // Allow for the rounding error of the powers.
        let is_within = |value: &f64| *value >= self.from * 0.999 && *value <= self.to * 1.001;
        values.into_iter().filter(is_within).map(|value| (self.part(value), label(value))).collect()
    }
}

/// The round numbers around a value.
fn rounds(value: f64) -> Vec<f64> {
    let power = 10_f64.powf(value.log10().floor());
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0].into_iter().map(|step| step * power).collect()
}

/// Escapes text so that it cannot be markup.
pub(super) fn escape(text: &str) -> String {
    // Browsers, too, reverse and hide text.
    let text = printable_lines(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn across(part: f64) -> String {
    percent(part.clamp(0.0, 1.0))
}

fn down(part: f64) -> String {
    percent(1.0 - part.clamp(0.0, 1.0))
}

/// A fraction of the plot's area in percent. It scales with the window, while text keeps its size.
fn percent(part: f64) -> String {
    format!("{:.2}%", part * 100.0)
}

/// The rounding error allowed in a sum of fractions.
const NEARLY: f64 = 1e-6;

/// The field in units of its paths, which know no percents.
const FINE: f64 = 1000.0;

/// The narrowest field, and one with room for twice as many marks, in pixels: see the style sheet.
const NARROW: f64 = 150.0;
const ROOMY: f64 = 330.0;

/// The greatest width of a letter in a mark, and the distance between marks, in pixels.
const LETTER: f64 = 7.5;
const BETWEEN: f64 = 6.0;

const LEAST_HEIGHT: f64 = 0.004;
const LEAST_WIDTH: f64 = 0.004;

#[cfg(test)]
#[path = "plot_tests.rs"]
mod tests;
