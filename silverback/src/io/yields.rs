//! Yielding to other tasks.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use tokio::task::yield_now;

/// Lets other tasks and the driver of sockets and timers run before this task continues.
pub(crate) fn yields(cx: &mut Context<'_>) -> Poll<()> {
    // The future still wakes this task although it is dropped after one poll.
    pin!(yield_now()).poll(cx)
}
