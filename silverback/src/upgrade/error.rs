//! Errors of the opening handshake on the server's side.

use std::{fmt, io, time::Duration};

use http::{Response, StatusCode};
use silverback_proto::handshake::{HandshakeError, Rejection};

/// The reason why a request was not upgraded.
#[derive(Debug)]
#[non_exhaustive]
pub enum UpgradeError {
    /// The request is not an acceptable opening handshake. [`response`](Self::response) is the answer for the client.
    Rejected(Rejection),
    /// The application's hook rejected the request with this response.
    Refused(Box<Response<String>>),
    /// The application's options are invalid, such as a malformed subprotocol or a header that belongs to the
    /// handshake. The fault is on our side.
    Misconfigured(HandshakeError),
    /// The request came from a server that cannot hand over its connection.
    NotUpgradable,
    /// The client closed the stream before its request was complete.
    Disconnected,
    /// The request did not arrive, or the response did not leave, within this time.
    Timeout(Duration),
    /// The client broke a rule of HTTP/3 or exceeded a limit. [`ends_connection`](silverback_proto::h3::Error::ends_connection)
    /// says whether the connection ended or only the stream.
    #[cfg(feature = "http3")]
    Http3(silverback_proto::h3::Error),
    /// The transport failed.
    Io(io::Error),
}

impl UpgradeError {
    /// Returns whether a timeout expired.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Timeout(_))
    }

    /// Returns the label of the result in metrics.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.label(),
            Self::Refused(_) => "not_allowed",
            Self::Timeout(_) => "timeout",
            Self::Misconfigured(_) | Self::NotUpgradable => "misconfigured",
            #[cfg(feature = "http3")]
            Self::Http3(_) => "malformed",
            Self::Disconnected | Self::Io(_) => "lost",
        }
    }

    /// Returns the response for the client. On a bare stream it has already been sent.
    pub fn response(&self) -> Response<String> {
        match self {
            Self::Rejected(rejection) => rejection.response(),
            Self::Refused(response) => (**response).clone(),
            Self::Timeout(_) => Rejection::Timeout.response(),
            #[cfg(feature = "http3")]
            Self::Http3(fault) => {
                let mut response = Response::new(format!("{fault}\n"));
                *response.status_mut() = fault.status().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                response
            }
            Self::Misconfigured(_) | Self::NotUpgradable | Self::Disconnected | Self::Io(_) => {
                let mut response = Response::new("The connection could not be upgraded.\n".to_owned());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }
}

impl fmt::Display for UpgradeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(rejection) => rejection.fmt(f),
            Self::Refused(response) => write!(f, "the application refused the request with {}", response.status()),
            Self::Misconfigured(error) => error.fmt(f),
            Self::NotUpgradable => f.write_str("the server cannot hand the request's connection over"),
            Self::Disconnected => f.write_str("the client went away before its request was complete"),
            Self::Timeout(after) => write!(f, "the opening handshake was not done within {after:?}"),
            #[cfg(feature = "http3")]
            Self::Http3(fault) => fault.fmt(f),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for UpgradeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Rejected(error) => Some(error),
            Self::Misconfigured(error) => Some(error),
            #[cfg(feature = "http3")]
            Self::Http3(fault) => Some(fault),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Rejection> for UpgradeError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<HandshakeError> for UpgradeError {
    fn from(error: HandshakeError) -> Self {
        Self::Misconfigured(error)
    }
}

impl From<io::Error> for UpgradeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
