//! What the application does at each attempt.

use std::{error::Error as StdError, future::Future, pin::Pin, sync::Arc};

use crate::{conn::Conn, dial::Dialer};

/// Which attempt it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectAttempt {
    /// Its number since there last was a stable connection, from 1.
    pub number: u32,
    /// The connections that there have been before; 0 as long as there is nothing to resume.
    pub connections: u64,
}

pub(super) type Prepare = Arc<dyn Fn(ReconnectAttempt) -> Hook<(Dialer, String)> + Send + Sync>;
pub(super) type OnConnect = Arc<dyn Fn(Conn, ReconnectAttempt) -> Hook<Conn> + Send + Sync>;
pub(super) type Hook<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// What a hook may fail with.
pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Takes the types out of a hook.
pub(super) fn erase<T, E: Into<BoxError>>(hook: impl Future<Output = Result<T, E>> + Send + 'static) -> Hook<T> {
    Box::pin(async move { hook.await.map_err(Into::into) })
}
