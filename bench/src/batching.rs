//! Echo with a library that is a `Stream` and a `Sink`: message by message, and the fastest way, which is to flush when
//! no more messages are buffered.

use std::{
    future::poll_fn,
    task::Poll::{Pending, Ready},
};

use futures_util::{Sink, Stream, StreamExt as _, sink::SinkExt as _};

use crate::Failure;

/// The loop of the libraries' own examples: each message is sent before the next is read.
pub async fn echo_each<S, M, E>(mut socket: S, is_data: impl Fn(&M) -> bool) -> Result<(), Failure>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
    E: Into<Failure>,
{
    while let Some(message) = socket.next().await {
        let message = message.map_err(Into::into)?;
        if is_data(&message) {
            socket.send(message).await.map_err(Into::into)?;
        }
    }
    Ok(())
}

/// Echoes a burst with one flush.
pub async fn echo_batches<S, M, E>(mut socket: S, is_data: impl Fn(&M) -> bool) -> Result<(), Failure>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
    E: Into<Failure>,
{
    while let Some(message) = next_or_flush(&mut socket).await {
        let message = message.map_err(Into::into)?;
        if is_data(&message) {
            socket.feed(message).await.map_err(Into::into)?;
        }
    }
    Ok(())
}

/// Returns the next message. If none is buffered, it flushes the fed messages before it waits.
pub async fn next_or_flush<S, M>(socket: &mut S) -> Option<S::Item>
where
    S: Stream + Sink<M> + Unpin,
{
    poll_fn(|cx| match socket.poll_next_unpin(cx) {
        Ready(item) => Ready(item),
        Pending => {
            // If this fails, the next read does too.
            let _ = socket.poll_flush_unpin(cx);
            Pending
        }
    })
    .await
}
