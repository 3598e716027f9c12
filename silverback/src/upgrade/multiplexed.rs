//! What servers over HTTP/2 and HTTP/3 have in common: many WebSockets on one connection.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use silverback_proto::handshake::{Rejection, ServerHandshake};
use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    UpgradeError, Upgrader,
    bare::{Budget, ask},
};
use crate::conn::opening::Opening;

/// Asks the application's hook, and negotiates. A client that resets its stream ends the hook: the stream no longer
/// counts for [`MAX_STREAMS`], so otherwise a client could keep any number of hooks busy. `reset` is ready then.
pub(super) async fn negotiate(
    upgrader: &Upgrader,
    budget: &Budget,
    request: &Request<()>,
    handshake: Result<ServerHandshake, Rejection>,
    reset: impl Future<Output = ()>,
) -> Result<(Response<()>, Opening), UpgradeError> {
    let negotiating = budget.limit(async {
        let headers = ask(upgrader, request).await?;
        upgrader.negotiate(handshake?, headers)
    });
    unless(reset, negotiating).await.unwrap_or(Err(UpgradeError::Disconnected))
}

async fn unless<T>(stop: impl Future<Output = ()>, work: impl Future<Output = T>) -> Option<T> {
    let (mut stop, mut work) = (pin!(stop), pin!(work));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => stop.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Ends connections that carry no WebSocket.
pub(super) struct IdleTimer {
    interval: Duration,
    /// `None` if the handshake timeout is endless.
    timer: Option<Pin<Box<Sleep>>>,
    /// How many checks in a row found neither a WebSocket nor a handshake.
    checks: u8,
}

/// What to do with a connection after a check.
pub(super) enum IdleStep {
    Nothing,
    /// Tell the client to open no more streams.
    ShutDown,
    /// The client takes nothing or does not react.
    End,
}

impl IdleTimer {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, timer: timer(interval), checks: 0 }
    }

    /// Ready when the client must have begun, and then each time to check whether the connection is idle.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(cx))
    }

    /// Notes the result of a check. The first one may come just after the last WebSocket has ended, so only the second
    /// one tells the client.
    pub(super) fn check(&mut self, is_idle: bool, is_shutting_down: bool) -> IdleStep {
        self.timer = timer(self.interval);
        self.checks = if is_idle { self.checks + 1 } else { 0 };
        match self.checks {
            0 | 1 => IdleStep::Nothing,
            2 if !is_shutting_down => IdleStep::ShutDown,
            _ => IdleStep::End,
        }
    }
}

/// A timer, which is never so short that it keeps its task busy.
fn timer(length: Duration) -> Option<Pin<Box<Sleep>>> {
    let deadline = Instant::now().checked_add(length.max(SHORTEST_CHECK));
    deadline.map(|deadline| Box::pin(sleep_until(deadline)))
}

const SHORTEST_CHECK: Duration = Duration::from_millis(100);
/// WebSockets of one client on one connection. RFC 9113, 6.5.2 and RFC 9114, 6.1 recommend no less than 100.
pub(super) const MAX_STREAMS: u32 = 100;
