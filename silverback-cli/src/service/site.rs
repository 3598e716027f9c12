//! The paths of the echo service: the page and the echo.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header::LOCATION};
use silverback::{CloseCode, proto::handshake::ServerHandshake};

use super::{
    echo::{self, Echo},
    page,
    page_sockets::PageSockets,
    printer::Printer,
};
use crate::serving::{
    answers::text,
    routes::is_for_websocket,
    site::{Body, Calling, Opening, Refused, Resource, Site, Words},
    sockets::Client,
};

/// The echo and its page.
#[derive(Debug)]
pub(crate) struct EchoSite {
    pub(crate) printer: Printer,
    pub(crate) page_sockets: Arc<PageSockets>,
    /// The code that tells clients that the service ends.
    pub(crate) goodbye: CloseCode,
}

impl Site for EchoSite {
    fn resource(&self, request: &Request<()>) -> Resource {
        match request.uri().path() {
            // The root path is the echo for WebSocket clients, and redirects browsers to the page.
            "/" if is_for_websocket(request) => Resource::WebSocket,
            "/ws/echo" => Resource::WebSocket,
            "/" | "/ws/echo_display" => Resource::Document,
            "/ws/version" => Resource::Document,
            _ => Resource::Missing,
        }
    }

    fn document(&self, request: &Request<()>) -> Option<Response<Body>> {
        Some(match request.uri().path() {
            "/" => redirect(),
            "/ws/echo_display" => page::answer(page::Serves::Echo),
            // The version of HTTP of a WebSocket that the page has opened.
            _ => text(StatusCode::OK, version_name(self.page_sockets.version(request)?).as_bytes()),
        })
    }

    fn open(&self, request: &Request<()>, handshake: &ServerHandshake, client: Client) -> Result<Opening, Refused> {
        self.page_sockets.note(request);
        let printer = self.printer.clone();
        Ok(Opening {
            // The echo works with every subprotocol. Browsers fail the connection if the server selects none of those
            // they offered.
            subprotocol: handshake.subprotocols().first().map(ToString::to_string),
            goodbye: self.goodbye,
            begin: Box::new(move |conn, presence| {
                tokio::spawn(echo::serve(Echo { conn, _presence: presence, client, printer, waiting: None }));
            }),
        })
    }

    fn call(&self, _: Request<Bytes>) -> Calling {
        Box::pin(async { text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes()) })
    }

    fn is_ready(&self) -> bool {
        true
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: "/ws/echo", what_this_is: WHAT_THIS_IS, not_found: NOT_FOUND }
    }
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// A relative reference (RFC 9110, 10.2.2), so that it also works below a proxy's path prefix.
fn redirect() -> Response<Body> {
    let mut response = text(StatusCode::TEMPORARY_REDIRECT, b"".as_slice());
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("ws/echo_display"));
    response
}

const NOT_FOUND: &str = "\
There is nothing at this address. These paths exist:
/ws/echo_display  a page to try the echo
/ws/echo          the echo, for WebSocket clients; also at /
/healthz          the health check; /readyz says whether new connections are welcome
";

const WHAT_THIS_IS: &str = "
This service echoes every message unchanged.
To try it in a browser, open /ws/echo_display instead.
";

#[cfg(test)]
#[path = "site_tests.rs"]
mod tests;
