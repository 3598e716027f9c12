//! The rejection of an opening handshake: the reason in words, the status, and a response that any HTTP stack can send
//! (RFC 6455, 4.2.1 and 4.4).

use std::{fmt, time::Duration};

use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, UPGRADE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode, Version};

use super::{
    extension::ExtensionListError,
    headers::{SEC_WEBSOCKET_VERSION, VERSION, WEBSOCKET},
    host_policy::HostRefused,
    http1::error::HeadError,
    origin::OriginRefused,
    received::Received,
    subprotocol::SubprotocolListError,
};

/// Why a request is not accepted as an opening handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// The method is not GET: 405.
    Method(Received),
    /// The method is not CONNECT, in a request over HTTP/2 or HTTP/3: 405.
    MethodNotConnect(Received),
    /// A CONNECT request without `:protocol`, which asks for a tunnel: 405.
    NoProtocol,
    /// A CONNECT request for another protocol than `websocket`: 501 (RFC 9220, 3).
    Protocol(Received),
    /// The client ended the stream with its CONNECT request, so it could not send a frame: 400.
    EndOfStream,
    /// `Host` differs from `:authority`: 400.
    OtherHost(Received),
    /// The request uses another version than HTTP/1.1: 505.
    HttpVersion(Version),
    /// `Upgrade: websocket` is missing, as when a browser opens the URL as a page: 426.
    NotAnUpgrade(Option<Received>),
    /// `Connection` has no element `upgrade`: 400.
    Connection(Option<Received>),
    /// The request announces a body: 400.
    DeclaresBody,
    /// A header is missing: 400.
    MissingHeader(&'static str),
    /// A header that may appear once appears several times: 400.
    RepeatedHeader(&'static str),
    /// `Sec-WebSocket-Version` is not 13: 426.
    UnsupportedVersion(Received),
    /// `Sec-WebSocket-Key` is not base64 of 16 bytes: 400.
    InvalidKey(Received),
    /// `Host` is not a host with an optional port: 400.
    InvalidHost(Received),
    /// `Sec-WebSocket-Protocol` is malformed: 400.
    Subprotocols(SubprotocolListError),
    /// `Sec-WebSocket-Extensions` is malformed: 400.
    Extensions(ExtensionListError),
    /// The policy does not allow the origin of the page: 403.
    Origin(Box<OriginRefused>),
    /// The server does not answer to the host that the request is for: 403. Not 421, which asks clients to try again.
    /// Over HTTP/2 and HTTP/3 it is 421, because a client may have taken the connection to another host for it.
    Host(Box<HostRefused>),
    /// The same reason for an extended CONNECT. Its response has no `Connection` and no `Upgrade`, and therefore no
    /// status 426.
    Connect(Box<Rejection>),
    /// The bytes are not an HTTP request head, or too many: 400, 431 or 505.
    Head(HeadError),
    /// The request did not arrive in time: 408.
    Timeout,
    /// The server has no room for another connection: 503. The client may try again after this time.
    Overloaded {
        /// The time to wait, which is sent as `Retry-After` in whole seconds.
        retry_after: Duration,
    },
}

impl Rejection {
    /// Creates the rejection of an origin that the server's policy does not allow.
    pub fn origin(refused: OriginRefused) -> Self {
        Self::Origin(Box::new(refused))
    }

    /// Returns a word for the reason, for metrics and logs: `host`, `origin`, `timeout`, `overloaded`, or `malformed` for
    /// any other request that is not a valid handshake. Later versions may have more.
    ///
    /// ```
    /// # use silverback_proto::handshake::Rejection;
    /// assert_eq!(Rejection::DeclaresBody.label(), "malformed");
    /// ```
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connect(reason) => reason.label(),
            Self::Host(_) => "host",
            Self::Origin(_) => "origin",
            Self::Timeout => "timeout",
            Self::Overloaded { .. } => "overloaded",
            _ => "malformed",
        }
    }

    /// The HTTP status of the response.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Connect(reason) => match reason.status() {
                StatusCode::UPGRADE_REQUIRED => StatusCode::BAD_REQUEST,
                _ if matches!(**reason, Self::Host(_)) => StatusCode::MISDIRECTED_REQUEST,
                status => status,
            },
            Self::Method(_) | Self::MethodNotConnect(_) | Self::NoProtocol => StatusCode::METHOD_NOT_ALLOWED,
            Self::Protocol(_) => StatusCode::NOT_IMPLEMENTED,
            Self::HttpVersion(_) => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::NotAnUpgrade(_) | Self::UnsupportedVersion(_) => StatusCode::UPGRADE_REQUIRED,
            Self::Origin(_) | Self::Host(_) => StatusCode::FORBIDDEN,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Head(error) => error.status(),
            Self::Connection(_)
            | Self::DeclaresBody
            | Self::EndOfStream
            | Self::OtherHost(_)
            | Self::MissingHeader(_)
            | Self::RepeatedHeader(_)
            | Self::InvalidKey(_)
            | Self::InvalidHost(_)
            | Self::Subprotocols(_)
            | Self::Extensions(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// Returns the whole response: the reason as plain text, and the headers that its status requires.
    pub fn response(&self) -> Response<String> {
        if let Self::Connect(reason) = self {
            let mut response = reason.response();
            *response.status_mut() = self.status();
            // RFC 9113, 8.2.2, and RFC 9114, 4.2.
            response.headers_mut().remove(CONNECTION);
            response.headers_mut().remove(UPGRADE);
            return response;
        }
        let status = self.status();
        let mut response = Response::new(format!("{self}\n"));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, CONNECT"));
        }
        if let Self::Overloaded { retry_after } = self {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs()));
        }
        if self.is_about_version() {
            headers.insert(SEC_WEBSOCKET_VERSION, VERSION);
        }
        // Connection and Upgrade are not allowed in HTTP/2 and later (RFC 9113, 8.2.2).
        if !matches!(self, Self::HttpVersion(version) if *version >= Version::HTTP_2) {
            let mut connection = HeaderValue::from_static("close");
            if status == StatusCode::UPGRADE_REQUIRED {
                // RFC 9110, 15.5.22 and 7.8: a 426 names the protocol, and Connection names Upgrade.
                connection = HeaderValue::from_static("Upgrade, close");
                headers.insert(UPGRADE, WEBSOCKET);
            }
            headers.insert(CONNECTION, connection);
        }
        response
    }

    /// 4.2.2 and 4.4: tells a client with another version, or with none, which version we support.
    fn is_about_version(&self) -> bool {
        matches!(
            self,
            Self::NotAnUpgrade(_) | Self::UnsupportedVersion(_) | Self::MissingHeader("Sec-WebSocket-Version")
        )
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(method) => write!(f, "A WebSocket handshake is a GET request, not {method}."),
            Self::MethodNotConnect(method) => write!(
                f,
                "Over HTTP/2 and HTTP/3, a WebSocket handshake is a CONNECT request with `:protocol: websocket` \
                 (RFC 8441), not {method}."
            ),
            Self::NoProtocol => f.write_str(
                "This is not a proxy. A WebSocket handshake by CONNECT has `:protocol: websocket` (RFC 8441).",
            ),
            Self::Protocol(name) => write!(f, "The only protocol spoken here is websocket, not {name}."),
            Self::EndOfStream => f.write_str("The stream ended with the request, so no message could follow."),
            Self::OtherHost(host) => write!(f, "The Host header is {host}, which is not the `:authority`."),
            Self::Connect(reason) => reason.fmt(f),
            Self::HttpVersion(version) if *version < Version::HTTP_11 => write!(
                f,
                "A WebSocket handshake needs HTTP/1.1, and this request came as {version:?}. \
                 A proxy in between may be set to an old version."
            ),
            Self::HttpVersion(version) => {
                write!(f, "A WebSocket handshake by {version:?} is not possible here; use HTTP/1.1.")
            }
            Self::NotAnUpgrade(None) => f.write_str(
                "This address speaks WebSocket. Connect with a WebSocket client: \
                 the request has no `Upgrade: websocket` header.",
            ),
            Self::NotAnUpgrade(Some(value)) => {
                write!(f, "This address speaks WebSocket. The request asks to upgrade to {value} instead.")
            }
            Self::Connection(value) => {
                match value {
                    None => f.write_str("The request has no `Connection: Upgrade` header.")?,
                    Some(value) => write!(f, "The Connection header is {value}, without `upgrade`.")?,
                }
                f.write_str(" A proxy in between may have removed it.")
            }
            Self::DeclaresBody => f.write_str("A WebSocket handshake has no body."),
            Self::MissingHeader(name) => write!(f, "The request has no {name} header."),
            Self::RepeatedHeader(name) => write!(f, "The request has several {name} headers."),
            Self::UnsupportedVersion(value) => {
                write!(f, "The only WebSocket version spoken here is 13, not {value}.")
            }
            Self::InvalidKey(value) => {
                write!(f, "The Sec-WebSocket-Key {value} is not the base64 form of 16 bytes.")
            }
            Self::InvalidHost(value) => {
                write!(f, "The Host {value} is not a host with an optional port.")
            }
            Self::Subprotocols(error) => {
                write!(f, "The Sec-WebSocket-Protocol header is malformed: {error}.")
            }
            Self::Extensions(error) => {
                write!(f, "The Sec-WebSocket-Extensions header is malformed: {error}.")
            }
            Self::Origin(refused) => write!(f, "Forbidden: {refused}."),
            Self::Host(refused) => write!(f, "Forbidden: {refused}."),
            Self::Head(error) => write!(f, "Not a readable HTTP request: {error}."),
            Self::Timeout => f.write_str("The request did not arrive in time."),
            Self::Overloaded { retry_after } => write!(
                f,
                "The server has no room for another connection at the moment. Try again in {} s.",
                retry_after.as_secs()
            ),
        }
    }
}

impl std::error::Error for Rejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Subprotocols(error) => Some(error),
            Self::Extensions(error) => Some(error),
            Self::Origin(refused) => Some(&**refused),
            Self::Host(refused) => Some(&**refused),
            Self::Head(error) => Some(error),
            Self::Connect(reason) => reason.source(),
            _ => None,
        }
    }
}

impl From<HeadError> for Rejection {
    fn from(error: HeadError) -> Self {
        Self::Head(error)
    }
}

impl From<OriginRefused> for Rejection {
    fn from(refused: OriginRefused) -> Self {
        Self::origin(refused)
    }
}

impl From<HostRefused> for Rejection {
    fn from(refused: HostRefused) -> Self {
        Self::Host(Box::new(refused))
    }
}
