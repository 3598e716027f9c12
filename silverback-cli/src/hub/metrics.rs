//! `/metrics` in the text format of Prometheus, on an address of its own. No label comes from a client.

use std::{fmt::Write as _, sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use silverback::proto::handshake::ServerHandshake;
use silverback_hub::Hub;

use crate::serving::{
    answers::{response, text},
    open_connections::{Ended, Places},
    site::{Body, Calling, Opening, Refused, Resource, Site, Words},
    sockets::Client,
};

/// The metrics of a hub.
#[derive(Debug)]
pub(crate) struct MetricsSite {
    pub(crate) hub: Hub,
    /// Those of the server that clients connect to.
    pub(crate) places: Arc<Places>,
    /// The kind of the engine.
    pub(crate) engine: &'static str,
    pub(crate) started: SystemTime,
}

impl Site for MetricsSite {
    fn resource(&self, request: &Request<()>) -> Resource {
        if request.uri().path() == "/metrics" { Resource::Document } else { Resource::Missing }
    }

    fn document(&self, _: &Request<()>) -> Option<Response<Body>> {
        let mut response = response(StatusCode::OK, self.exposition().into_bytes());
        response.headers_mut().extend([
            (CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ]);
        Some(response)
    }

    fn open(&self, _: &Request<()>, _: &ServerHandshake, _: Client) -> Result<Opening, Refused> {
        Err(Box::new(text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes())))
    }

    fn call(&self, _: Request<Bytes>) -> Calling {
        Box::pin(async { text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes()) })
    }

    fn is_ready(&self) -> bool {
        self.hub.is_ready() && self.places.draining().is_none()
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: "/metrics", what_this_is: NOT_FOUND, not_found: NOT_FOUND }
    }
}

impl MetricsSite {
    fn exposition(&self) -> String {
        let mut page = Page::default();
        let connections = self.places.statistics();
        page.gauge("websocket_connections", "WebSockets that are open.", connections.open);
        page.family("websocket_connections_total", "counter", "WebSockets that were opened, by the version of HTTP.");
        for (version, count) in ["1.1", "2", "3"].iter().zip(connections.opened) {
            page.labelled("websocket_connections_total", &[("role", "server"), ("http", version)], count);
        }
        page.family("websocket_handshakes_total", "counter", "Handshakes by their result.");
        for (result, count) in [("accepted", connections.opened.iter().sum()), ("refused", connections.refused)] {
            page.labelled("websocket_handshakes_total", &[("result", result)], count);
        }
        // Only the reader of a connection knows what came in.
        let Ended { messages_sent, bytes_sent, .. } = connections.traffic;
        page.family("websocket_messages_total", "counter", "Messages of WebSockets.");
        page.labelled("websocket_messages_total", &[("direction", "out")], messages_sent);
        page.family("websocket_wire_bytes_total", "counter", "Bytes of WebSockets on the wire, without TLS.");
        page.labelled("websocket_wire_bytes_total", &[("direction", "out")], bytes_sent);
        page.gauge(
            "websocket_send_queue_bytes",
            "Bytes that connections have accepted and not sent.",
            connections.queued,
        );
        page.family("websocket_closes_total", "counter", "WebSockets that have ended, by the code of the client.");
        for (code, count) in connections.closes {
            page.labelled("websocket_closes_total", &[("code", &code)], count);
        }
        self.of_hub(&mut page);
        page.family("build_info", "gauge", "The version of the program.");
        page.labelled("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        of_process(&mut page, self.started);
        page.text
    }

    fn of_hub(&self, page: &mut Page) {
        let counters = self.hub.counters();
        page.gauge("hub_members", "Members of this node.", counters.members);
        page.gauge("hub_channels", "Topics with members on this node.", counters.topics);
        page.gauge("hub_subscriptions", "Subscriptions on this node.", counters.subscriptions);
        page.gauge("hub_member_queue_bytes", "Bytes that wait for slow members.", counters.backlog_bytes);
        page.counter(
            "hub_publications_total",
            "Publications of this node that the engine has accepted.",
            counters.published,
        );
        page.counter("hub_deliveries_total", "Messages that connections have accepted.", counters.delivered);
        page.counter(
            "hub_duplicates_total",
            "Publications that arrived twice and were passed on once.",
            counters.duplicates,
        );
        page.counter(
            "hub_gaps_total",
            "Times that publications were missing between the engine and this node.",
            counters.gaps,
        );
        page.counter("hub_incomplete_total", "Times that the history did not have them.", counters.incomplete);
        page.counter(
            "websocket_slow_consumers_total",
            "Members that were closed because they read slowly.",
            counters.disconnected,
        );
        page.family("hub_dropped_total", "counter", "Publications that slow members lost, by the policy.");
        for (policy, count) in [
            ("drop-newest", counters.dropped_newest),
            ("drop-oldest", counters.dropped_oldest),
            ("conflate", counters.conflated),
        ] {
            page.labelled("hub_dropped_total", &[("policy", policy)], count);
        }
        page.family("hub_backplane_up", "gauge", "Whether the engine has its broker and this node does not drain.");
        page.labelled("hub_backplane_up", &[("engine", self.engine)], u64::from(self.hub.is_ready()));
    }
}

/// What the system says about the process, where it does.
fn of_process(page: &mut Page, started: SystemTime) {
    let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    page.gauge("process_start_time_seconds", "When the process began, in seconds since 1970.", started);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    if let Some(kib) = resident.and_then(|text| text.parse::<u64>().ok()) {
        page.gauge("process_resident_memory_bytes", "Memory of the process in use.", kib * 1024);
    }
    if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
        page.gauge("process_open_fds", "Open descriptors of the process.", descriptors.count() as u64);
    }
}

/// A page of metrics.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    /// The labels are words of this program, so they need no escapes.
    fn labelled(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<_> = labels.iter().map(|(label, value)| format!("{label}=\"{value}\"")).collect();
        let _ = writeln!(self.text, "{name}{{{}}} {value}", labels.join(","));
    }
}

const NOT_FOUND: &str = "Metrics are at /metrics, health checks at /healthz and /readyz.\n";
