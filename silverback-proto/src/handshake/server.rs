//! The server's side of the opening handshake (RFC 6455, 4.2): validates a request and builds the response. The caller
//! reads the request and sends the response. Over HTTP/2 and HTTP/3 the handshake is an extended CONNECT (RFC 8441, RFC
//! 9220).
//!
//! ```
//! use http::{Request, StatusCode};
//! use silverback_proto::handshake::{Acceptance, ServerHandshake};
//!
//! let request = Request::get("/chat")
//!     .header("Host", "server.example.com")
//!     .header("Upgrade", "websocket")
//!     .header("Connection", "keep-alive, Upgrade")
//!     .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
//!     .header("Sec-WebSocket-Version", "13")
//!     .body(())?;
//! let handshake = ServerHandshake::from_request(&request)?;
//! let (response, negotiated) = handshake.accept(Acceptance::default())?;
//! assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
//! assert_eq!(negotiated.subprotocol, None);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use super::{
    error::HandshakeError,
    extension::{ExtensionOffer, parse_extensions},
    extension_header::encode_extensions,
    headers::{
        CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, VERSION, WEBSOCKET, check_added, declares_body, single,
    },
    host::{check_host, connect_host, read_authority},
    host_policy::{HostPolicy, HostRefused},
    key::{AcceptKey, Nonce, accept_key},
    negotiated::Negotiated,
    origin::{OriginPolicy, OriginRefused},
    received::Received,
    rejection::Rejection,
    subprotocol::Subprotocol,
    syntax::contains_token,
};
use crate::deflate::Compression;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header::CONTENT_LENGTH,
    uri::PathAndQuery,
};

/// A valid opening handshake that was not answered yet.
#[derive(Debug, Clone)]
pub struct ServerHandshake {
    via: Via,
    accept: Option<AcceptKey>,
    target: Option<PathAndQuery>,
    host: HeaderValue,
    origin: Option<HeaderValue>,
    subprotocols: Vec<Subprotocol>,
    extensions: Vec<ExtensionOffer>,
}

/// The form of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Via {
    /// An upgrade of an HTTP/1.1 connection (RFC 6455).
    Upgrade,
    /// An extended CONNECT, whose stream becomes the connection (RFC 8441 and RFC 9220).
    Connect,
}

impl ServerHandshake {
    /// Reads the head of an HTTP/1.1 request.
    ///
    /// # Errors
    /// Returns the first reason why the request is not an opening handshake. This does not validate the origin: see
    /// [`check_origin`](Self::check_origin).
    pub fn read(method: &Method, version: Version, headers: &HeaderMap) -> Result<Self, Rejection> {
        check_request(method, version, headers)?;
        check_version(headers)?;
        let accept = read_key(headers)?;
        let host = required(headers, &HOST, "Host")?.clone();
        check_host(&host)?;
        Self::with_offers(Via::Upgrade, Some(accept), host, headers)
    }

    /// Reads what both forms of the handshake have.
    fn with_offers(
        via: Via,
        accept: Option<AcceptKey>,
        host: HeaderValue,
        headers: &HeaderMap,
    ) -> Result<Self, Rejection> {
        let origin = single(headers, &ORIGIN).map_err(|_| Rejection::RepeatedHeader("Origin"))?;
        Ok(Self {
            via,
            accept,
            target: None,
            host,
            origin: origin.cloned(),
            subprotocols: Subprotocol::parse_list(headers).map_err(Rejection::Subprotocols)?,
            extensions: parse_extensions(headers).map_err(Rejection::Extensions)?,
        })
    }

    /// Reads the request of an HTTP stack. If the target is an absolute URI, its host replaces the `Host` header (RFC
    /// 9112, 3.2.2). A request over HTTP/2 or HTTP/3 needs [`from_connect`](Self::from_connect), and is rejected here.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn from_request<B>(request: &Request<B>) -> Result<Self, Rejection> {
        if request.version() >= Version::HTTP_2 {
            return Self::from_connect(request, None);
        }
        let mut handshake = Self::read(request.method(), request.version(), request.headers())?;
        if let Some(authority) = request.uri().authority() {
            handshake.host = read_authority(authority.as_str())?;
        }
        handshake.target = request.uri().path_and_query().cloned();
        Ok(handshake)
    }

    /// Reads an extended CONNECT, the handshake over HTTP/2 (RFC 8441, 4 and 5) and HTTP/3 (RFC 9220). `protocol` is the
    /// pseudo-header field `:protocol`, which HTTP stacks hand over beside the request.
    ///
    /// ```
    /// use http::{Request, StatusCode, Version};
    /// use silverback_proto::handshake::{Acceptance, ServerHandshake};
    ///
    /// let request = Request::connect("https://server.example.com/chat")
    ///     .version(Version::HTTP_2)
    ///     .header("sec-websocket-version", "13")
    ///     .body(())?;
    /// let handshake = ServerHandshake::from_connect(&request, Some("websocket"))?;
    /// let (response, _) = handshake.accept(Acceptance::default())?;
    /// assert_eq!(response.status(), StatusCode::OK);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns the first reason why the request is not an opening handshake, as a [`Rejection::Connect`]. The caller
    /// rejects a request that ends its stream with [`Rejection::EndOfStream`].
    pub fn from_connect<B>(request: &Request<B>, protocol: Option<&str>) -> Result<Self, Rejection> {
        Self::read_connect(request, protocol).map_err(|rejection| Rejection::Connect(Box::new(rejection)))
    }

    fn read_connect<B>(request: &Request<B>, protocol: Option<&str>) -> Result<Self, Rejection> {
        let headers = request.headers();
        if request.version() < Version::HTTP_2 {
            return Err(Rejection::HttpVersion(request.version()));
        }
        if request.method() != Method::CONNECT {
            return Err(Rejection::MethodNotConnect(Received::new(request.method().as_str().as_bytes())));
        }
        match protocol {
            None => return Err(Rejection::NoProtocol),
            Some(name) if !name.eq_ignore_ascii_case("websocket") => {
                return Err(Rejection::Protocol(Received::new(name.as_bytes())));
            }
            Some(_) => {}
        }
        // Even a length of 0 would make each frame a violation (RFC 9113, 8.1.1; RFC 9114, 4.1.2).
        if declares_body(headers) || headers.contains_key(CONTENT_LENGTH) {
            return Err(Rejection::DeclaresBody);
        }
        check_version(headers)?;
        // RFC 8441, 5: this handshake has no key. Some clients and gateways send one anyway and wait for its answer.
        let key = single(headers, &SEC_WEBSOCKET_KEY).ok().flatten().map(HeaderValue::as_bytes);
        let accept = key.filter(|key| Nonce::parse(key).is_ok()).map(accept_key);
        let handshake = Self::with_offers(Via::Connect, accept, connect_host(request)?, headers)?;
        Ok(Self { target: request.uri().path_and_query().cloned(), ..handshake })
    }

    /// Whether this is an extended CONNECT, over HTTP/2 or HTTP/3.
    pub fn is_connect(&self) -> bool {
        self.via == Via::Connect
    }

    /// Returns the rejection of this handshake for a reason that was found later, such as its host or origin.
    pub fn reject(&self, reason: impl Into<Rejection>) -> Rejection {
        match self.via {
            Via::Upgrade => reason.into(),
            Via::Connect => Rejection::Connect(Box::new(reason.into())),
        }
    }

    /// The path and query of the request (the RFC's *resource name*). `None` after [`read`](Self::read), which does not
    /// get them.
    pub fn target(&self) -> Option<&PathAndQuery> {
        self.target.as_ref()
    }

    /// The subprotocols that the client offers, in its order of preference.
    pub fn subprotocols(&self) -> &[Subprotocol] {
        &self.subprotocols
    }

    /// The extensions that the client offers, in its order of preference.
    pub fn extensions(&self) -> &[ExtensionOffer] {
        &self.extensions
    }

    /// The origin of the page that opens the connection; `None` if the client is not a browser.
    pub fn origin(&self) -> Option<&HeaderValue> {
        self.origin.as_ref()
    }

    /// The host and port that the client connects to: a valid `host[:port]`.
    pub fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Validates the origin of the page that opens the connection.
    ///
    /// # Errors
    /// Fails if the policy does not allow the origin. [`reject`](Self::reject) makes it a 403.
    pub fn check_origin(&self, policy: &OriginPolicy) -> Result<(), OriginRefused> {
        let origin = self.origin.as_ref().map(HeaderValue::as_bytes);
        policy.check(origin, self.host.as_bytes())
    }

    /// Checks the host that the request is for.
    ///
    /// # Errors
    /// Fails if the policy does not allow the host. [`reject`](Self::reject) makes it a 403, or a 421 over HTTP/2 and
    /// HTTP/3.
    pub fn check_host(&self, policy: &HostPolicy) -> Result<(), HostRefused> {
        policy.check(self.host.as_bytes())
    }

    /// Returns the first subprotocol of the client's list that the server supports too. Names are case-sensitive.
    pub fn select_subprotocol(&self, supported: &[Subprotocol]) -> Option<Subprotocol> {
        let mut offered = self.subprotocols.iter();
        offered.find(|name| supported.contains(name)).cloned()
    }

    /// Answers with 101, or with 200 to an extended CONNECT. The connection is open once the response is sent.
    ///
    /// # Errors
    /// Fails if the application accepts something that the client did not offer, or sets a reserved header.
    pub fn accept(self, acceptance: Acceptance) -> Result<(Response<()>, Negotiated), HandshakeError> {
        let Acceptance { subprotocol, mut extensions, compression, headers: extra } = acceptance;
        check_added(&extra)?;
        self.check_subprotocol(subprotocol.as_ref())?;
        let answer = compression.and_then(|compression| compression.answer(&self.extensions));
        let (answer, compression) = answer.unzip();
        extensions.extend(answer);
        self.check_extensions(&extensions)?;

        let mut response = Response::new(());
        let headers = response.headers_mut();
        headers.reserve(EXPECTED_HEADERS);
        if self.via == Via::Upgrade {
            headers.insert(UPGRADE, WEBSOCKET);
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        if let Some(accept) = &self.accept {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept.to_header_value());
        }
        if let Some(name) = &subprotocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, name.to_header_value());
        }
        if let Some(value) = encode_extensions(&extensions)? {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        headers.extend(extra);
        *response.status_mut() = match self.via {
            Via::Upgrade => StatusCode::SWITCHING_PROTOCOLS,
            Via::Connect => StatusCode::OK,
        };
        let negotiated = Negotiated { subprotocol, extensions, compression };
        Ok((response, negotiated))
    }

    fn check_subprotocol(&self, chosen: Option<&Subprotocol>) -> Result<(), HandshakeError> {
        match chosen {
            Some(name) if !self.subprotocols.contains(name) => Err(HandshakeError::UnofferedSubprotocol(name.clone())),
            _ => Ok(()),
        }
    }

    fn check_extensions(&self, agreed: &[ExtensionOffer]) -> Result<(), HandshakeError> {
        for (index, extension) in agreed.iter().enumerate() {
            let name = || Received::new(extension.name.as_bytes());
            if !self.extensions.iter().any(|offer| offer.name == extension.name) {
                return Err(HandshakeError::UnofferedExtension(name()));
            }
            if agreed[..index].iter().any(|earlier| earlier.name == extension.name) {
                return Err(HandshakeError::RepeatedExtension(name()));
            }
        }
        Ok(())
    }
}

/// The options of the server's answer. By default it accepts without subprotocol and extensions.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Acceptance {
    /// One of the subprotocols that the client offered.
    pub subprotocol: Option<Subprotocol>,
    /// The answers to extensions that the client offered, each extension at most once.
    pub extensions: Vec<ExtensionOffer>,
    /// Compression, which is used if the client made a suitable offer (RFC 7692).
    pub compression: Option<Compression>,
    /// More headers for the response, such as `Set-Cookie`.
    pub headers: HeaderMap,
}

/// Checks whether this is an upgrade to WebSocket. The first error is the one that helps a person most.
fn check_request(method: &Method, version: Version, headers: &HeaderMap) -> Result<(), Rejection> {
    if version != Version::HTTP_11 {
        return Err(Rejection::HttpVersion(version));
    }
    if method != Method::GET {
        return Err(Rejection::Method(Received::new(method.as_str().as_bytes())));
    }
    if !contains_token(headers, &UPGRADE, "websocket") {
        return Err(Rejection::NotAnUpgrade(Received::list(headers, &UPGRADE)));
    }
    if !contains_token(headers, &CONNECTION, "upgrade") {
        return Err(Rejection::Connection(Received::list(headers, &CONNECTION)));
    }
    if declares_body(headers) {
        return Err(Rejection::DeclaresBody);
    }
    Ok(())
}

fn check_version(headers: &HeaderMap) -> Result<(), Rejection> {
    let version = required(headers, &SEC_WEBSOCKET_VERSION, "Sec-WebSocket-Version")?;
    if version != VERSION {
        return Err(Rejection::UnsupportedVersion(Received::new(version.as_bytes())));
    }
    Ok(())
}

/// Returns the text of the key, from which the answer is made. Decoding and encoding it would change a key whose last
/// digit has spare bits set, as the example in RFC 6455, 4.1 has.
fn read_key(headers: &HeaderMap) -> Result<AcceptKey, Rejection> {
    let key = required(headers, &SEC_WEBSOCKET_KEY, "Sec-WebSocket-Key")?.as_bytes();
    match Nonce::parse(key) {
        Ok(_) => Ok(accept_key(key)),
        Err(_) => Err(Rejection::InvalidKey(Received::new(key))),
    }
}

fn required<'a>(headers: &'a HeaderMap, name: &HeaderName, shown: &'static str) -> Result<&'a HeaderValue, Rejection> {
    single(headers, name).map_err(|_| Rejection::RepeatedHeader(shown))?.ok_or(Rejection::MissingHeader(shown))
}

/// Upgrade, Connection, Accept, Protocol, Extensions.
const EXPECTED_HEADERS: usize = 5;
