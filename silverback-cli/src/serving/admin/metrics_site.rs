//! The listener with the metrics alone. It has no actions and shows no addresses, so it needs no token.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use silverback::proto::handshake::ServerHandshake;

use super::{
    figures,
    operated::{METRICS, Operated, of_type},
};
use crate::serving::{
    answers::text,
    site::{Body, Calling, Opening, Refused, Resource, Site, Words},
    sockets::Client,
};

/// The metrics of a server.
#[derive(Debug)]
pub(crate) struct MetricsSite(pub(crate) Operated);

impl Site for MetricsSite {
    fn resource(&self, request: &Request<()>) -> Resource {
        if request.uri().path() == "/metrics" { Resource::Document } else { Resource::Missing }
    }

    fn document(&self, _: &Request<()>) -> Option<Response<Body>> {
        Some(of_type(METRICS, figures::metrics(&self.0)))
    }

    fn open(&self, _: &Request<()>, _: &ServerHandshake, _: Client) -> Result<Opening, Refused> {
        Err(Box::new(text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes())))
    }

    fn call(&self, _: Request<Bytes>) -> Calling {
        Box::pin(async { text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes()) })
    }

    fn is_ready(&self) -> bool {
        self.0.is_ready()
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: "/metrics", what_this_is: NOT_FOUND, not_found: NOT_FOUND }
    }
}

const NOT_FOUND: &str = "Metrics are at /metrics, health checks at /healthz and /readyz.\n";
