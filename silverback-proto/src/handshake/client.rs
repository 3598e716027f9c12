//! The client's side of the opening handshake (RFC 6455, 4.1): builds the request and validates the response. A response
//! must not contain a subprotocol or extension that the client did not offer.
//!
//! ```
//! use silverback_proto::handshake::http1::{encode_request, parse_response};
//! use silverback_proto::handshake::{ClientHandshake, ClientRequest, Nonce};
//!
//! let request = ClientRequest::parse("ws://example.com/chat")?;
//! let random = *b"the sample nonce"; // 16 random bytes in real life
//! let handshake = ClientHandshake::new(request, Nonce::new(random))?;
//! let bytes = encode_request(handshake.request());
//! assert!(bytes.starts_with(b"GET /chat HTTP/1.1\r\nHost: example.com\r\n"));
//!
//! let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
//!     Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
//! let negotiated = handshake.verify(&parse_response(answer)?)?;
//! assert_eq!(negotiated.subprotocol, None);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, uri::Scheme};

use super::{
    authority::Authority,
    deflate_answer::NAME,
    error::HandshakeError,
    extension::{ExtensionOffer, parse_extensions},
    extension_header::encode_extensions,
    headers::{
        CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE, VERSION, WEBSOCKET, check_added, single,
    },
    key::{AcceptKey, Nonce},
    negotiated::Negotiated,
    received::Received,
    request::ClientRequest,
    subprotocol::Subprotocol,
    syntax::{contains_token, list_elements},
    target::shown_target,
};
use crate::deflate::{Compression, DeflateParams};

/// An opening handshake that waits for the response of the server.
#[derive(Clone)]
pub struct ClientHandshake {
    request: Request<()>,
    /// The answer to our key. An extended CONNECT has none.
    expected: Option<AcceptKey>,
    subprotocols: Vec<Subprotocol>,
    extensions: Vec<ExtensionOffer>,
    compression: Option<Compression>,
}

impl ClientHandshake {
    /// Builds the request. The nonce must be random and new for each connection.
    ///
    /// # Errors
    /// Fails if the application sets a reserved header, a malformed `Host` or several origins, or offers a subprotocol
    /// twice or a malformed extension.
    pub fn new(request: ClientRequest, nonce: Nonce) -> Result<Self, HandshakeError> {
        let mut head = Request::new(());
        *head.uri_mut() = Uri::from(request.target().clone());
        let headers = head.headers_mut();
        headers.insert(HOST, host_value(&request)?);
        headers.insert(UPGRADE, WEBSOCKET);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_KEY, nonce.to_header_value());
        Self::with_offers(request, head, Some(nonce.accept_key()))
    }

    /// Builds an extended CONNECT, the handshake over HTTP/2 (RFC 8441, 5) and HTTP/3 (RFC 9220). Send the pseudo-header
    /// field `:protocol` with the value [`PROTOCOL`](Self::PROTOCOL) with it. `version` is `HTTP_2` or `HTTP_3`.
    ///
    /// ```
    /// use http::{Response, Version};
    /// use silverback_proto::handshake::{ClientHandshake, ClientRequest};
    ///
    /// let request = ClientRequest::parse("wss://example.com/chat")?;
    /// let handshake = ClientHandshake::new_connect(request, Version::HTTP_2)?;
    /// assert_eq!(handshake.request().method(), "CONNECT");
    /// assert_eq!(handshake.request().uri(), "https://example.com/chat");
    /// let negotiated = handshake.verify(&Response::new(()))?; // 200
    /// assert_eq!(negotiated.subprotocol, None);
    /// # Ok::<_, silverback_proto::handshake::HandshakeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn new_connect(request: ClientRequest, version: Version) -> Result<Self, HandshakeError> {
        let authority = host_value(&request)?;
        let scheme = if request.is_secure() { Scheme::HTTPS } else { Scheme::HTTP };
        let uri =
            Uri::builder().scheme(scheme).authority(authority.as_bytes()).path_and_query(request.target().clone());
        let invalid = |_| HandshakeError::InvalidHost(Received::new(authority.as_bytes()));
        let mut head = Request::new(());
        *head.method_mut() = Method::CONNECT;
        *head.version_mut() = version;
        *head.uri_mut() = uri.build().map_err(invalid)?;
        Self::with_offers(request, head, None)
    }

    /// The value of `:protocol` in an extended CONNECT (RFC 8441, 5).
    pub const PROTOCOL: &'static str = "websocket";

    /// Adds what both forms of the handshake have.
    fn with_offers(
        request: ClientRequest,
        mut head: Request<()>,
        expected: Option<AcceptKey>,
    ) -> Result<Self, HandshakeError> {
        request.check()?;
        let headers = head.headers_mut();
        headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
        if !request.subprotocols.is_empty() {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, joined(&request.subprotocols)?);
        }
        let mut extensions = request.extensions;
        extensions.extend(request.compression.as_ref().map(Compression::offer));
        if let Some(value) = encode_extensions(&extensions)? {
            headers.insert(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        headers.extend(request.headers);
        Ok(Self {
            request: head,
            expected,
            subprotocols: request.subprotocols,
            extensions,
            compression: request.compression,
        })
    }

    /// The request to send. Its target is a path with a query, or a whole URI for an extended CONNECT.
    pub fn request(&self) -> &Request<()> {
        &self.request
    }

    /// Validates the response. Skip interim responses (100 to 199, except 101) before.
    ///
    /// # Errors
    /// Returns the first violation of RFC 6455, 4.1. The status comes first, because a response with another status
    /// than 101, or than 2xx to an extended CONNECT, is an ordinary HTTP response.
    pub fn verify<B>(self, response: &Response<B>) -> Result<Negotiated, HandshakeError> {
        let headers = response.headers();
        match &self.expected {
            Some(expected) => {
                check_switch(response)?;
                check_accept(headers, expected)?;
            }
            // RFC 8441, 5: any 2xx. A gateway may have left a `Sec-WebSocket-Accept`, which means nothing here.
            None if response.status().is_success() => {}
            None => return Err(HandshakeError::ConnectStatus(response.status())),
        }
        let subprotocol = self.agreed_subprotocol(headers)?;
        let extensions = self.agreed_extensions(headers)?;
        let compression = self.agreed_compression(&extensions)?;
        Ok(Negotiated { subprotocol, extensions, compression })
    }

    /// 4.1: the server may choose one of the offered subprotocols, with the same case, or none.
    fn agreed_subprotocol(&self, headers: &HeaderMap) -> Result<Option<Subprotocol>, HandshakeError> {
        let chosen = at_most_one(headers, &SEC_WEBSOCKET_PROTOCOL, "Sec-WebSocket-Protocol")?;
        let Some(chosen) = chosen.map(HeaderValue::as_bytes) else {
            return Ok(None);
        };
        let mut offered = self.subprotocols.iter();
        match offered.find(|name| name.as_str().as_bytes() == chosen) {
            Some(name) => Ok(Some(name.clone())),
            None => Err(HandshakeError::WrongSubprotocol(Received::new(chosen))),
        }
    }

    /// 4.1: the server may use only extensions that the client offered. Each extension validates its own parameters.
    /// Several header lines are accepted: 4.2.2 allows them, although 11.3.2 does not.
    fn agreed_extensions(&self, headers: &HeaderMap) -> Result<Vec<ExtensionOffer>, HandshakeError> {
        let agreed = parse_extensions(headers).map_err(HandshakeError::Extensions)?;
        for (index, extension) in agreed.iter().enumerate() {
            let name = || Received::new(extension.name.as_bytes());
            if !self.extensions.iter().any(|offer| offer.name == extension.name) {
                return Err(HandshakeError::WrongExtension(name()));
            }
            if agreed[..index].iter().any(|earlier| earlier.name == extension.name) {
                return Err(HandshakeError::ExtensionUsedTwice(name()));
            }
        }
        Ok(agreed)
    }

    /// RFC 7692, 7.1: the parameters that the server's answer to our offer sets.
    fn agreed_compression(&self, agreed: &[ExtensionOffer]) -> Result<Option<DeflateParams>, HandshakeError> {
        let Some(compression) = &self.compression else { return Ok(None) };
        let answer = agreed.iter().find(|extension| extension.name == NAME);
        let params = answer.map(|answer| compression.verify(answer)).transpose();
        params.map_err(HandshakeError::Compression)
    }
}

impl ClientRequest {
    /// Validates headers, subprotocols, extensions and `Host` before a connection is made, as [`ClientHandshake::new`]
    /// does.
    ///
    /// # Errors
    /// Fails if the application sets a reserved header, a malformed `Host` or several origins, or offers a subprotocol
    /// twice or a malformed extension.
    pub fn check(&self) -> Result<(), HandshakeError> {
        check_headers(&self.headers)?;
        check_subprotocols(&self.subprotocols)?;
        host_value(self)?;
        encode_extensions(&self.extensions)?;
        Ok(())
    }
}

/// Hides the query, which may hold secrets.
impl fmt::Debug for ClientHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientHandshake")
            .field("target", &self.request.uri().path_and_query().map(shown_target))
            .field("headers", self.request.headers())
            .field("expected", &self.expected)
            .field("subprotocols", &self.subprotocols)
            .field("extensions", &self.extensions)
            .field("compression", &self.compression)
            .finish()
    }
}

fn check_headers(headers: &HeaderMap) -> Result<(), HandshakeError> {
    check_added(headers)?;
    if headers.contains_key(HOST) {
        return Err(HandshakeError::ReservedHeader(Received::new(b"Host")));
    }
    if single(headers, &ORIGIN).is_err() {
        return Err(HandshakeError::RepeatedOrigin);
    }
    Ok(())
}

/// 4.1, 10: all subprotocols must be different.
fn check_subprotocols(offered: &[Subprotocol]) -> Result<(), HandshakeError> {
    let mut names = offered.iter().enumerate();
    match names.find(|(index, name)| offered[..*index].contains(name)) {
        Some((_, name)) => Err(HandshakeError::RepeatedSubprotocol(name.clone())),
        None => Ok(()),
    }
}

fn host_value(request: &ClientRequest) -> Result<HeaderValue, HandshakeError> {
    let invalid = |host: &[u8]| HandshakeError::InvalidHost(Received::new(host));
    if let Some(host) = &request.host_header {
        return match Authority::parse(host.as_bytes()) {
            Some(_) => Ok(host.clone()),
            None => Err(match std::str::from_utf8(host.as_bytes()) {
                Ok(text) if !text.is_ascii() => HandshakeError::InternationalHost(Received::text(text)),
                _ => invalid(host.as_bytes()),
            }),
        };
    }
    let host = request.host_text();
    HeaderValue::from_str(&host).map_err(|_| invalid(host.as_bytes()))
}

fn joined(names: &[Subprotocol]) -> Result<HeaderValue, HandshakeError> {
    let names: Vec<&str> = names.iter().map(Subprotocol::as_str).collect();
    let list = names.join(", ");
    HeaderValue::from_str(&list).map_err(|_| HandshakeError::InvalidSubprotocol(Received::new(list.as_bytes())))
}

/// Checks whether the server switched to WebSocket.
fn check_switch<B>(response: &Response<B>) -> Result<(), HandshakeError> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(HandshakeError::Status(response.status()));
    }
    if response.version() != Version::HTTP_11 {
        return Err(HandshakeError::HttpVersion(response.version()));
    }
    let headers = response.headers();
    // 4.1: the value is `websocket`, not a list that contains it. Repeating the same line is harmless.
    let mut protocols = list_elements(headers, &UPGRADE);
    let names_websocket = contains_token(headers, &UPGRADE, "websocket");
    if !names_websocket || !protocols.all(|name| name.eq_ignore_ascii_case(b"websocket")) {
        return Err(HandshakeError::Upgrade(Received::list(headers, &UPGRADE)));
    }
    if !contains_token(headers, &CONNECTION, "upgrade") {
        return Err(HandshakeError::Connection(Received::list(headers, &CONNECTION)));
    }
    // RFC 9112, 6.3: a 1xx response ends with its head. Some servers still add a Transfer-Encoding or Content-Length.
    // Such a header announces no body here, and browsers ignore it too.
    Ok(())
}

fn check_accept(headers: &HeaderMap, expected: &AcceptKey) -> Result<(), HandshakeError> {
    let name = "Sec-WebSocket-Accept";
    let accept = at_most_one(headers, &SEC_WEBSOCKET_ACCEPT, name)?.ok_or(HandshakeError::MissingHeader(name))?;
    if accept.as_bytes() != expected.as_bytes() {
        return Err(HandshakeError::WrongAccept(Received::new(accept.as_bytes())));
    }
    Ok(())
}

fn at_most_one<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'a HeaderValue>, HandshakeError> {
    single(headers, name).map_err(|_| HandshakeError::RepeatedHeader(shown))
}
