//! The recorder of the crate `metrics` in this program. The library and this program report to it, and the listener for
//! operators shows its metrics. Without such a listener there is no recorder, and nothing is counted.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit, counter,
    describe_histogram, gauge,
};

use super::{
    exposition::{Distribution, Figure, Kind, Sample},
    record::VERSIONS,
};

/// All metrics that were reported.
#[derive(Default)]
pub(crate) struct Registry(Mutex<State>);

#[derive(Default)]
struct State {
    families: BTreeMap<String, Family>,
    series: usize,
}

struct Family {
    kind: Kind,
    help: String,
    samples: Vec<(Key, Value)>,
}

#[derive(Clone)]
enum Value {
    Counter(Arc<AtomicU64>),
    /// The bits of a float.
    Gauge(Arc<AtomicU64>),
    Histogram(Arc<Buckets>),
}

/// A histogram with fixed bounds.
struct Buckets {
    bounds: &'static [f64],
    /// Not cumulative. The last one has no upper bound.
    counts: Vec<AtomicU64>,
    /// In microseconds.
    sum: AtomicU64,
}

impl Registry {
    /// Makes this the recorder of the process, and returns it. `results` are those of handshakes.
    pub(super) fn install(results: &[&'static str]) -> Arc<Self> {
        static OF_THE_PROCESS: LazyLock<Arc<Registry>> = LazyLock::new(Arc::default);
        // It fails only the second time, and then it is installed already.
        let _ = metrics::set_global_recorder(OF_THE_PROCESS.clone());
        silverback::metrics::describe();
        describe_histogram!(HANDSHAKE_DURATION, Unit::Seconds, "From the first byte of a client to its WebSocket.");
        // Present from the start, so that the first one is a rise from zero.
        for result in results {
            counter!(HANDSHAKES, "role" => "server", "result" => *result).increment(0);
        }
        for version in VERSIONS {
            counter!("websocket_connections_total", "role" => "server", "http" => version).increment(0);
        }
        gauge!("websocket_connections", "role" => "server").increment(0.0);
        OF_THE_PROCESS.clone()
    }

    /// Returns all metrics, in the order of their names.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let state = self.lock();
        let figure = |(name, family): (&String, &Family)| Figure {
            name: name.clone().into(),
            help: family.help.clone().into(),
            kind: family.kind,
            samples: family.samples.iter().map(|(key, value)| (labels(key), value.read())).collect(),
        };
        // A metric that is described and never used says nothing.
        state.families.iter().filter(|(_, family)| !family.samples.is_empty()).map(figure).collect()
    }

    fn describe(&self, name: &KeyName, kind: Kind, help: &SharedString) {
        family(&mut self.lock().families, name.as_str(), kind).help = help.as_ref().to_owned();
    }

    /// Returns the value of a metric with these labels, and makes it if it is new. `None` if there are too many.
    fn value(&self, key: &Key, kind: Kind, new: impl FnOnce() -> Value) -> Option<Value> {
        let mut state = self.lock();
        let State { families, series } = &mut *state;
        let family = family(families, key.name(), kind);
        if let Some((_, value)) = family.samples.iter().find(|(known, _)| known == key) {
            return Some(value.clone());
        }
        if *series >= MOST_SERIES || family.kind != kind {
            return None;
        }
        *series += 1;
        let value = new();
        family.samples.push((key.clone(), value.clone()));
        Some(value)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorder for Registry {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&key, Kind::Counter, &description);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&key, Kind::Gauge, &description);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, description: SharedString) {
        self.describe(&key, Kind::Histogram, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.value(key, Kind::Counter, || Value::Counter(Arc::default())) {
            Some(Value::Counter(value)) => Counter::from_arc(value),
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.value(key, Kind::Gauge, || Value::Gauge(Arc::default())) {
            Some(Value::Gauge(value)) => Gauge::from_arc(value),
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.value(key, Kind::Histogram, || Value::Histogram(Arc::new(Buckets::new(bounds(key.name()))))) {
            Some(Value::Histogram(value)) => Histogram::from_arc(value),
            _ => Histogram::noop(),
        }
    }
}

impl Value {
    fn read(&self) -> Sample {
        match self {
            Self::Counter(value) => Sample::Number(value.load(Ordering::Relaxed) as f64),
            Self::Gauge(value) => Sample::Number(f64::from_bits(value.load(Ordering::Relaxed))),
            Self::Histogram(buckets) => Sample::Distribution(buckets.read()),
        }
    }
}

impl Buckets {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(), sum: AtomicU64::new(0) }
    }

    fn read(&self) -> Distribution {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let mut count = 0;
        let cumulative: Vec<u64> = counts
            .map(|more| {
                count += more;
                count
            })
            .collect();
        let buckets = self.bounds.iter().copied().zip(cumulative).collect();
        Distribution { buckets, count, sum: self.sum.load(Ordering::Relaxed) as f64 / 1e6 }
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        let index = self.bounds.iter().position(|bound| value <= *bound).unwrap_or(self.bounds.len());
        self.counts[index].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("series", &self.lock().series).finish_non_exhaustive()
    }
}

/// Returns the metric of this name, and makes it if it is new.
fn family<'a>(families: &'a mut BTreeMap<String, Family>, name: &str, kind: Kind) -> &'a mut Family {
    let new = || Family { kind, help: String::new(), samples: Vec::new() };
    families.entry(name.to_owned()).or_insert_with(new)
}

fn labels(key: &Key) -> Vec<(String, String)> {
    key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect()
}

fn bounds(name: &str) -> &'static [f64] {
    // From a client that leaves at once to one that stays for a day.
    const CONNECTION: &[f64] = &[1.0, 10.0, 60.0, 300.0, 1800.0, 3600.0, 21_600.0, 86_400.0];
    // From one machine to the other side of the world over a bad network.
    const NETWORK: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    if name == "websocket_connection_duration_seconds" { CONNECTION } else { NETWORK }
}

pub(super) const HANDSHAKES: &str = "websocket_handshakes_total";
pub(super) const HANDSHAKE_DURATION: &str = "websocket_handshake_duration_seconds";

/// The most combinations of names and labels. The labels of the library and of this program make about a hundred.
const MOST_SERIES: usize = 1000;

#[cfg(test)]
mod tests {
    //! Values, labels and the limit.
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::serving::monitor::exposition::Exposition;

    fn key(name: &'static str, label: &str) -> Key {
        Key::from_parts(name, vec![metrics::Label::new("of", label.to_owned())])
    }

    const METADATA: Metadata<'_> = Metadata::new("", metrics::Level::INFO, None);

    #[test]
    fn what_is_reported_is_shown() {
        let registry = Registry::default();
        registry.describe_counter("a_total".into(), None, "Things.".into());
        registry.describe_gauge("never".into(), None, "Not reported.".into());
        registry.register_counter(&key("a_total", "x"), &METADATA).increment(2);
        registry.register_counter(&key("a_total", "x"), &METADATA).increment(1);
        registry.register_gauge(&key("b", "y\"\n"), &METADATA).increment(2.5);
        let histogram = registry.register_histogram(&key("websocket_connection_duration_seconds", "z"), &METADATA);
        [0.0, 1.0, 5.0, 100_000.0].into_iter().for_each(|seconds: f64| histogram.record(seconds));
        let mut page = Exposition::default();
        registry.figures().iter().for_each(|figure| page.figure(figure));
        let text = page.into_text();
        assert!(text.starts_with("# HELP a_total Things.\n# TYPE a_total counter\na_total{of=\"x\"} 3\n"), "{text}");
        assert!(text.contains("b{of=\"y\\\"\\n\"} 2.5\n") && !text.contains("never"), "{text}");
        assert!(text.contains("_seconds_bucket{of=\"z\",le=\"1\"} 2\n") && text.contains("le=\"10\"} 3\n"), "{text}");
        assert!(text.contains("le=\"+Inf\"} 4\n") && text.contains("_sum{of=\"z\"} 100006\n"), "{text}");
        assert!(text.ends_with("_count{of=\"z\"} 4\n"), "{text}");
    }

    #[test]
    fn the_number_of_series_has_a_limit() {
        let registry = Registry::default();
        for number in 0..2 * MOST_SERIES {
            registry.register_counter(&key("a_total", &number.to_string()), &METADATA).increment(1);
        }
        assert_eq!(registry.figures()[0].samples.len(), MOST_SERIES);
    }
}
