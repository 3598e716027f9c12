//! The paths of the hub.

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, VARY},
};
use silverback::{CloseCode, proto::handshake::ServerHandshake};
use silverback_centrifugo::{Format, Server};

use super::raw;
use crate::{
    service::page::{self, Serves},
    serving::{
        answers::text,
        site::{Body, Calling, Opening, Refused, Resource, Site, Words},
        sockets::Client,
    },
};

/// The hub, for clients of Centrifugo, raw clients, and other services.
#[derive(Debug)]
pub(crate) struct HubSite {
    pub(crate) server: Server,
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

    fn words(&self) -> &'static Words {
        &Words { websocket_path: CLIENTS, what_this_is: WHAT_THIS_IS, not_found: NOT_FOUND }
    }
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
