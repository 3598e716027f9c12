//! What is answered to a request that is no acceptable opening handshake.

use std::fmt;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use silverback::{UpgradeError, handshake::Rejection};

/// Why a request was not upgraded. As a response it has the status and the headers that RFC 6455 and HTTP ask for, and
/// says in its body what was wrong: 405 with `Allow`, 426 with `Sec-WebSocket-Version`, 400, and 403 for an origin.
#[derive(Debug)]
pub struct WebSocketUpgradeRejection(UpgradeError);

impl WebSocketUpgradeRejection {
    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        match &self.0 {
            UpgradeError::Rejected(rejection) => rejection.status(),
            error => error.response().status(),
        }
    }

    /// The body of the response, without its line end.
    pub fn body_text(&self) -> String {
        self.0.response().into_body().trim_end().to_owned()
    }

    /// The reason itself.
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
