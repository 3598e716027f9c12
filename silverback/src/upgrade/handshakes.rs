//! The handshakes of a server over HTTP/2 or HTTP/3 that run in the background.

use std::task::{Context, Poll};

use http::Request;
use tokio::task::JoinSet;

use super::{UpgradeError, Upgrader, stream_request::StreamRequest};
use crate::conn::Conn;

/// The outcome of the request of one stream.
pub(super) type Accepted = Result<(Conn, Request<()>), UpgradeError>;

/// The handshakes of single streams. Each may wait for the application's hook.
#[derive(Default)]
pub(super) struct Handshakes(JoinSet<Accepted>);

impl Handshakes {
    /// Accepts a request in the background.
    pub(super) fn start(&mut self, upgrader: &Upgrader, request: StreamRequest) {
        let upgrader = upgrader.clone();
        self.0.spawn(async move { request.accept(&upgrader).await });
    }

    /// Returns the outcome of a handshake that is over, or registers for the next one.
    pub(super) fn poll_one(&mut self, cx: &mut Context<'_>) -> Option<Accepted> {
        poll_task(&mut self.0, cx)
    }
}

/// Returns the result of a task that is done, or registers for the next one.
pub(super) fn poll_task<T: 'static>(tasks: &mut JoinSet<T>, cx: &mut Context<'_>) -> Option<T> {
    loop {
        match tasks.poll_join_next(cx) {
            Poll::Ready(Some(Ok(result))) => return Some(result),
            // The application's hook has panicked, which reset its stream. Others that are done would not wake this task
            // again.
            Poll::Ready(Some(Err(_))) => {}
            Poll::Ready(None) | Poll::Pending => return None,
        }
    }
}
