//! What the engine and the task of its connections share.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use silverback_hub::{EngineError, Position, TopicName};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{link::Server, resp::Value};

/// The state of the connections, and what was seen of the topics.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The connection that is in use. `None` while the engine is down.
    current: Mutex<Option<Current>>,
    /// The subscribed topics, each with the newest position that was seen.
    seen: Mutex<HashMap<TopicName, Option<Position>>>,
}

/// One life of the connections.
#[derive(Clone, Debug)]
pub(crate) struct Current {
    /// Its number. A command for another life is not sent, because it names the run of another server.
    pub(crate) number: u64,
    pub(crate) server: Server,
}

/// A command of a call, and where its reply goes.
pub(crate) struct Request {
    pub(crate) life: u64,
    pub(crate) command: Vec<u8>,
    pub(crate) answer: Answer<Value>,
    /// The part of the limit that it occupies until its reply is there.
    pub(crate) _room: OwnedSemaphorePermit,
}

/// A change of the subscriptions.
pub(crate) enum Order {
    Subscribe(TopicName, Answer<()>),
    Unsubscribe(TopicName, Answer<()>),
}

/// Where the result of a call goes. Nobody may be waiting any more.
pub(crate) type Answer<T> = oneshot::Sender<Result<T, EngineError>>;

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
