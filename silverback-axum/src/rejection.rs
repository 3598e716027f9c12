//! The response to a request that is not an acceptable opening handshake.

use std::fmt;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use silverback::{UpgradeError, proto::handshake::Rejection};

/// The reason why a request was not upgraded. It converts to a response with the status and headers that RFC 6455 and
/// HTTP require: 405 with `Allow`, 426 with `Sec-WebSocket-Version`, 400, or 403 for an origin. The body says what was
/// wrong.
#[derive(Debug)]
pub struct WebSocketUpgradeRejection(UpgradeError);

impl WebSocketUpgradeRejection {
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

impl IntoResponse for WebSocketUpgradeRejection {
    fn into_response(self) -> Response {
        self.0.response().map(Body::from)
    }
}

impl fmt::Display for WebSocketUpgradeRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for WebSocketUpgradeRejection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl From<UpgradeError> for WebSocketUpgradeRejection {
    fn from(error: UpgradeError) -> Self {
        Self(error)
    }
}

impl From<Rejection> for WebSocketUpgradeRejection {
    fn from(rejection: Rejection) -> Self {
        Self(rejection.into())
    }
}
