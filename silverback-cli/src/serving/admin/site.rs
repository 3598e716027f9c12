//! The paths of the listener for operators.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
    },
};
use silverback::{Upgrader, proto::handshake::ServerHandshake};

use super::{
    actions, connections, figures,
    operated::{JSON, METRICS, Operated, of_type},
    page, topics,
};
use crate::serving::{
    answers::{response, text},
    site::{Body, Calling, Opening, Refused, Resource, Site, Words},
    sockets::Client,
    token::Token,
};

/// The listener for operators of a server.
#[derive(Debug)]
pub(crate) struct AdminSite {
    pub(crate) server: Operated,
    pub(crate) token: Option<Token>,
    /// Checks that a request comes from the page of this listener, if it comes from a page.
    pub(crate) origins: Upgrader,
}

impl AdminSite {
    fn is_authorized<T>(&self, request: &Request<T>) -> bool {
        self.token.as_ref().is_none_or(|token| token.is_in(request.headers()))
    }
}

impl Site for AdminSite {
    fn resource(&self, request: &Request<()>) -> Resource {
        match request.uri().path() {
            "/" | "/metrics" | "/stats.json" | "/connections.json" | "/topics.json" => Resource::Document,
            "/kick" | "/drain" => Resource::Call { limit: MOST_BYTES },
            _ => Resource::Missing,
        }
    }

    fn document(&self, request: &Request<()>) -> Option<Response<Body>> {
        let path = request.uri().path();
        if path == "/" {
            // It has no figures. It asks for the token and then for them.
            return Some(admin_page());
        }
        if !self.is_authorized(request) {
            return Some(unauthorized());
        }
        let query = request.uri().query().unwrap_or_default();
        let list = match path {
            "/metrics" => return Some(of_type(METRICS, figures::metrics(&self.server))),
            "/stats.json" => return Some(of_type(JSON, figures::stats(&self.server))),
            "/topics.json" => topics::list(&self.server, query)?,
            _ => connections::list(&self.server, query),
        };
        Some(match list {
            Ok(list) => of_type(JSON, list),
            Err(mistake) => text(StatusCode::BAD_REQUEST, mistake.into_bytes()),
        })
    }

    fn open(&self, _: &Request<()>, _: &ServerHandshake, _: Client) -> Result<Opening, Refused> {
        // No path is for WebSockets.
        Err(Box::new(text(StatusCode::NOT_FOUND, NOT_FOUND.as_bytes())))
    }

    fn call(&self, request: Request<Bytes>) -> Calling {
        let answer = if !self.is_authorized(&request) {
            unauthorized()
        } else if self.origins.check_request(&request).is_err() {
            // Without this, any page in the browser of an operator could do it.
            text(StatusCode::FORBIDDEN, OTHER_ORIGIN.as_bytes())
        } else if request.uri().path() == "/drain" {
            actions::drain(&self.server)
        } else {
            actions::kick(&self.server, request.body())
        };
        Box::pin(std::future::ready(answer))
    }

    fn is_ready(&self) -> bool {
        self.server.is_ready()
    }

    fn words(&self) -> &'static Words {
        &Words { websocket_path: "/", what_this_is: "", not_found: NOT_FOUND }
    }
}

fn admin_page() -> Response<Body> {
    let document = page::document();
    let mut response = response(StatusCode::OK, document.html.as_bytes());
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &document.content_security_policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (CACHE_CONTROL, "no-store"),
    ];
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    response.headers_mut().extend(headers);
    response
}

fn unauthorized() -> Response<Body> {
    let mut response = text(StatusCode::UNAUTHORIZED, NO_TOKEN.as_bytes());
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    response
}

/// The largest body of an action.
const MOST_BYTES: usize = 4096;

const NO_TOKEN: &str = "This needs the header Authorization: Bearer TOKEN.\n";
const OTHER_ORIGIN: &str = "Pages of other origins may not do this.\n";

const NOT_FOUND: &str = "\
There is nothing at this address. These paths exist:
/                   the page for operators
/metrics            metrics for Prometheus
/stats.json         the same figures as JSON
/connections.json   open connections; ?sort=queue|age|messages|bytes|id and ?limit=COUNT
/topics.json        topics of the hub on this node; ?q=TEXT, in which * and ? are wildcards, and ?limit=COUNT
/kick, /drain       actions, by POST
/healthz, /readyz   health checks
";
