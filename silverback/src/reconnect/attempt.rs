//! One attempt: choose the server, dial it, and run the hook that sets up the connection.

use std::time::Duration;

use super::{
    Reconnect,
    hooks::{Hook, ReconnectAttempt},
    outage::Disconnect,
};
use crate::{
    conn::Conn,
    io::{clock, last_look},
};

/// Opens a connection that is ready for the application's messages.
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
