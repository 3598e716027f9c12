//! How long a side of a conversation waits before it cancels a future.

use std::{future::poll_fn, pin::pin, task::Poll};

use proptest::prelude::*;
use silverback_testkit::poll::drop_after_polls;
use tokio::task::yield_now;

/// When a future is cancelled.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// After this many polls, one per turn.
    Turns(usize),
    /// After this many polls, each after a wake-up.
    Wakes(usize),
    Endless,
}

impl Patience {
    pub(super) fn at_most(self, most: usize) -> Self {
        match self {
            Self::Turns(turns) => Self::Turns(turns.min(most)),
            Self::Wakes(_) | Self::Endless => Self::Turns(most),
        }
    }
}

pub(super) fn any_patience() -> impl Strategy<Value = Patience> {
    prop_oneof![
        4 => (1..4_usize).prop_map(Patience::Turns),
        1 => Just(Patience::Turns(20)),
        2 => (1..4_usize).prop_map(Patience::Wakes),
        1 => Just(Patience::Endless),
    ]
}

/// Polls a future until it is ready or cancelled; then it is dropped.
pub(super) async fn attempt<F: Future>(patience: Patience, future: F) -> Option<F::Output> {
    let turns = match patience {
        Patience::Endless => return Some(future.await),
        Patience::Wakes(wakes) => return drop_after_polls(wakes, future).await,
        Patience::Turns(turns) => turns,
    };
    let mut future = pin!(future);
    for _ in 0..turns {
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}
