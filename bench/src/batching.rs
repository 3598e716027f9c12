//! Echo with a library that is a `Stream` and a `Sink`: one by one, and the fastest way, which is to flush when nothing
//! more is at hand.

use std::{
    future::poll_fn,
    task::Poll::{Pending, Ready},
};

use futures_util::{Sink, Stream, StreamExt as _, sink::SinkExt as _};

use crate::Failure;

/// The loop of the libraries' own examples: each message is sent before the next is looked at.
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

/// One flush for what came together.
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

/// The next message. If there is none at hand, what was fed is sent before it is waited for.
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
