//! The server that operators look at.

use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use tokio::sync::Notify;

use crate::serving::{
    answers::text,
    open_connections::{OpenConnections, Places},
    site::{Body, Site},
};

/// The figures of a server, and what operators can do with it.
#[derive(Clone, Debug)]
pub(crate) struct Operated {
    pub(crate) places: Arc<Places>,
    /// Of each of its threads.
    pub(crate) open: Vec<Arc<OpenConnections>>,
    pub(crate) site: Arc<dyn Site>,
    /// Tells the server to drain and end.
    pub(crate) drain: Arc<Notify>,
}

impl Operated {
    /// Whether new connections are welcome.
    pub(super) fn is_ready(&self) -> bool {
        self.places.draining().is_none() && self.site.is_ready()
    }
}

/// Figures. No other page may read them, not even as a script.
pub(super) fn of_type(content_type: &'static str, body: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, body.into_bytes());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    let policy = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(policy, HeaderValue::from_static("same-origin"));
    response
}

pub(super) const JSON: &str = "application/json";
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
