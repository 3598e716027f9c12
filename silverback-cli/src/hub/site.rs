//! The paths of the hub.

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, VARY},
};
use serde_json::{Value, json};
use silverback::{CloseCode, proto::handshake::ServerHandshake};
use silverback_centrifugo::{Format, Server};
use silverback_hub::{Counters, LocalTopics, Status};

use super::raw;
use crate::{
    service::page::{self, Serves},
    serving::{
        answers::text,
        monitor::exposition::{Distribution, Figure, Kind},
        site::{Body, Calling, Opening, Refused, Resource, Site, Words},
        sockets::Client,
    },
};

/// The hub, for clients of Centrifugo, raw clients, and other services.
#[derive(Debug)]
pub(crate) struct HubSite {
    pub(crate) server: Server,
    /// The kind of the engine.
    pub(crate) engine: &'static str,
}

impl Site for HubSite {
    fn resource(&self, request: &Request<()>) -> Resource {
        match request.uri().path() {
            CLIENTS => Resource::WebSocket,
            "/" => Resource::Document,
            path if path.starts_with(raw::PATH) => Resource::WebSocket,
            path if path.starts_with(API) => Resource::Call { limit: MAX_CALL },
            _ => Resource::Missing,
        }
    }

    fn document(&self, request: &Request<()>) -> Option<Response<Body>> {
        // Browsers get the page, and others a text that they can read.
        let accepts = request.headers().get_all(ACCEPT).iter();
        let is_browser = accepts.filter_map(|value| value.to_str().ok()).any(|value| value.contains("text/html"));
        let mut response = if is_browser { page::answer(Serves::Hub) } else { text(StatusCode::OK, HERE.as_bytes()) };
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        Some(response)
    }

    fn open(&self, request: &Request<()>, handshake: &ServerHandshake, _: Client) -> Result<Opening, Refused> {
        if request.uri().path() != CLIENTS {
            return raw::open(&self.server, request, handshake);
        }
        let known = [Format::PROTOBUF_SUBPROTOCOL, Format::JSON_SUBPROTOCOL];
        let mut asked = handshake.subprotocols().iter().map(ToString::to_string);
        let subprotocol = asked.find(|name| known.contains(&name.as_str()));
        let format = Format::negotiated(subprotocol.as_deref(), request.uri().query());
        let server = self.server.clone();
        Ok(Opening {
            subprotocol,
            goodbye: CloseCode::new(SHUTDOWN),
            begin: Box::new(move |conn, presence| {
                tokio::spawn(async move {
                    server.serve(conn, format).await;
                    drop(presence);
                });
            }),
        })
    }

    fn call(&self, request: Request<Bytes>) -> Calling {
        let server = self.server.clone();
        Box::pin(async move { server.handle_api(request).await.map(|body| Body::Owned(body.into())) })
    }

    fn is_ready(&self) -> bool {
        self.server.hub().is_ready()
    }

    fn figures(&self) -> Vec<Figure> {
        let hub = self.server.hub();
        figures(&hub.counters(), &hub.status(), self.engine)
    }

    fn engine(&self) -> Option<Value> {
        let status = self.server.hub().status();
        let error = status.engine_error.map(|error| json!({ "kind": error.kind, "ago_s": error.ago.as_secs_f64() }));
        Some(json!({
            "name": self.engine,
            "up": status.engine_is_up,
            "since_s": status.engine_since.as_secs_f64(),
            "reconnects": reconnects(&status),
            "last_error": error,
            "nodes": status.nodes,
        }))
    }

    fn topics(&self, pattern: &str, limit: usize) -> Option<Value> {
        let LocalTopics { topics, total, .. } = self.server.hub().local_topics(pattern, limit);
        let rows = topics.iter().map(|topic| {
            let position = topic.position.as_ref();
            json!({
                "name": topic.name.as_str(),
                "subscribers": topic.subscribers,
                "offset": position.map(|position| position.offset),
                "epoch": position.map(|position| position.epoch.as_str()),
            })
        });
        Some(json!({ "total": total, "topics": rows.collect::<Vec<_>>() }))
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: CLIENTS, what_this_is: WHAT_THIS_IS, not_found: NOT_FOUND }
    }
}

fn figures(counters: &Counters, status: &Status, engine: &'static str) -> Vec<Figure> {
    let gauge = |name, help, value: u64| Figure::plain(name, Kind::Gauge, help, value as f64);
    let counter = |name, help, value: u64| Figure::plain(name, Kind::Counter, help, value as f64);
    vec![
        gauge("hub_members", "Connections that have joined the hub on this node.", counters.members),
        gauge("hub_channels", "Topics with subscribers on this node.", counters.topics),
        gauge("hub_subscriptions", "Subscriptions on this node.", counters.subscriptions),
        gauge("hub_member_queue_bytes", "Bytes that wait for slow members.", counters.backlog_bytes),
        Figure::by(
            "hub_publications_total",
            Kind::Counter,
            "Publications of this node, by their result.",
            "result",
            [
                ("accepted", counters.published as f64),
                ("repeated", status.repeated as f64),
                ("refused", status.refused as f64),
                ("failed", status.failed as f64),
            ],
        ),
        Figure::histogram(
            "hub_fanout_duration_seconds",
            "From the arrival of a publication at this node to the connections of its members.",
            Distribution {
                buckets: status.fan_out.buckets().collect(),
                count: status.fan_out.count(),
                sum: status.fan_out.sum().as_secs_f64(),
            },
        ),
        Figure::by(
            "hub_recoveries_total",
            Kind::Counter,
            "Subscriptions from a position, by whether they got everything since.",
            "recovered",
            [("true", status.recovered as f64), ("false", status.unrecovered as f64)],
        ),
        counter("hub_deliveries_total", "Messages that connections have accepted.", counters.delivered),
        counter(
            "hub_duplicates_total",
            "Publications that arrived twice and were passed on once.",
            counters.duplicates,
        ),
        counter("hub_gaps_total", "Times that publications were missing at first.", counters.gaps),
        counter("hub_incomplete_total", "Times that the history did not have them.", counters.incomplete),
        Figure::by(
            "hub_dropped_total",
            Kind::Counter,
            "Publications that slow members did not get, by the policy of the topic.",
            "policy",
            [
                ("drop-newest", counters.dropped_newest as f64),
                ("drop-oldest", counters.dropped_oldest as f64),
                ("conflate", counters.conflated as f64),
            ],
        ),
        Figure::by(
            "websocket_slow_consumers_total",
            Kind::Counter,
            "WebSockets that were closed because their peer was slow.",
            "action",
            [("disconnect", counters.disconnected as f64)],
        ),
        counter(
            "hub_backplane_reconnects_total",
            "Times that the engine was connected again after it had lost its broker.",
            reconnects(status),
        ),
        gauge("hub_nodes", "Nodes that were heard of in the last 30 s, with this one.", status.nodes as u64),
        Figure::by(
            "hub_backplane_up",
            Kind::Gauge,
            "1 while the engine is connected.",
            "engine",
            [(engine, f64::from(u8::from(status.engine_is_up)))],
        ),
    ]
}

/// How often the engine was connected again.
fn reconnects(status: &Status) -> u64 {
    if status.engine_is_up { status.engine_losses } else { status.engine_losses.saturating_sub(1) }
}

/// Where the clients of Centrifugo connect.
const CLIENTS: &str = "/connection/websocket";
const API: &str = "/api/";

/// The largest body of a call. A batch may have many publications.
const MAX_CALL: usize = 4 * 1024 * 1024;

/// Clients of Centrifugo reconnect after it.
const SHUTDOWN: u16 = 3001;

const HERE: &str = "\
This is a hub for WebSockets. These paths exist:
/                      for browsers: a page to try topics, history and presence
/connection/websocket  for clients of Centrifugo, in JSON and Protobuf
/ws/topic/NAME         payloads of one topic, for any WebSocket client
/api/METHOD            for other services, with a key
/healthz, /readyz      health checks
";

const NOT_FOUND: &str = HERE;

const WHAT_THIS_IS: &str = "
This is a hub for WebSockets. Clients of Centrifugo connect to /connection/websocket, and others to /ws/topic/NAME.
";
