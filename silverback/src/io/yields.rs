//! Letting others run.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use tokio::task::yield_now;

/// Lets other tasks run, and the driver of sockets and timers look around, before this one goes on.
pub(crate) fn yields(cx: &mut Context<'_>) -> Poll<()> {
    // Dropped after one poll, it still wakes.
    pin!(yield_now()).poll(cx)
}
