//! Reads the request of one stream.

use silverback_proto::h3::StreamEvent;
use tokio::time::timeout_at;

use super::stream::Http3Stream;
use crate::upgrade::{UpgradeError, Upgrader, bare::Budget, stream_request::StreamRequest};

/// Reads a request. If that fails, the client is told the reason.
pub(super) async fn read(upgrader: &Upgrader, mut stream: Http3Stream) -> Result<StreamRequest, UpgradeError> {
    let budget = Budget::start(upgrader);
    let error = match budget.limit(stream.read_head()).await {
        Ok(StreamEvent::Request { request, protocol }) => {
            return Ok(StreamRequest::over_http3(*request, protocol, stream, budget));
        }
        // The stream of a client begins with a request, so there is no other event.
        Ok(_) => UpgradeError::Disconnected,
        Err(error) => error,
    };
    if matches!(error, UpgradeError::Http3(_) | UpgradeError::Disconnected) {
        stream.note_cancelled();
    }
    let response = error.response();
    // Even after the deadline this polls once, so QUIC can still take a response such as the 408.
    let _ = timeout_at(budget.deadline(), async {
        match &error {
            UpgradeError::Http3(fault) => stream.refuse(fault, response).await,
            UpgradeError::Timeout(_) => {
                let (head, body) = response.into_parts();
                let _ = stream.respond(http::Response::from_parts(head, ()), body.into()).await;
            }
            _ => {}
        }
    })
    .await;
    Err(error)
}
