//! The text format of Prometheus (version 0.0.4).

use std::fmt::{Display, Write as _};

/// The kind of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A figure that a site has beside those of its server.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
    /// One for each set of labels.
    pub(crate) samples: Vec<(Labels, f64)>,
}

pub(crate) type Labels = Vec<(&'static str, &'static str)>;

impl Figure {
    /// A figure without labels.
    pub(crate) fn plain(name: &'static str, kind: Kind, help: &'static str, value: f64) -> Self {
        Self { name, help, kind, samples: vec![(Vec::new(), value)] }
    }

    /// A figure whose samples differ in one label.
    pub(crate) fn by(
        name: &'static str,
        kind: Kind,
        help: &'static str,
        label: &'static str,
        samples: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> Self {
        let samples = samples.into_iter().map(|(value, count)| (vec![(label, value)], count)).collect();
        Self { name, help, kind, samples }
    }
}

/// A page of metrics.
#[derive(Debug, Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    pub(crate) fn figure(&mut self, figure: &Figure) {
        self.head(figure.name, figure.kind, figure.help);
        for (labels, value) in &figure.samples {
            self.sample(figure.name, "", labels, value);
        }
    }

    /// A histogram: upper bounds with cumulative counts, the count of all, and their sum.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, (bounds, count, sum): (Vec<(f64, u64)>, u64, f64)) {
        self.head(name, Kind::Histogram, help);
        for (bound, below) in bounds {
            self.sample(name, "_bucket", &[("le", &bound.to_string())], below);
        }
        self.sample(name, "_bucket", &[("le", "+Inf")], count);
        self.sample(name, "_sum", &[], sum);
        self.sample(name, "_count", &[], count);
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a string does not fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        let _ = write!(self.0, "{name}{suffix}");
        for (index, (label, text)) in labels.iter().enumerate() {
            let open = if index == 0 { '{' } else { ',' };
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{open}{label}=\"{text}\"");
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}
