//! The page with plots: one file that needs nothing else, runs no script and asks no network for anything.

use std::{
    env,
    fmt::Write as _,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use data_encoding::BASE64;
use ring::digest::{SHA256, digest};

use super::{
    bars,
    plot::{Axis, Bar, Line, Linear, Logarithmic, Plot, Point, escape},
    summary,
    units::{PERCENTILES, bytes, count, duration, rate},
};
use crate::{
    bench::{
        command_line,
        engine::{
            counts::Times,
            load::Task,
            outcome::{Outcome, Sample},
        },
        plan::Plan,
    },
    dialing::shown::shown_url,
    error::Error,
    utc,
};

/// The file, opened before the load begins: it would be a pity to find afterwards that it cannot be.
#[derive(Debug)]
pub(crate) struct ReportFile {
    file: File,
    path: PathBuf,
    run: Run,
}

/// The command line and the time of the load.
#[derive(Debug)]
pub(super) struct Run {
    /// The command line without secrets.
    pub(super) command: String,
    pub(super) began: SystemTime,
}

impl ReportFile {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        match File::create(path) {
            Ok(file) => {
                let run = Run { command: command_line::shown(env::args_os()), began: SystemTime::now() };
                Ok(Self { file, path: path.to_owned(), run })
            }
            Err(error) => Err(failed(path, &error)),
        }
    }

    /// Writes the page, and reports its path.
    pub(crate) fn write(mut self, plan: &Plan, outcome: &Outcome) -> Result<PathBuf, Error> {
        let page = page(plan, outcome, &self.run);
        match self.file.write_all(page.as_bytes()) {
            Ok(()) => Ok(self.path),
            Err(error) => Err(failed(&self.path, &error)),
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Error {
    Error::System(format!("cannot write {}: {error}", path.display()))
}

/// The whole page.
pub(super) fn page(plan: &Plan, outcome: &Outcome, run: &Run) -> String {
    let began = utc::full(run.began);
    let began = &began[..began.len().min("2026-01-31T12:30:00".len())];
    let hash = BASE64.encode(digest(&SHA256, STYLE.as_bytes()).as_ref());
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Load on {url}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>Load on {url}</h1>\n<p>{what}</p>\n\
         <p>Began <time datetime=\"{began}Z\">{in_words} UTC</time>.</p>\n\
         <pre class=\"command\"><code>{command}</code></pre>\n</header>\n",
        command = escape(&run.command),
        in_words = began.replace('T', " "),
        url = escape(&shown_url(&plan.load.target.url)),
        what = escape(&description(plan, outcome)),
    );
    page.push_str(&tiles(plan, outcome));
    page.push_str("<div class=\"plots\">\n");
    for plot in plots(plan, outcome) {
        page.push_str(&plot);
    }
    page.push_str("</div>\n");
    page.push_str(&percentiles(outcome));
    page.push_str(&errors(outcome));
    let _ = write!(
        page,
        "<footer>Made by silverback bench {}. Times of a load generator include its own: where it was near its limit, \
         they say more about it than about the server.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION")
    );
    page
}

fn description(plan: &Plan, outcome: &Outcome) -> String {
    let end = if outcome.is_interrupted { ", interrupted" } else { "" };
    format!("{}; measured for {:.1} s{end}", summary::described(plan), outcome.measured.as_secs_f64())
}

fn tiles(plan: &Plan, outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let mut tiles: Vec<(&str, String, String, bool)> = Vec::new();
    match plan.load.task {
        Task::Hold { .. } => {}
        Task::Handshakes => tiles.push(("Handshakes per second", rate(outcome.rate()), String::new(), false)),
        _ => {
            let traffic = format!("{}/s in", bytes(outcome.per_second(outcome.in_time.bytes_received)));
            tiles.push(("Messages per second", rate(outcome.rate()), traffic, false));
        }
    }
    if let Some(p50) = counts.round_trips.quantile(0.5) {
        tiles.push(("Round trip, median", duration(p50), String::new(), false));
    }
    if let Some(p99) = counts.round_trips.quantile(0.99) {
        let longest =
            counts.round_trips.quantile(1.0).map_or(String::new(), |max| format!("longest {}", duration(max)));
        tiles.push(("Round trip, p99", duration(p99), longest, false));
    }
    if let Some(p99) = counts.connects.quantile(0.99) {
        let median = counts.connects.quantile(0.5).map_or(String::new(), |p50| format!("median {}", duration(p50)));
        tiles.push(("Connecting, p99", duration(p99), median, false));
    }
    if let (Some(planned), Some(unsent)) = (outcome.planned, outcome.unsent) {
        tiles.push(("Planned", count(planned), format!("{} not sent in time", count(unsent)), unsent > 0));
    }
    let errors = outcome.faults.total();
    tiles.push(("Errors", count(errors), format!("{} connections opened", count(outcome.opened)), errors > 0));
    let mut text = String::from("<dl class=\"tiles\">\n");
    for (name, value, more, is_bad) in tiles {
        let class = if is_bad { "tile bad" } else { "tile" };
        let more = if more.is_empty() { more } else { format!("<small>{}</small>", escape(&more)) };
        let _ = writeln!(text, "<div class=\"{class}\"><dt>{name}</dt><dd>{}{more}</dd></div>", escape(&value));
    }
    text + "</dl>\n"
}

fn plots(plan: &Plan, outcome: &Outcome) -> Vec<String> {
    let mut plots = Vec::new();
    if let Some(plot) = distribution(outcome) {
        let legend: &[&str] = match outcome.planned {
            Some(_) => &["from when it was due", "from when it was sent"],
            None if outcome.counts.round_trips.recorded().is_some() => &["round trip"],
            None => &["connecting"],
        };
        plots.push(section("Latency by percentile", legend, &plot));
    }
    if let Some((name, plot)) = histogram(outcome) {
        plots.push(section("Histogram", &[name], &plot));
    }
    if !matches!(plan.load.task, Task::Hold { .. }) && !outcome.series.is_empty() {
        let names: &[&str] = if outcome.is_about_handshakes { &["handshakes"] } else { &["received"] };
        plots.push(section("Throughput over time", names, &throughput(&outcome.series)));
    }
    if outcome.series.iter().any(|sample| sample.p50.is_some()) {
        plots.push(section("Latency over time", &["median", "p99", "longest"], &latency(&outcome.series)));
    }
    if outcome.series.iter().any(|sample| sample.faults > 0) {
        plots.push(section("Errors over time", &[], &faults(&outcome.series)));
    }
    plots
}

fn section(title: &str, legend: &[&str], plot: &Plot) -> String {
    let mut text = format!("<section>\n<h2>{title}</h2>\n<ul class=\"legend\">");
    for (place, name) in legend.iter().enumerate() {
        let _ = write!(text, "<li class=\"series-{}\">{name}</li>", place + 1);
    }
    text + "</ul>\n" + &plot.svg() + "</section>\n"
}

/// Each nine as wide as the one before.
fn distribution(outcome: &Outcome) -> Option<Plot> {
    let counts = &outcome.counts;
    let times = if counts.round_trips.recorded().is_some() { &counts.round_trips } else { &counts.connects };
    let recorded = times.recorded()?;
    // As many nines as there are values to tell them apart.
    let nines = (recorded.len() as f64).log10().clamp(1.0, 6.0);
    let y = Logarithmic::over(least(&[times, &counts.uncorrected]), recorded.max() as f64);
    let line = |number: usize, times: &Times| {
        let points = (0..=POINTS).filter_map(|step| {
            let nine = nines * step as f64 / POINTS as f64;
            let part = 1.0 - 10_f64.powf(-nine);
            let nanos = times.quantile(part)?;
            let says = format!("{} %: {}", percent(part), duration(nanos));
            Some(Point { x: nine / nines, y: y.part(nanos as f64), says, begins: step == 0 })
        });
        Line { number, points: points.collect(), is_area: false }
    };
    let mut lines = vec![line(1, times)];
    if outcome.planned.is_some() {
        lines.push(line(2, &counts.uncorrected));
    }
    let marks: [f64; 8] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999_999];
    let marks = marks.iter().map(|part| (-(1.0 - part).log10() / nines, percent(*part)));
    let x = Axis { title: "percent of all", marks: marks.filter(|(at, _)| *at <= 1.001).collect() };
    let y = Axis { title: "", marks: y.marks(|nanos| duration(nanos as u64)) };
    Some(Plot { description: "Latency by percentile".to_owned(), x, y, lines, bars: Vec::new(), bars_are: "" })
}

/// Plots the number of samples in each span of time. Spans that grow by a constant factor are equally wide on a
/// logarithmic scale.
fn histogram(outcome: &Outcome) -> Option<(&'static str, Plot)> {
    let counts = &outcome.counts;
    let (name, times) = match counts.round_trips.recorded() {
        Some(_) => ("round trip", &counts.round_trips),
        None => ("connecting", &counts.connects),
    };
    let recorded = times.recorded()?;
    let rows = bars::rows(times, BARS);
    let total = recorded.len().max(1) as f64;
    let x = Logarithmic::over(recorded.min() as f64, recorded.max() as f64);
    let y = Linear::up_to(rows.iter().map(|row| row.count).max().unwrap_or(0).max(LEAST_COUNT) as f64);
    let from = [recorded.min().max(1)].into_iter().chain(rows.iter().map(|row| row.to));
    let bar = |(from, row): (u64, &bars::Row)| Bar {
        from: x.part(from as f64),
        to: x.part(row.to as f64),
        y: y.part(row.count as f64),
        says: format!(
            "{} to {}: {} ({:.1} %)",
            duration(from),
            duration(row.to),
            count(row.count),
            row.count as f64 / total * 100.0
        ),
    };
    let bars = from.zip(&rows).filter(|(_, row)| row.count > 0).map(bar).collect();
    let plot = Plot {
        description: format!("Histogram of {name}"),
        x: Axis { title: "up to", marks: x.marks(|nanos| duration(nanos as u64)) },
        y: Axis { title: "count", marks: y.marks(short) },
        lines: Vec::new(),
        bars,
        bars_are: "series-1",
    };
    Some((name, plot))
}

fn throughput(series: &[Sample]) -> Plot {
    let per_second = |sample: &Sample| sample.received as f64 / sample.seconds;
    let y = Linear::up_to(series.iter().map(per_second).fold(0.0, f64::max));
    let x = time_scale(series);
    let point = |sample: &Sample| Point {
        x: x.part(sample.at),
        y: y.part(per_second(sample)),
        says: format!("{:.1} s: {} per second", sample.at, rate(per_second(sample))),
        begins: false,
    };
    let lines = vec![Line { number: 1, points: series.iter().map(point).collect(), is_area: true }];
    Plot {
        description: "Throughput over time".to_owned(),
        x: time_axis(x),
        y: Axis { title: "per second", marks: y.marks(short) },
        lines,
        bars: Vec::new(),
        bars_are: "",
    }
}

fn latency(series: &[Sample]) -> Plot {
    let x = time_scale(series);
    let least = series.iter().filter_map(|sample| sample.p50).min().unwrap_or(1);
    let most = series.iter().filter_map(|sample| sample.max).max().unwrap_or(1);
    let y = Logarithmic::over(least as f64, most as f64);
    let figures: [Figure; 3] =
        [("median", |sample| sample.p50), ("p99", |sample| sample.p99), ("longest", |sample| sample.max)];
    let lines = figures.iter().enumerate().map(|(place, (name, figure))| {
        let mut begins = true;
        let points = series.iter().filter_map(|sample| {
            // Break the line where no answers arrived.
            let Some(nanos) = figure(sample) else {
                begins = true;
                return None;
            };
            let says = format!("{:.1} s: {name} {}", sample.at, duration(nanos));
            let begins = std::mem::take(&mut begins);
            Some(Point { x: x.part(sample.at), y: y.part(nanos as f64), says, begins })
        });
        Line { number: place + 1, points: points.collect(), is_area: false }
    });
    Plot {
        description: "Latency over time: median, 99th percentile and longest".to_owned(),
        x: time_axis(x),
        y: Axis { title: "", marks: y.marks(|nanos| duration(nanos as u64)) },
        lines: lines.collect(),
        bars: Vec::new(),
        bars_are: "",
    }
}

/// The name of a line over time, and the figure that it shows.
type Figure = (&'static str, fn(&Sample) -> Option<u64>);

fn faults(series: &[Sample]) -> Plot {
    let x = time_scale(series);
    let y = Linear::up_to(series.iter().map(|sample| sample.faults).max().unwrap_or(0).max(LEAST_COUNT) as f64);
    let bar = |sample: &Sample| Bar {
        from: x.part(sample.at - sample.seconds),
        to: x.part(sample.at),
        y: y.part(sample.faults as f64),
        says: format!("{:.1} s, errors: {}", sample.at, sample.faults),
    };
    Plot {
        description: "Errors over time".to_owned(),
        x: time_axis(x),
        y: Axis { title: "errors", marks: y.marks(short) },
        lines: Vec::new(),
        bars: series.iter().filter(|sample| sample.faults > 0).map(bar).collect(),
        bars_are: "bad",
    }
}

fn percentiles(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let corrected = if outcome.planned.is_some() { "Round trip, from plan" } else { "Round trip" };
    let rows: [(&str, &Times); 5] = [
        (corrected, &counts.round_trips),
        ("Round trip, from sending", &counts.uncorrected),
        ("Sent late by", &counts.delays),
        ("Fan-out, first to last", &counts.fan_outs),
        ("Connecting", &counts.connects),
    ];
    let mut text = String::from(
        "<section class=\"wide\">\n<h2>Percentiles</h2>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Percentiles\"><table>\n<thead><tr>",
    );
    for name in ["measured", "count", "p50", "p75", "p90", "p99", "p99.9", "p99.99", "max", "mean"] {
        let _ = write!(text, "<th scope=\"col\">{name}</th>");
    }
    text.push_str("</tr></thead>\n<tbody>\n");
    for (name, times) in rows {
        let Some(recorded) = times.recorded() else { continue };
        let _ = write!(text, "<tr><th scope=\"row\">{name}</th><td>{}</td>", count(recorded.len()));
        let figures = PERCENTILES.iter().map(|(_, part)| recorded.value_at_quantile(*part));
        for nanos in figures.chain([recorded.max(), recorded.mean() as u64]) {
            let _ = write!(text, "<td>{}</td>", duration(nanos));
        }
        text.push_str("</tr>\n");
    }
    text + "</tbody>\n</table></div>\n</section>\n"
}

fn errors(outcome: &Outcome) -> String {
    if outcome.faults.total() == 0 {
        return String::new();
    }
    let mut text = String::from(
        "<section class=\"wide\">\n<h2>Errors by cause</h2>\n\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Errors by cause\"><table>\n<thead><tr>\
         <th scope=\"col\">cause</th><th scope=\"col\">count</th><th scope=\"col\" class=\"words\">the first said</th>\
         </tr></thead>\n<tbody>\n",
    );
    for (cause, fault) in outcome.faults.iter() {
        let _ = writeln!(
            text,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td class=\"words\">{}</td></tr>",
            escape(&cause.describe()),
            count(fault.count),
            escape(&fault.example)
        );
    }
    text + "</tbody>\n</table></div>\n</section>\n"
}

fn time_scale(series: &[Sample]) -> Linear {
    Linear::exactly(series.last().map_or(1.0, |sample| sample.at))
}

fn time_axis(scale: Linear) -> Axis {
    Axis { title: "seconds", marks: scale.marks(|seconds| format!("{}", (seconds * 100.0).round() / 100.0)) }
}

fn least(times: &[&Times]) -> f64 {
    times.iter().filter_map(|times| times.recorded()).map(|recorded| recorded.min()).min().unwrap_or(1) as f64
}

/// `99.9` for 0.999, without the digits that a sum of powers leaves.
fn percent(part: f64) -> String {
    let text = format!("{:.4}", part * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number for an axis: `12k`, `1.5M`.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", (value / 1e5).round() / 10.0),
        1e3.. => format!("{}k", (value / 1e2).round() / 10.0),
        _ => format!("{}", (value * 10.0).round() / 10.0),
    }
}

const STYLE: &str = include_str!("report.css");

/// A scale of counts has no fractions.
const LEAST_COUNT: u64 = 4;

/// Of the histogram, at most.
const BARS: usize = 40;

/// Of a line of percentiles.
const POINTS: usize = 120;

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
