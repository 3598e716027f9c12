//! The state that a connection and its writers keep between two polls: boxed futures, and the state of their sinks.

use std::{
    fmt,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use silverback_proto::Message;

use super::ReconnectError;
use crate::{conn::writer::Writer, io::output::ChangingRoomWait};

/// A boxed future. The lock makes it `Sync`, and is never taken, because every access has `&mut`.
pub(super) struct Boxed<T>(Mutex<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T> Boxed<T> {
    pub(super) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Mutex::new(Box::pin(future)))
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(cx)
    }
}

impl<T> fmt::Debug for Boxed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Boxed")
    }
}

/// The state of a connection between two polls of its sink.
#[derive(Debug, Default)]
pub(super) struct ConnSink {
    /// A message that `start_send` took while it could not be accepted.
    pub(super) unsent: Option<Message>,
    /// The place of `unsent` in the queue of the connection.
    pub(super) wait: ChangingRoomWait,
    /// A writer of the connection that is being flushed.
    pub(super) flushing: Option<Writer>,
}

/// The state of a writer between two polls of its sink.
#[derive(Debug, Default)]
pub(super) struct WriterSink {
    pub(super) writing: Option<Boxed<Result<(), ReconnectError>>>,
    pub(super) flushing: Option<Boxed<Result<(), ReconnectError>>>,
}
