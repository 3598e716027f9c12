//! One attempt: where to go, the dial, and what has to be said first.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use super::{BoxError, Disconnect, Reconnect};
use crate::{
    conn::Conn,
    dial::Dialer,
    io::{clock, last_look},
};

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectAttempt {
    /// Its number since there last was a stable connection, from 1.
    pub number: u32,
    /// The connections that there have been before; 0 as long as there is nothing to resume.
    pub connections: u64,
}

pub(super) type Attempting = Pin<Box<dyn Future<Output = Result<Conn, Disconnect>> + Send>>;
pub(super) type Prepare = Arc<dyn Fn(ReconnectAttempt) -> Hook<(Dialer, String)> + Send + Sync>;
pub(super) type OnConnect = Arc<dyn Fn(Conn, ReconnectAttempt) -> Hook<Conn> + Send + Sync>;
type Hook<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Makes a connection that is ready for the application's messages.
pub(super) async fn attempt(plan: Reconnect, attempt: ReconnectAttempt) -> Result<Conn, Disconnect> {
    let (dialer, url) = match &plan.prepare {
        Some(prepare) => within(plan.hook_timeout, prepare(attempt)).await?,
        None => (plan.dialer, plan.url),
    };
    let conn = dialer.dial(&url).await.map_err(Disconnect::Dial)?;
    match &plan.on_connect {
        Some(on_connect) => within(plan.hook_timeout, on_connect(conn, attempt)).await,
        None => Ok(conn),
    }
}

async fn within<T>(time: Duration, hook: Hook<T>) -> Result<T, Disconnect> {
    match last_look::within(clock::now_and(time).into(), hook).await {
        Some(result) => result.map_err(Disconnect::from_hook),
        None => Err(Disconnect::HookTimeout(time)),
    }
}

/// Takes the types out of a hook.
pub(super) fn erase<T, E: Into<BoxError>>(hook: impl Future<Output = Result<T, E>> + Send + 'static) -> Hook<T> {
    Box::pin(async move { hook.await.map_err(Into::into) })
}
