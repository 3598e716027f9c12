//! The members that wait for a replay.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    model::{error::EngineError, name::TopicName, position::Position},
    topics::recovery::Replay,
};

/// The members that wait, by topic. A topic is here while a task answers its members.
#[derive(Default)]
pub(crate) struct Replays(Mutex<HashMap<TopicName, Vec<Waiter>>>);

pub(super) struct Waiter {
    pub(super) after: Position,
    pub(super) done: oneshot::Sender<Result<Replay, EngineError>>,
}

impl Replays {
    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<TopicName, Vec<Waiter>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
