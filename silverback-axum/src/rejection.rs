//! The response to a request that is not an acceptable opening handshake.

use std::fmt;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use silverback::{UpgradeError, proto::handshake::Rejection};

/// The reason why a request was not upgraded, with axum's names for the reasons that axum knows. It converts to a
/// response with the status and headers that RFC 6455 and HTTP require: 405 with `Allow`, 426 with
/// `Sec-WebSocket-Version`, 400, or 403 for an origin. The body gives the reason.
///
/// ```
/// use axum::response::{IntoResponse, Response};
/// use silverback_axum::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection};
///
/// async fn handler(ws: Result<WebSocketUpgrade, WebSocketUpgradeRejection>) -> Response {
///     match ws {
///         Ok(ws) => ws.on_upgrade(|_socket| async {}),
///         Err(WebSocketUpgradeRejection::InvalidUpgradeHeader(_)) => "This page is for programs.".into_response(),
///         Err(rejection) => rejection.into_response(),
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketUpgradeRejection {
    /// The method is not GET.
    MethodNotGet(Details),
    /// The method is not CONNECT, in a request over HTTP/2.
    MethodNotConnect(Details),
    /// `Connection` has no element `upgrade`.
    InvalidConnectionHeader(Details),
    /// `Upgrade: websocket` is missing, as when a browser opens the URL as a page.
    InvalidUpgradeHeader(Details),
    /// The `:protocol` of a CONNECT request is missing or not `websocket`.
    InvalidProtocolPseudoheader(Details),
    /// `Sec-WebSocket-Version` is missing or not 13.
    InvalidWebSocketVersionHeader(Details),
    /// `Sec-WebSocket-Key` is missing.
    WebSocketKeyHeaderMissing(Details),
    /// The request uses another version than HTTP/1.1, or its server cannot hand the connection over.
    ConnectionNotUpgradable(Details),
    /// Any other reason, such as a malformed header, which axum does not check.
    Other(Details),
}

/// The reason why a request was rejected, and the response to it.
#[derive(Debug)]
pub struct Details(UpgradeError);

impl Details {
    /// Returns the status of the response.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            UpgradeError::Rejected(rejection) => rejection.status(),
            error => error.response().status(),
        }
    }

    /// Returns the body of the response, without its line end.
    pub fn body_text(&self) -> String {
        self.0.response().into_body().trim_end().to_owned()
    }

    /// Returns the reason itself.
    pub fn into_inner(self) -> UpgradeError {
        self.0
    }
}

/// The details of any variant, owned or borrowed as the rejection is.
macro_rules! details_of {
    ($rejection:expr) => {
        match $rejection {
            WebSocketUpgradeRejection::MethodNotGet(details)
            | WebSocketUpgradeRejection::MethodNotConnect(details)
            | WebSocketUpgradeRejection::InvalidProtocolPseudoheader(details)
            | WebSocketUpgradeRejection::InvalidConnectionHeader(details)
            | WebSocketUpgradeRejection::InvalidUpgradeHeader(details)
            | WebSocketUpgradeRejection::InvalidWebSocketVersionHeader(details)
            | WebSocketUpgradeRejection::WebSocketKeyHeaderMissing(details)
            | WebSocketUpgradeRejection::ConnectionNotUpgradable(details)
            | WebSocketUpgradeRejection::Other(details) => details,
        }
    };
}

impl WebSocketUpgradeRejection {
    /// Returns the status of the response.
    pub fn status(&self) -> StatusCode {
        self.details().status()
    }

    /// Returns the body of the response, without its line end.
    pub fn body_text(&self) -> String {
        self.details().body_text()
    }

    /// Returns the reason itself.
    pub fn into_inner(self) -> UpgradeError {
        details_of!(self).into_inner()
    }

    fn details(&self) -> &Details {
        details_of!(self)
    }
}

impl From<UpgradeError> for WebSocketUpgradeRejection {
    fn from(error: UpgradeError) -> Self {
        let variant = match &error {
            UpgradeError::Rejected(Rejection::Connect(reason)) => variant_of(reason),
            UpgradeError::Rejected(reason) => variant_of(reason),
            UpgradeError::NotUpgradable => Self::ConnectionNotUpgradable,
            _ => Self::Other,
        };
        variant(Details(error))
    }
}

/// The variant for this reason.
fn variant_of(reason: &Rejection) -> fn(Details) -> WebSocketUpgradeRejection {
    match reason {
        Rejection::Method(_) => WebSocketUpgradeRejection::MethodNotGet,
        Rejection::MethodNotConnect(_) => WebSocketUpgradeRejection::MethodNotConnect,
        Rejection::NoProtocol | Rejection::Protocol(_) => WebSocketUpgradeRejection::InvalidProtocolPseudoheader,
        Rejection::Connection(_) => WebSocketUpgradeRejection::InvalidConnectionHeader,
        Rejection::NotAnUpgrade(_) => WebSocketUpgradeRejection::InvalidUpgradeHeader,
        Rejection::UnsupportedVersion(_) | Rejection::MissingHeader("Sec-WebSocket-Version") => {
            WebSocketUpgradeRejection::InvalidWebSocketVersionHeader
        }
        Rejection::MissingHeader("Sec-WebSocket-Key") => WebSocketUpgradeRejection::WebSocketKeyHeaderMissing,
        Rejection::HttpVersion(_) => WebSocketUpgradeRejection::ConnectionNotUpgradable,
        _ => WebSocketUpgradeRejection::Other,
    }
}

impl From<Rejection> for WebSocketUpgradeRejection {
    fn from(rejection: Rejection) -> Self {
        UpgradeError::from(rejection).into()
    }
}

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        self.into_inner().response().map(Body::from)
    }
}

impl IntoResponse for Details {
    fn into_response(self) -> Response {
        self.0.response().map(Body::from)
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.details().fmt(f)
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WebSocketUpgradeRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.details().0)
    }
}

impl std::error::Error for Details {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
