//! The rules for every request, whatever the site: hosts, methods, health checks, and when a WebSocket may open.

use std::{sync::Arc, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{ALLOW, CONNECTION, ORIGIN, RETRY_AFTER, SEC_WEBSOCKET_KEY, UPGRADE},
};
use silverback::{
    HostPolicy, Upgrader,
    proto::handshake::{HeadError, Rejection, ServerHandshake, headers::contains_token, requested_host},
};

use super::{
    answers::{response, text},
    connection::requests::UnreadableHead,
    monitor::Refusal,
    open_connections::{Place, Places},
    refusals::{self, reason},
    site::{Body, Opening, Resource, Site},
    sockets::{Client, Peer, Socket},
    trust::Trust,
};

/// The routes of one worker.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) upgrader: Upgrader,
    /// The hosts that every route except the health checks accepts.
    pub(crate) hosts: Hosts,
    /// Who may tell the address of a client.
    pub(crate) trust: Trust,
    pub(crate) places: Arc<Places>,
    pub(crate) site: Arc<dyn Site>,
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

/// The answer to a request.
pub(crate) enum Answer {
    /// Accept the handshake. The WebSocket has this place.
    Upgrade(Box<Upgrading>),
    /// Read the body of the request, up to this many bytes, and give it to the site.
    Call {
        limit: usize,
    },
    Response(Response<Body>),
}

/// A handshake that will be accepted.
pub(crate) struct Upgrading {
    pub(crate) handshake: ServerHandshake,
    pub(crate) place: Place,
    pub(crate) opening: Opening,
}

/// A resource of the site or of the server itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Site(Resource),
    /// Whether the process is alive.
    Health,
    /// Whether new connections are welcome.
    Readiness,
    /// The server itself: `OPTIONS *`.
    Server,
}

impl Routes {
    /// Answers a request, and reports a refused handshake to the operator. `handshake` reads the request as a handshake.
    pub(crate) fn answer(
        &self,
        request: &Request<()>,
        handshake: impl FnOnce() -> Result<ServerHandshake, Rejection>,
        socket: Socket,
    ) -> Answer {
        let client = match socket.is_client_hidden {
            true => Ok(socket.client),
            false => self.trust.client_of(socket.client, request.headers()),
        };
        let client = match client {
            Ok(peer) => Client { peer, version: request.version() },
            Err(header) => {
                refusals::report_forwarded(socket.client, &header);
                let words = format!("The proxy has sent a malformed {header} header.\n").into_bytes();
                return Answer::Response(last(text(StatusCode::BAD_REQUEST, words)));
            }
        };
        self.try_answer(request, handshake, socket.peer, client).unwrap_or_else(|rejection| {
            // Over HTTP/2 some answers differ.
            let rejection = match rejection {
                Rejection::Connect(_) => rejection,
                plain if request.version() >= Version::HTTP_2 => Rejection::Connect(Box::new(plain)),
                plain => plain,
            };
            if is_for_websocket(request) {
                self.places.monitor.note_rejection(&rejection);
            }
            if is_of_interest(&rejection, request) {
                refusals::report(client, request, &rejection);
            }
            Answer::Response(self.refuse(&rejection))
        })
    }

    /// Answers a request that cannot be read.
    pub(crate) fn refuse_head(&self, head: &UnreadableHead, peer: Peer) -> Response<Body> {
        let rejection = Rejection::Head(head.error);
        if head.is_proxy_header {
            self.note_proxy_header(peer);
        }
        if !matches!(head.error, HeadError::TooLarge { .. }) {
            return self.refuse(&rejection);
        }
        let longest = head.longest.as_ref();
        let longest =
            longest.map(|(name, length)| format!("The longest header is {name}, with {length} bytes so far. "));
        let advice = format!("{}{RAISE_THE_LIMIT}", longest.unwrap_or_default());
        refusals::report_head(peer, &rejection, &advice);
        with_more_words(&rejection, &format!("{advice}.\n"))
    }

    /// Counts and reports a header of the PROXY protocol that this client may not send.
    pub(crate) fn note_proxy_header(&self, peer: Peer) {
        self.places.monitor.note_refusal(Refusal::ProxyHeader);
        refusals::report_proxy_header(peer);
    }

    /// Answers a request that has begun and timed out.
    pub(crate) fn time_out(&self) -> Response<Body> {
        self.places.monitor.note_refusal(Refusal::Timeout);
        self.refuse(&Rejection::Timeout)
    }

    /// Answers a request without TLS on a port that takes TLS.
    pub(crate) fn refuse_plain(&self, request: &Request<()>) -> Response<Body> {
        let host = requested_host(request).ok().flatten();
        let host = host.as_ref().and_then(|host| host.to_str().ok());
        let path = self.site.words().websocket_path;
        let advice = host.map_or_else(String::new, |host| format!("Try https://{host}/ or wss://{host}{path}.\n"));
        let text = format!("This port takes TLS, and the request came without it. {advice}").into_bytes();
        last(super::answers::text(StatusCode::BAD_REQUEST, text))
    }

    /// `peer` is the other end of the socket, which may be a proxy of the client.
    pub(crate) fn try_answer(
        &self,
        request: &Request<()>,
        handshake: impl FnOnce() -> Result<ServerHandshake, Rejection>,
        peer: Peer,
        client: Client,
    ) -> Result<Answer, Rejection> {
        // RFC 9112, 3.2 requires a valid Host for every path.
        let host = requested_host(request)?;
        let target = self.target(request);
        if request.method() == Method::OPTIONS && target != Target::Site(Resource::Missing) {
            // The page uses this to find out why its handshake was refused, which browsers do not say. Health checks
            // send no origin.
            if target == Target::Site(Resource::WebSocket) && request.headers().contains_key(ORIGIN) {
                self.upgrader.check_request(request)?;
            }
            return Ok(Answer::Response(options(target, request.version())));
        }
        // Health checks send any host, and the answer reveals nothing to a page. A request of HTTP/1.0 without a host
        // does not come from a page.
        if let Some(host) = host.filter(|_| !matches!(target, Target::Health | Target::Readiness)) {
            self.hosts.of(peer).check(host.as_bytes())?;
        }
        let resource = match target {
            Target::Site(resource) => resource,
            Target::Readiness if is_read(request) && !self.is_ready() => {
                return Ok(Answer::Response(text(StatusCode::SERVICE_UNAVAILABLE, NOT_READY)));
            }
            Target::Health | Target::Readiness | Target::Server if is_read(request) => {
                return Ok(Answer::Response(text(StatusCode::OK, b"ok".as_slice())));
            }
            _ => return Ok(Answer::Response(wrong_method(target, request.version()))),
        };
        match resource {
            Resource::WebSocket => self.open(request, handshake()?, client),
            Resource::Missing => Ok(Answer::Response(self.missing())),
            Resource::Document if is_read(request) => {
                Ok(Answer::Response(self.site.document(request).unwrap_or_else(|| self.missing())))
            }
            Resource::Call { limit } if request.method() == Method::POST => Ok(Answer::Call { limit }),
            Resource::Document | Resource::Call { .. } => Ok(Answer::Response(wrong_method(target, request.version()))),
        }
    }

    fn open(&self, request: &Request<()>, handshake: ServerHandshake, client: Client) -> Result<Answer, Rejection> {
        self.upgrader.check(&handshake)?;
        if let Some(retry_after) = self.places.draining() {
            self.places.monitor.note_refusal(Refusal::Draining);
            return Ok(later(DRAINING, retry_after));
        }
        self.upgrader.check_memory()?;
        let mut place = match self.places.take(client.peer.ip()) {
            Ok(place) => place,
            Err(full) => {
                let rejection = full.rejection();
                self.places.monitor.note_rejection(&rejection);
                refusals::report_full(client, full);
                return Ok(Answer::Response(self.refuse(&rejection)));
            }
        };
        if let Err(retry_after) = self.places.keep_rate() {
            self.places.monitor.note_refusal(Refusal::Rate);
            refusals::report_rate(client);
            return Ok(later(TOO_FAST, retry_after));
        }
        Ok(match self.site.open(request, &handshake, client) {
            Ok(opening) => {
                place.record = self.places.monitor.record(client, request.uri().path());
                Answer::Upgrade(Box::new(Upgrading { handshake, place, opening }))
            }
            Err(response) => {
                self.places.monitor.note_refusal(Refusal::Site);
                Answer::Response(*response)
            }
        })
    }

    fn is_ready(&self) -> bool {
        self.places.draining().is_none() && self.site.is_ready()
    }

    fn missing(&self) -> Response<Body> {
        text(StatusCode::NOT_FOUND, self.site.words().not_found.as_bytes())
    }

    fn target(&self, request: &Request<()>) -> Target {
        match request.uri().path() {
            // A CONNECT request without a path asks for a tunnel, which is refused as a handshake is.
            "" | "/" if request.method() == Method::CONNECT => Target::Site(Resource::WebSocket),
            "/healthz" => Target::Health,
            "/readyz" => Target::Readiness,
            "*" => Target::Server,
            _ => Target::Site(self.site.resource(request)),
        }
    }

    fn refuse(&self, rejection: &Rejection) -> Response<Body> {
        let more = match reason(rejection) {
            Rejection::MethodNotConnect(_) => self.site.words().what_this_is,
            Rejection::Host(_) => ALLOW_HOST,
            Rejection::Origin(_) => ALLOW_ORIGIN,
            _ if rejection.status() == StatusCode::UPGRADE_REQUIRED => self.site.words().what_this_is,
            _ => "",
        };
        with_more_words(rejection, more)
    }
}

/// Refuses a handshake of a client that may come back.
fn later(words: &'static [u8], retry_after: Duration) -> Answer {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, words);
    response.headers_mut().insert(RETRY_AFTER, retry_after.as_secs().into());
    Answer::Response(response)
}

/// Makes it the last response of its connection over HTTP/1.1.
pub(super) fn last(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

fn is_read(request: &Request<()>) -> bool {
    request.method() == Method::GET || request.method() == Method::HEAD
}

fn wrong_method(target: Target, version: Version) -> Response<Body> {
    let methods = methods(target, version);
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, format!("This path takes {methods}.\n").into_bytes());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

/// RFC 9110, 9.3.7. HAProxy sends `OPTIONS /` to check whether a server is up.
fn options(target: Target, version: Version) -> Response<Body> {
    let mut response = response(StatusCode::NO_CONTENT, b"".as_slice());
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods(target, version)));
    response
}

fn methods(target: Target, version: Version) -> &'static str {
    match target {
        Target::Site(Resource::WebSocket) if version >= Version::HTTP_2 => "CONNECT, OPTIONS",
        Target::Site(Resource::WebSocket) => "GET, OPTIONS",
        Target::Site(Resource::Call { .. }) => "POST, OPTIONS",
        _ => "GET, HEAD, OPTIONS",
    }
}

/// Whether a WebSocket client sent this request, even if a proxy has removed a part of its headers.
pub(crate) fn is_for_websocket(request: &Request<()>) -> bool {
    let headers: &HeaderMap = request.headers();
    request.method() == Method::CONNECT
        || contains_token(headers, &UPGRADE, "websocket")
        || headers.contains_key(SEC_WEBSOCKET_KEY)
}

/// Reports a refused handshake, because a browser does not tell its user the reason. Plain requests are not reported.
pub(crate) fn is_of_interest(rejection: &Rejection, request: &Request<()>) -> bool {
    matches!(reason(rejection), Rejection::Host(_)) || is_for_websocket(request)
}

fn with_more_words(rejection: &Rejection, more: &str) -> Response<Body> {
    rejection.response().map(|reason| (reason + more).into_bytes().into())
}

const NOT_READY: &[u8] = b"not ready\n";
const TOO_FAST: &[u8] = b"Too many WebSockets open at the moment. Try again later.\n";
const DRAINING: &[u8] = b"This server is about to end and takes no more connections. Try again.\n";

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
