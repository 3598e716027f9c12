//! The figures of a server: as metrics for Prometheus, and as JSON. Both come from one list.

use std::{process, time::SystemTime};

use serde_json::{Map, Value, json};

use super::{
    operated::{Operated, Queues},
    process as own_process,
};
use crate::{
    serving::monitor::{
        exposition::{Distribution, Exposition, Figure, Kind, Sample, merged},
        registry::Registry,
    },
    utc,
};

/// Returns the metrics.
pub(super) fn metrics(site: &Operated) -> String {
    let reported = site.places.monitor.registry().map(Registry::figures).unwrap_or_default();
    let all = server_figures(site, site.queues()).into_iter().chain(reported);
    let all = all.chain(site.site.figures()).chain(own_process::figures());
    let mut page = Exposition::default();
    merged(all).iter().for_each(|figure| page.figure(figure));
    page.into_text()
}

/// Returns the figures as one JSON object.
pub(super) fn stats(site: &Operated) -> String {
    let queues = site.queues();
    let monitor = &site.places.monitor;
    let reported = Reported(monitor.registry().map(Registry::figures).unwrap_or_default());
    let (open, limit) = site.places.taken();
    let uptime = SystemTime::now().duration_since(monitor.started).unwrap_or_default();
    let figures = |figures: Vec<Figure>| -> Vec<Value> { figures.iter().flat_map(figure_rows).collect() };
    let mut closes: Vec<_> = reported.rows("websocket_closes_total").collect();
    closes.sort_by_key(|(labels, _)| (label(labels, "code"), label(labels, "side")));
    let closes = closes
        .iter()
        .map(|(labels, count)| json!({ "code": label(labels, "code"), "side": label(labels, "side"), "count": count }));
    let data = |direction| ["text", "binary"].map(|opcode| [("direction", direction), ("opcode", opcode)]);
    let messages = |direction| -> u64 {
        data(direction).iter().map(|labels| reported.sum("websocket_messages_total", labels)).sum()
    };
    let bytes = |name, direction| reported.sum(name, &[("direction", direction)]);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": process::id(),
        "started": utc::full(monitor.started),
        "uptime_s": uptime.as_secs_f64(),
        "ready": site.is_ready(),
        "draining": site.places.draining().is_some(),
        "connections": {
            "open": open,
            "limit": limit,
            "opened": reported.by("websocket_connections_total", "http"),
        },
        "handshakes": reported.by("websocket_handshakes_total", "result"),
        "closes": closes.collect::<Vec<_>>(),
        "protocol_errors": reported.by("websocket_protocol_errors_total", "kind"),
        "traffic": {
            "messages_in": messages("in"),
            "messages_out": messages("out"),
            "payload_in": bytes("websocket_payload_bytes_total", "in"),
            "payload_out": bytes("websocket_payload_bytes_total", "out"),
            "bytes_in": bytes("websocket_wire_bytes_total", "in"),
            "bytes_out": bytes("websocket_wire_bytes_total", "out"),
        },
        "round_trip": reported.mean("websocket_ping_rtt_seconds"),
        "handshake_time": reported.mean("websocket_handshake_duration_seconds"),
        "queue": { "bytes": queues.bytes, "largest": queues.largest, "slow": queues.slow },
        "site": figures(site.site.figures()),
        "engine": site.site.engine(),
        "process": figures(own_process::figures()),
    })
    .to_string()
}

/// The figures of the registry.
struct Reported(Vec<Figure>);

impl Reported {
    fn samples(&self, name: &str) -> impl Iterator<Item = &(Vec<(String, String)>, Sample)> {
        self.0.iter().filter(move |figure| figure.name == name).flat_map(|figure| &figure.samples)
    }

    /// Returns the labels and the value of each counter.
    fn rows(&self, name: &str) -> impl Iterator<Item = (&[(String, String)], u64)> {
        self.samples(name).filter_map(|(labels, sample)| match sample {
            Sample::Number(value) => Some((labels.as_slice(), *value as u64)),
            Sample::Distribution(_) => None,
        })
    }

    /// Returns the sum of the counters with these labels.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        let has_all = |own: &[(String, String)]| labels.iter().all(|(name, value)| label(own, name) == Some(value));
        self.rows(name).filter(|(own, _)| has_all(own)).map(|(_, value)| value).sum()
    }

    /// Returns the counters by one of their labels.
    fn by(&self, name: &str, by: &str) -> Map<String, Value> {
        self.rows(name).filter_map(|(labels, value)| Some((label(labels, by)?.to_owned(), value.into()))).collect()
    }

    /// Returns the number and the mean of a histogram, in milliseconds.
    fn mean(&self, name: &str) -> Value {
        let distributions = self.samples(name).filter_map(|(_, sample)| match sample {
            Sample::Distribution(values) => Some(values),
            Sample::Number(_) => None,
        });
        let (count, sum) =
            distributions.fold((0, 0.0), |(count, sum), more: &Distribution| (count + more.count, sum + more.sum));
        json!({ "count": count, "mean_ms": (count > 0).then(|| sum * 1000.0 / count as f64) })
    }
}

fn label<'a>(labels: &'a [(String, String)], name: &str) -> Option<&'a str> {
    labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn figure_rows(figure: &Figure) -> impl Iterator<Item = Value> {
    figure.samples.iter().map(|(labels, sample)| {
        let labels: Map<String, Value> =
            labels.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
        let value = match sample {
            Sample::Number(value) => *value,
            // The mean, because a person has no use for buckets.
            Sample::Distribution(values) => values.sum / values.count.max(1) as f64,
        };
        json!({ "name": figure.name, "help": figure.help, "labels": labels, "value": value })
    })
}

/// The figures that the server knows and the library does not.
fn server_figures(site: &Operated, queues: Queues) -> Vec<Figure> {
    let monitor = &site.places.monitor;
    let (_, limit) = site.places.taken();
    let gauge = Kind::Gauge;
    let since_epoch = monitor.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    vec![
        Figure::by("build_info", gauge, "The version of this program.", "version", [(env!("CARGO_PKG_VERSION"), 1.0)]),
        Figure::plain("process_start_time_seconds", gauge, "When it started.", since_epoch.as_secs_f64()),
        Figure::plain("websocket_connections_limit", gauge, "The most WebSockets at a time.", limit as f64),
        Figure::plain("websocket_send_queue_largest_bytes", gauge, "The longest such queue.", queues.largest as f64),
        Figure::plain("websocket_slow_consumers", gauge, "WebSockets with at least 64 KiB queued.", queues.slow as f64),
        Figure::plain(
            "websocket_draining",
            gauge,
            "1 while the server drains.",
            f64::from(u8::from(site.places.draining().is_some())),
        ),
    ]
}
