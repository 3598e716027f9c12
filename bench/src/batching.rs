//! The fastest way to echo with a library that is a `Stream` and a `Sink`: flush when nothing more is at hand.

use std::{
    future::poll_fn,
    task::Poll::{Pending, Ready},
};

use futures_util::{Sink, Stream, StreamExt as _, sink::SinkExt as _};

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
