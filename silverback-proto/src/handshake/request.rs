//! The parts of a client's opening handshake: the parsed URI (RFC 6455, 3) and the options of RFC 6455, 4.1. `client`
//! builds the HTTP request of it.

use std::fmt;

use super::{
    authority::Authority,
    error::HandshakeError,
    extension::ExtensionOffer,
    received::Received,
    subprotocol::Subprotocol,
    target::{BLANKS, escape_target, refuse_control_characters, shown_target},
    zone::{self, split_zone},
};
use crate::deflate::Compression;
use http::header::ORIGIN;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

/// A server to connect to, and the options to offer it.
///
/// ```
/// use silverback_proto::handshake::{ClientRequest, Subprotocol};
///
/// let request = ClientRequest::parse("wss://Example.com/chat?room=1")?
///     .subprotocol(Subprotocol::new("chat")?);
/// assert!(request.is_secure());
/// assert_eq!((request.host(), request.port()), ("example.com", 443));
/// # Ok::<_, silverback_proto::handshake::HandshakeError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct ClientRequest {
    secure: bool,
    authority: Authority,
    /// Present only with an IPv6 address.
    zone: Option<Box<str>>,
    target: PathAndQuery,
    pub(super) host_header: Option<HeaderValue>,
    pub(super) subprotocols: Vec<Subprotocol>,
    pub(super) extensions: Vec<ExtensionOffer>,
    pub(super) compression: Option<Compression>,
    pub(super) headers: HeaderMap,
}

impl ClientRequest {
    /// Reads a WebSocket URI. Prefer this to [`new`](Self::new) if you have the text. Only this method detects a
    /// fragment, which is not allowed, and its errors are more precise.
    ///
    /// Characters that browsers escape in path and query are escaped: blanks, quotes, `<`, `>`, and everything outside
    /// ASCII. Escapes stay as they are. A host name outside ASCII is converted with the feature `idna`. Blanks and line
    /// breaks around the URI are ignored.
    ///
    /// ```
    /// use silverback_proto::handshake::ClientRequest;
    ///
    /// let request = ClientRequest::parse("ws://example.com/zoë's room?q={\"a\": 1}")?;
    /// assert_eq!(request.target().as_str(), "/zo%C3%AB's%20room?q={%22a%22:%201}");
    /// # Ok::<_, silverback_proto::handshake::HandshakeError>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new). Also fails if the text is not a URI.
    pub fn parse(uri: &str) -> Result<Self, HandshakeError> {
        refuse_control_characters(uri)?;
        let uri = uri.trim_matches(BLANKS);
        if uri.contains('#') {
            return Err(HandshakeError::Fragment);
        }
        let Some((scheme, rest)) = uri.split_once("://") else {
            let parsed = Uri::try_from(uri).map_err(|_| HandshakeError::InvalidUri(Received::uri(uri)))?;
            return Self::new(&parsed);
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        Self::from_parts(scheme, authority, target)
    }

    /// Takes a URI with the scheme `ws` or `wss`, or `http` or `https`, which mean the same. An empty path means `/`.
    /// An `http::Uri` has already dropped a fragment.
    ///
    /// # Errors
    /// Fails if the scheme is missing or another one, if the host or port is missing or malformed, or if there is a
    /// user name, a password or a control character.
    pub fn new(uri: &Uri) -> Result<Self, HandshakeError> {
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let target = uri.path_and_query().map_or("", PathAndQuery::as_str);
        refuse_control_characters(target)?;
        Self::from_parts(uri.scheme_str().unwrap_or_default(), authority, target)
    }

    fn from_parts(scheme: &str, authority: &str, target: &str) -> Result<Self, HandshakeError> {
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => false,
            "wss" | "https" => true,
            _ => return Err(HandshakeError::UnsupportedScheme(Received::uri(scheme))),
        };
        if authority.contains('@') {
            return Err(HandshakeError::UserInfo);
        }
        let invalid = || invalid_host(authority, target);
        let (bare, zone) = split_zone(authority).ok_or_else(invalid)?;
        let authority = Authority::from_input(&bare).ok_or_else(invalid)?;
        Ok(Self {
            secure,
            authority,
            zone,
            target: escape_target(target)?,
            host_header: None,
            subprotocols: Vec::new(),
            extensions: Vec::new(),
            compression: None,
            headers: HeaderMap::new(),
        })
    }

    /// Offers a subprotocol. The order of calls is the order of preference. Offer each name only once.
    pub fn subprotocol(mut self, name: Subprotocol) -> Self {
        self.subprotocols.push(name);
        self
    }

    /// Offers an extension. You may offer one extension several times, with other parameters as a fallback.
    pub fn extension(mut self, offer: ExtensionOffer) -> Self {
        self.extensions.push(offer);
        self
    }

    /// Offers compression (RFC 7692). This replaces an earlier call.
    pub fn compression(mut self, compression: impl Into<Option<Compression>>) -> Self {
        self.compression = compression.into();
        self
    }

    /// Adds a header, such as `Authorization` or `Cookie`. [`ClientHandshake::new`](super::ClientHandshake::new) fails
    /// if the header is reserved or if there are more than 1,000.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        // If the map is full, it has too many headers, and `ClientHandshake::new` fails.
        let _ = self.headers.try_append(name, value);
        self
    }

    /// Sets a header, and removes earlier headers of this name.
    pub fn replace_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Sets the `Origin` of this client, and replaces an earlier one.
    pub fn origin(mut self, origin: HeaderValue) -> Self {
        let _ = self.headers.try_insert(ORIGIN, origin);
        self
    }

    /// Sends this `Host` instead of the URI's host, for servers that route by it.
    pub fn host_header(mut self, host: HeaderValue) -> Self {
        self.host_header = Some(host);
        self
    }

    /// Whether the URI requires TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host to connect to, in lower case and in ASCII (see [`ascii_host`](super::ascii_host)); an IPv6 address in
    /// brackets and without its zone.
    pub fn host(&self) -> &str {
        &self.authority.host
    }

    /// The zone of an IPv6 address (RFC 6874), which is the network interface of this machine that reaches the address:
    /// `eth0` for `ws://[fe80::1%25eth0]/`. It is not sent to the server.
    pub fn zone(&self) -> Option<&str> {
        self.zone.as_deref()
    }

    /// The host as the system's resolver takes it: an IPv6 address without brackets and with its zone, `fe80::1%eth0`.
    pub fn socket_host(&self) -> String {
        let host = self.host().trim_matches(['[', ']']);
        self.zone().map_or_else(|| host.to_owned(), |zone| format!("{host}%{zone}"))
    }

    /// The host as a URI writes it: an IPv6 address in brackets and with its zone, `[fe80::1%25eth0]`.
    pub fn uri_host(&self) -> String {
        let host = self.host();
        let address = || host.trim_matches(['[', ']']);
        self.zone().map_or_else(|| host.to_owned(), |zone| format!("[{}%25{}]", address(), zone::encode(zone)))
    }

    /// The port to connect to: the URI's, or 443 with TLS and 80 without.
    pub fn port(&self) -> u16 {
        self.authority.port.unwrap_or(self.default_port())
    }

    /// The path and query of the request (the RFC's *resource name*).
    pub fn target(&self) -> &PathAndQuery {
        &self.target
    }

    /// 4.1, 4: the host, and the port unless it is the default one.
    pub(super) fn host_text(&self) -> String {
        match self.port() {
            port if port == self.default_port() => self.host().to_owned(),
            port => format!("{}:{port}", self.host()),
        }
    }

    fn default_port(&self) -> u16 {
        if self.secure { 443 } else { 80 }
    }
}

/// Hides the query, which may hold secrets.
impl fmt::Debug for ClientRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientRequest")
            .field("secure", &self.secure)
            .field("host", &self.host())
            .field("zone", &self.zone)
            .field("port", &self.port())
            .field("target", &shown_target(&self.target))
            .field("host_header", &self.host_header)
            .field("subprotocols", &self.subprotocols)
            .field("extensions", &self.extensions)
            .field("compression", &self.compression)
            .field("headers", &self.headers)
            .finish()
    }
}

/// Detects a password that is not percent-encoded. It may have any character, such as the `/` that ends the authority
/// in `ws://me:pass/word@host`. The error does not repeat it.
fn invalid_host(authority: &str, target: &str) -> HandshakeError {
    match target.contains('@') {
        true => HandshakeError::UserInfo,
        false if !authority.is_ascii() => HandshakeError::InternationalHost(Received::text(authority)),
        false => HandshakeError::InvalidHost(Received::text(authority)),
    }
}
