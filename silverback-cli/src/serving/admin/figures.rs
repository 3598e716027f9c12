//! The figures of a server: as metrics for Prometheus, and as JSON.

use std::{process, time::SystemTime};

use serde_json::{Map, Value, json};

use super::{operated::Operated, process as own_process};
use crate::{
    serving::monitor::{
        Sums,
        exposition::{Exposition, Figure, Kind},
    },
    utc,
};

/// Queued output, over the open WebSockets.
#[derive(Clone, Copy, Debug, Default)]
struct Queues {
    bytes: u64,
    largest: u64,
    slow: u64,
}

/// Returns the metrics.
pub(super) fn metrics(site: &Operated) -> String {
    let (traffic, queues) = sums(site);
    let mut page = Exposition::default();
    server_figures(site, traffic, queues).iter().for_each(|figure| page.figure(figure));
    page.histogram(
        "websocket_connection_duration_seconds",
        "How long WebSockets that have ended were open.",
        site.places.monitor.durations.snapshot(),
    );
    site.site.figures().iter().chain(&own_process::figures()).for_each(|figure| page.figure(figure));
    page.into_text()
}

/// Returns the figures as one JSON object.
pub(super) fn stats(site: &Operated) -> String {
    let (traffic, queues) = sums(site);
    let monitor = &site.places.monitor;
    let (open, limit) = site.places.taken();
    let uptime = SystemTime::now().duration_since(monitor.started).unwrap_or_default();
    let closes = monitor.closes.counts().map(|(code, side, count)| json!({"code": code, "side": side, "count": count}));
    let counts = |counts: &mut dyn Iterator<Item = (&'static str, u64)>| -> Map<String, Value> {
        counts.map(|(name, count)| (name.to_owned(), count.into())).collect()
    };
    let figures = |figures: Vec<Figure>| -> Vec<Value> { figures.iter().flat_map(figure_rows).collect() };
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "pid": process::id(),
        "started": utc::full(monitor.started),
        "uptime_s": uptime.as_secs_f64(),
        "ready": site.is_ready(),
        "draining": site.places.draining().is_some(),
        "connections": { "open": open, "limit": limit, "opened": counts(&mut monitor.opened()) },
        "handshakes": counts(&mut monitor.handshakes()),
        "closes": closes.collect::<Vec<_>>(),
        "traffic": {
            "messages_in": traffic.messages_in,
            "messages_out": traffic.messages_out,
            "bytes_in": traffic.bytes_in,
            "bytes_out": traffic.bytes_out,
        },
        "queue": { "bytes": queues.bytes, "largest": queues.largest, "slow": queues.slow },
        "site": figures(site.site.figures()),
        "process": figures(own_process::figures()),
    })
    .to_string()
}

fn figure_rows(figure: &Figure) -> impl Iterator<Item = Value> {
    figure.samples.iter().map(|(labels, value)| {
        let labels: Map<String, Value> =
            labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        json!({ "name": figure.name, "help": figure.help, "labels": labels, "value": value })
    })
}

fn sums(site: &Operated) -> (Sums, Queues) {
    let mut open = Sums::default();
    let mut queues = Queues::default();
    for (writer, _) in site.open.iter().flat_map(|open| open.records()) {
        let stats = writer.stats();
        let queued = stats.queued_output as u64;
        open.add(&stats);
        queues.bytes += queued;
        queues.largest = queues.largest.max(queued);
        queues.slow += u64::from(queued >= SLOW);
    }
    (site.places.monitor.traffic(open), queues)
}

fn server_figures(site: &Operated, traffic: Sums, queues: Queues) -> Vec<Figure> {
    let monitor = &site.places.monitor;
    let (open, limit) = site.places.taken();
    let floats = |(name, count): (&'static str, u64)| (name, count as f64);
    let (counter, gauge) = (Kind::Counter, Kind::Gauge);
    let since_epoch = monitor.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let opened = monitor.opened().map(|(version, count)| (vec![("role", "server"), ("http", version)], count as f64));
    let closes =
        monitor.closes.counts().map(|(code, side, count)| (vec![("code", code), ("side", side)], count as f64));
    vec![
        Figure {
            name: "build_info",
            help: "The version of this program.",
            kind: gauge,
            samples: vec![(vec![("version", env!("CARGO_PKG_VERSION"))], 1.0)],
        },
        Figure::plain("process_start_time_seconds", gauge, "When it started.", since_epoch.as_secs_f64()),
        Figure::plain("websocket_connections", gauge, "Open WebSockets.", open as f64),
        Figure::plain("websocket_connections_limit", gauge, "The most WebSockets at a time.", limit as f64),
        Figure {
            name: "websocket_connections_total",
            help: "WebSockets that were opened, by version of HTTP.",
            kind: counter,
            samples: opened.collect(),
        },
        Figure::by(
            "websocket_handshakes_total",
            counter,
            "Handshakes, by their result.",
            "result",
            monitor.handshakes().map(floats),
        ),
        Figure {
            name: "websocket_closes_total",
            help: "WebSockets that have ended, by the code and the side that began to close.",
            kind: counter,
            samples: closes.collect(),
        },
        Figure::by(
            "websocket_protocol_errors_total",
            counter,
            "WebSockets that this server closed for a fault of the client.",
            "kind",
            monitor.closes.protocol_errors().map(floats),
        ),
        Figure::by(
            "websocket_messages_total",
            counter,
            "Data messages.",
            "direction",
            [("in", traffic.messages_in as f64), ("out", traffic.messages_out as f64)],
        ),
        Figure::by(
            "websocket_wire_bytes_total",
            counter,
            "Bytes of frames with their headers, as compressed, before TLS.",
            "direction",
            [("in", traffic.bytes_in as f64), ("out", traffic.bytes_out as f64)],
        ),
        Figure::plain(
            "websocket_send_queue_bytes",
            gauge,
            "Output that clients have not taken yet.",
            queues.bytes as f64,
        ),
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

/// What a client that reads at all takes in one go.
const SLOW: u64 = 64 * 1024;
