//! The text format of Prometheus (version 0.0.4).

use std::{
    borrow::Cow,
    fmt::{Display, Write as _},
};

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A metric with its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) name: Cow<'static, str>,
    pub(crate) help: Cow<'static, str>,
    pub(crate) kind: Kind,
    /// One for each set of labels.
    pub(crate) samples: Vec<(Labels, Sample)>,
}

pub(crate) type Labels = Vec<(String, String)>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Sample {
    Number(f64),
    Distribution(Distribution),
}

/// The values of a histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    /// Upper bounds with the number of values up to each.
    pub(crate) buckets: Vec<(f64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: f64,
}

impl Figure {
    /// A figure without labels.
    pub(crate) fn plain(name: &'static str, kind: Kind, help: &'static str, value: f64) -> Self {
        let samples = vec![(Vec::new(), Sample::Number(value))];
        Self { name: name.into(), help: help.into(), kind, samples }
    }

    /// A figure whose samples differ in one label.
    pub(crate) fn by<'a>(
        name: &'static str,
        kind: Kind,
        help: &'static str,
        label: &'static str,
        samples: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Self {
        let sample = |(value, count): (&str, f64)| (vec![(label.to_owned(), value.to_owned())], Sample::Number(count));
        Self { name: name.into(), help: help.into(), kind, samples: samples.into_iter().map(sample).collect() }
    }

    /// A histogram without labels.
    pub(crate) fn histogram(name: &'static str, help: &'static str, values: Distribution) -> Self {
        let samples = vec![(Vec::new(), Sample::Distribution(values))];
        Self { name: name.into(), help: help.into(), kind: Kind::Histogram, samples }
    }
}

/// Joins the samples of figures with one name, which come from different places.
pub(crate) fn merged(figures: impl IntoIterator<Item = Figure>) -> Vec<Figure> {
    let mut all: Vec<Figure> = Vec::new();
    for figure in figures {
        match all.iter_mut().find(|known| known.name == figure.name) {
            Some(known) => known.samples.extend(figure.samples),
            None => all.push(figure),
        }
    }
    all
}

/// A page of metrics.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    pub(crate) fn figure(&mut self, figure: &Figure) {
        let Figure { name, help, kind, samples } = figure;
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, sample) in samples {
            match sample {
                Sample::Number(value) => self.sample(name, "", labels, None, value),
                Sample::Distribution(Distribution { buckets, count, sum }) => {
                    for (bound, below) in buckets {
                        self.sample(name, "_bucket", labels, Some(&bound.to_string()), below);
                    }
                    self.sample(name, "_bucket", labels, Some("+Inf"), count);
                    self.sample(name, "_sum", labels, None, sum);
                    self.sample(name, "_count", labels, None, count);
                }
            }
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &Labels, bound: Option<&str>, value: impl Display) {
        let _ = write!(self.0, "{name}{suffix}");
        let labels = labels.iter().map(|(label, text)| (label.as_str(), text.as_str()));
        let mut open = '{';
        for (label, text) in labels.chain(bound.map(|bound| ("le", bound))) {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
            open = ',';
        }
        let close = if open == ',' { "}" } else { "" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}
