//! The paths of the hub.

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, VARY},
};
use silverback::{CloseCode, proto::handshake::ServerHandshake};
use silverback_centrifugo::{Format, Server};
use silverback_hub::Counters;

use super::raw;
use crate::{
    service::page::{self, Serves},
    serving::{
        answers::text,
        monitor::exposition::{Figure, Kind},
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
        figures(&self.server.hub().counters(), self.engine, self.server.hub().is_ready())
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: CLIENTS, what_this_is: WHAT_THIS_IS, not_found: NOT_FOUND }
    }
}

fn figures(counters: &Counters, engine: &'static str, is_up: bool) -> Vec<Figure> {
    let gauge = |name, help, value: u64| Figure::plain(name, Kind::Gauge, help, value as f64);
    let counter = |name, help, value: u64| Figure::plain(name, Kind::Counter, help, value as f64);
    vec![
        gauge("hub_members", "Connections that have joined the hub on this node.", counters.members),
        gauge("hub_channels", "Topics with subscribers on this node.", counters.topics),
        gauge("hub_subscriptions", "Subscriptions on this node.", counters.subscriptions),
        gauge("hub_member_queue_bytes", "Bytes that wait for slow members.", counters.backlog_bytes),
        counter(
            "hub_publications_total",
            "Publications of this node that the engine has accepted.",
            counters.published,
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
            "Members that were disconnected because they were slow.",
            "action",
            [("disconnect", counters.disconnected as f64)],
        ),
        Figure::by(
            "hub_backplane_up",
            Kind::Gauge,
            "1 while the engine is connected and the hub takes members.",
            "engine",
            [(engine, f64::from(u8::from(is_up)))],
        ),
    ]
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
