//! The paths of the service: the page, the echo, and the health check. This file also decides which requests are
//! refused.

use std::{borrow::Cow, sync::Arc};

use http::{
    HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, ORIGIN, REFERRER_POLICY,
        SEC_WEBSOCKET_KEY, UPGRADE, X_CONTENT_TYPE_OPTIONS,
    },
};
use silverback::{
    HostPolicy, Upgrader,
    proto::handshake::{HeadError, Rejection, ServerHandshake, headers::contains_token, requested_host},
};

use super::{
    connection::requests::UnreadableHead,
    open_connections::{Place, Places},
    page,
    page_sockets::PageSockets,
    printer::Printer,
    refusals::{self, reason},
    sockets::{Client, Peer},
};

/// The routes of one worker.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) upgrader: Upgrader,
    /// The hosts that every route except the health check accepts.
    pub(crate) hosts: Hosts,
    pub(crate) printer: Printer,
    pub(crate) places: Arc<Places>,
    pub(crate) page_sockets: Arc<PageSockets>,
}

/// The allowed hosts. They depend on the kind of socket, because web pages cannot reach Unix sockets.
#[derive(Clone, Debug)]
pub(crate) struct Hosts {
    pub(crate) tcp: HostPolicy,
    #[cfg(unix)]
    pub(crate) unix: HostPolicy,
}

impl Hosts {
    fn of(&self, peer: Peer) -> &HostPolicy {
        match peer {
            Peer::Ip(_) => &self.tcp,
            #[cfg(unix)]
            Peer::Unix(_) => &self.unix,
        }
    }
}

pub(crate) type Body = Cow<'static, [u8]>;

/// The answer to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Accept the handshake. The WebSocket has this place.
    Upgrade(Box<ServerHandshake>, Place),
    Response(Response<Body>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Resource {
    Root,
    Page,
    Echo,
    /// The version of HTTP of a WebSocket that the page has opened.
    Version,
    Health,
    /// The server itself: `OPTIONS *`.
    Server,
    Missing,
}

impl Routes {
    /// Answers a request, and reports a refused handshake to the operator. `handshake` reads the request as a handshake.
    pub(crate) fn answer(
        &self,
        request: &Request<()>,
        handshake: impl FnOnce() -> Result<ServerHandshake, Rejection>,
        client: Client,
    ) -> Answer {
        self.try_answer(request, handshake, client.peer).unwrap_or_else(|rejection| {
            // Over HTTP/2 some answers differ.
            let rejection = match rejection {
                Rejection::Connect(_) => rejection,
                plain if request.version() >= Version::HTTP_2 => Rejection::Connect(Box::new(plain)),
                plain => plain,
            };
            if is_of_interest(&rejection, request) {
                refusals::report(client, request, &rejection);
            }
            Answer::Response(refuse(&rejection))
        })
    }

    /// Answers a request that cannot be read.
    pub(crate) fn refuse_head(&self, head: &UnreadableHead, peer: Peer) -> Response<Body> {
        let rejection = Rejection::Head(head.error);
        if !matches!(head.error, HeadError::TooLarge { .. }) {
            return refuse(&rejection);
        }
        let longest = head.longest.as_ref();
        let longest =
            longest.map(|(name, length)| format!("The longest header is {name}, with {length} bytes so far. "));
        let advice = format!("{}{RAISE_THE_LIMIT}", longest.unwrap_or_default());
        refusals::report_head(peer, &rejection, &advice);
        with_more_words(&rejection, &format!("{advice}.\n"))
    }

    /// Answers a request that has begun and timed out.
    pub(crate) fn time_out(&self) -> Response<Body> {
        refuse(&Rejection::Timeout)
    }

    /// Answers a request without TLS on a port that takes TLS.
    pub(crate) fn refuse_plain(&self, request: &Request<()>) -> Response<Body> {
        let host = requested_host(request).ok().flatten();
        let host = host.as_ref().and_then(|host| host.to_str().ok());
        let advice = host.map_or_else(String::new, |host| format!("Try https://{host}/ or wss://{host}/ws/echo.\n"));
        let mut response = text(StatusCode::BAD_REQUEST, "");
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        *response.body_mut() =
            format!("This port takes TLS, and the request came without it. {advice}").into_bytes().into();
        response
    }

    fn try_answer(
        &self,
        request: &Request<()>,
        handshake: impl FnOnce() -> Result<ServerHandshake, Rejection>,
        peer: Peer,
    ) -> Result<Answer, Rejection> {
        // RFC 9112, 3.2 requires a valid Host for every path.
        let host = requested_host(request)?;
        let resource = Resource::of(request);
        if request.method() == Method::OPTIONS && resource != Resource::Missing {
            // The page uses this to find out why its handshake was refused, which browsers do not say. Health checks
            // send no origin.
            if resource == Resource::Echo && request.headers().contains_key(ORIGIN) {
                self.upgrader.check_request(request)?;
            }
            return Ok(Answer::Response(resource.options(request.version())));
        }
        // Health checks send any host, and the answer reveals nothing to a page. A request of HTTP/1.0 without a host
        // does not come from a page.
        if let Some(host) = host.filter(|_| resource != Resource::Health) {
            self.hosts.of(peer).check(host.as_bytes())?;
        }
        if resource == Resource::Echo {
            let handshake = handshake()?;
            self.upgrader.check(&handshake)?;
            self.upgrader.check_memory()?;
            let place = self.places.take()?;
            self.page_sockets.note(request);
            return Ok(Answer::Upgrade(Box::new(handshake), place));
        }
        if resource == Resource::Version {
            if let Some(version) = self.page_sockets.version(request) {
                return Ok(Answer::Response(text(StatusCode::OK, version_name(version))));
            }
        }
        Ok(Answer::Response(resource.response(request.method(), request.version())))
    }
}

impl Resource {
    fn of(request: &Request<()>) -> Self {
        match request.uri().path() {
            // A CONNECT request without a path asks for a tunnel, which is refused as a handshake is.
            "" | "/" if request.method() == Method::CONNECT => Self::Echo,
            // The root path is the echo for WebSocket clients, and redirects browsers to the page.
            "/" if is_for_websocket(request) => Self::Echo,
            "/" => Self::Root,
            "/ws/echo" => Self::Echo,
            "/ws/echo_display" => Self::Page,
            "/ws/version" => Self::Version,
            "/healthz" => Self::Health,
            "*" => Self::Server,
            _ => Self::Missing,
        }
    }

    fn response(self, method: &Method, version: Version) -> Response<Body> {
        if matches!(self, Self::Missing | Self::Version) {
            return text(StatusCode::NOT_FOUND, NOT_FOUND);
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "");
            response.headers_mut().insert(ALLOW, self.methods(version));
            return response;
        }
        match self {
            Self::Root => redirect(),
            Self::Page => display(),
            _ => text(StatusCode::OK, "ok"),
        }
    }

    /// RFC 9110, 9.3.7. HAProxy sends `OPTIONS /` to check whether a server is up.
    fn options(self, version: Version) -> Response<Body> {
        let mut response = response(StatusCode::NO_CONTENT, "");
        response.headers_mut().insert(ALLOW, self.methods(version));
        response
    }

    fn methods(self, version: Version) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Echo if version >= Version::HTTP_2 => "CONNECT, OPTIONS",
            Self::Echo => "GET, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        })
    }
}

fn version_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "HTTP/1.1",
    }
}

/// Whether a WebSocket client sent this request, even if a proxy has removed a part of its headers.
fn is_for_websocket(request: &Request<()>) -> bool {
    let headers = request.headers();
    request.method() == Method::CONNECT
        || contains_token(headers, &UPGRADE, "websocket")
        || headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Reports a refused handshake, because a browser does not tell its user the reason. Plain requests are not reported.
fn is_of_interest(rejection: &Rejection, request: &Request<()>) -> bool {
    matches!(reason(rejection), Rejection::Host(_)) || is_for_websocket(request)
}

fn refuse(rejection: &Rejection) -> Response<Body> {
    let more = match reason(rejection) {
        Rejection::MethodNotConnect(_) => WHAT_THIS_IS,
        Rejection::Host(_) => ALLOW_HOST,
        Rejection::Origin(_) => ALLOW_ORIGIN,
        _ if rejection.status() == StatusCode::UPGRADE_REQUIRED => WHAT_THIS_IS,
        _ => "",
    };
    with_more_words(rejection, more)
}

fn with_more_words(rejection: &Rejection, more: &str) -> Response<Body> {
    rejection.response().map(|reason| (reason + more).into_bytes().into())
}

/// A relative reference (RFC 9110, 10.2.2), so that it also works below a proxy's path prefix.
fn redirect() -> Response<Body> {
    let mut response = text(StatusCode::TEMPORARY_REDIRECT, "");
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("ws/echo_display"));
    response
}

fn display() -> Response<Body> {
    let document = page::document();
    let headers: [(HeaderName, &'static str); 8] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, &document.content_security_policy),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        // These headers isolate the page in its own process, where browsers give it a timer with steps of 5 µs instead
        // of 100.
        (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
        // The page belongs to this version of the program, so a cached old page must not be used.
        (CACHE_CONTROL, "no-store"),
    ];
    let mut response = response(StatusCode::OK, document.html.as_str());
    let headers = headers.into_iter().filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?)));
    response.headers_mut().extend(headers);
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = response(status, body);
    response.headers_mut().extend([
        (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ]);
    response
}

fn response(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::Borrowed(body.as_bytes()));
    *response.status_mut() = status;
    response
}

const NOT_FOUND: &str = "\
There is nothing at this address. These paths exist:
/ws/echo_display  a page to try the echo
/ws/echo          the echo, for WebSocket clients; also at /
/healthz          the health check
";

const WHAT_THIS_IS: &str = "
This service echoes every message unchanged.
To try it in a browser, open /ws/echo_display instead.
";

// Clients show only the start of an answer, so the advice comes first.
const ALLOW_HOST: &str = "\
To allow it, start the service with --allow-host NAME. A proxy passes on the name that the browser used.
A service on loopback answers to loopback names only, because pages of any site could reach it by DNS rebinding.
";

const ALLOW_ORIGIN: &str = "\
To allow this origin, start the service with --allow-origin ORIGIN. If the page came from this service through a proxy,
the proxy has to pass on the Host header as it came, with its port.
";

const RAISE_THE_LIMIT: &str = "The option --max-head-size of the service raises the limit, up to 64KiB";

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
