//! Hooks that the application runs at each attempt.

use std::{error::Error as StdError, future::Future, pin::Pin, sync::Arc};

use crate::{conn::Conn, dial::Dialer};

/// Identifies an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReconnectAttempt {
    /// The number of the attempt since the last stable connection, from 1.
    pub number: u32,
    /// The number of connections before this attempt. If it is 0, there is nothing to resume.
    pub connections: u64,
}

pub(super) type Prepare = Arc<dyn Fn(ReconnectAttempt) -> Hook<(Dialer, String)> + Send + Sync>;
pub(super) type OnConnect = Arc<dyn Fn(Conn, ReconnectAttempt) -> Hook<Conn> + Send + Sync>;
pub(super) type Hook<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// The error of a hook, of any type.
pub(super) type BoxError = Box<dyn StdError + Send + Sync>;

/// Erases the types of a hook.
pub(super) fn erase<T, E: Into<BoxError>>(hook: impl Future<Output = Result<T, E>> + Send + 'static) -> Hook<T> {
    Box::pin(async move { hook.await.map_err(Into::into) })
}
