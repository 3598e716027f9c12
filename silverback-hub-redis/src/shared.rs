//! What the engine and the task of its connections share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{ErrorKind, RedisError, ServerErrorKind, aio::MultiplexedConnection};
use silverback_hub::{EngineError, Position, TopicName};
use tokio::sync::{Notify, oneshot};

use crate::link::Server;

/// The state of the connections, and what was seen of the topics.
#[derive(Default)]
pub(crate) struct Shared {
    /// The connection that is in use. `None` while the engine is down.
    current: Mutex<Option<Current>>,
    /// The subscribed topics, each with the newest position that was seen.
    seen: Mutex<HashMap<TopicName, Option<Position>>>,
}

/// The connection for commands, and the server that it leads to.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) server: Server,
    /// Told if the server answers that it takes no more commands.
    pub(crate) is_of_no_use: Arc<Notify>,
}

/// A change of the subscriptions.
pub(crate) enum Order {
    Subscribe(TopicName, Answer<()>),
    Unsubscribe(TopicName, Answer<()>),
}

/// Where the result of a call goes. Nobody may be waiting any more.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, EngineError>>;

impl Current {
    /// Turns the error of a command into one of the engine.
    pub(crate) fn failed(&self, error: &RedisError) -> EngineError {
        let says_no_use = match error.kind() {
            ErrorKind::Server(kind) => NO_USE.contains(&kind),
            ErrorKind::AuthenticationFailed => true,
            _ => error.code() == Some("NOAUTH"),
        };
        if says_no_use {
            self.is_of_no_use.notify_one();
            EngineError::Down
        } else if error.is_timeout() || error.is_io_error() || error.is_unrecoverable_error() {
            // Nobody knows whether the server has run the command.
            EngineError::TimedOut
        } else if error.code().is_some() {
            refused(error)
        } else {
            unexpected()
        }
    }
}

/// The error of a command that the server refuses, for the application.
pub(crate) fn refused(error: &RedisError) -> EngineError {
    let text: String = error.to_string().chars().take(LONGEST).collect();
    EngineError::Other(format!("Redis refuses: {text}").into())
}

/// A reply that no script of this version gives.
pub(crate) fn unexpected() -> EngineError {
    EngineError::Other("Redis gave a reply that does not fit; do other programs use these keys?".into())
}

impl Shared {
    pub(crate) fn current(&self) -> Option<Current> {
        lock(&self.current).clone()
    }

    pub(crate) fn set_current(&self, current: Option<Current>) {
        *lock(&self.current) = current;
    }

    /// Begins to note what is seen of a topic.
    pub(crate) fn watch(&self, name: &TopicName) {
        lock(&self.seen).entry(name.clone()).or_insert(None);
    }

    pub(crate) fn forget(&self, name: &TopicName) {
        lock(&self.seen).remove(name);
    }

    /// The newest position that was seen of a subscribed topic.
    pub(crate) fn seen(&self, name: &TopicName) -> Option<Position> {
        lock(&self.seen).get(name).cloned().flatten()
    }

    /// Notes a position of a subscribed topic.
    pub(crate) fn note(&self, name: &TopicName, position: &Position) {
        if let Some(seen) = lock(&self.seen).get_mut(name) {
            if seen.as_ref().is_none_or(|seen| seen.epoch != position.epoch || seen.offset < position.offset) {
                *seen = Some(position.clone());
            }
        }
    }

    /// Notes the position of a publication that has arrived. Returns `false` if the server has used its offset before: it
    /// has lost data without knowing. The topic then gets a new epoch, because no offset will be large enough.
    pub(crate) fn note_arrival(
        &self,
        name: &TopicName,
        position: &Position,
        seen_before: &mut Option<Position>,
    ) -> bool {
        let is_used =
            seen_before.as_ref().is_some_and(|seen| seen.epoch == position.epoch && seen.offset >= position.offset);
        *seen_before = Some(position.clone());
        if is_used {
            self.note(name, &Position::new(position.epoch.clone(), Position::MAX_OFFSET));
        } else {
            self.note(name, position);
        }
        !is_used
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Errors that say that the command was not run and that the next ones will not be either.
const NO_USE: &[ServerErrorKind] = &[
    ServerErrorKind::BusyLoading,
    ServerErrorKind::ReadOnly,
    ServerErrorKind::MasterDown,
    ServerErrorKind::Moved,
    ServerErrorKind::ClusterDown,
];
/// Characters of an error that are passed on.
const LONGEST: usize = 200;
