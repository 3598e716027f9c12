//! One connection in the hub.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use silverback::Writer;
use tokio::sync::oneshot;

use super::{access::Action, shared::Shared};
use crate::{
    model::{
        error::HubError,
        identity::{Identity, MemberId, Present},
        limits::LimitError,
        name::TopicName,
        position::Position,
    },
    node::{commands::Command, routing::Node},
    topics::recovery::Replay,
};

/// A connection that has joined the hub. Dropping it leaves all topics; the connection itself stays open.
///
/// Its methods ask the [authorization hook](crate::HubBuilder::authorize).
pub struct Member {
    shared: Arc<Shared>,
    id: MemberId,
    identity: Identity,
    writer: Writer,
    /// Subscriptions, and those that are about to begin. So a second one to the same topic fails before it could
    /// disturb the first.
    topics: Mutex<HashSet<TopicName>>,
}

impl Member {
    pub(super) fn new(shared: Arc<Shared>, id: MemberId, identity: Identity, writer: Writer) -> Self {
        Self { shared, id, identity, writer, topics: Mutex::default() }
    }

    /// Returns the id. No other member of any node has it.
    pub fn id(&self) -> MemberId {
        self.id
    }

    /// Returns who it is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the writer of the connection, for messages that are not publications. Their order relative to
    /// publications is not defined.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Ends a subscription. Returns whether there was one. After this, no publication of the topic is queued.
    ///
    /// # Errors
    /// Fails if the name is not valid or the hub has stopped.
    ///
    /// # Cancel safety
    /// If the future is dropped after the first poll, the subscription ends all the same.
    pub async fn unsubscribe(&self, topic: &str) -> Result<bool, HubError> {
        let name = TopicName::new(topic)?;
        let (done, result) = oneshot::channel();
        let command = Command::Unsubscribe { member: self.id, name: name.clone(), done: Some(done) };
        self.node().send(self.id, command);
        // A future that is dropped here has unsubscribed all the same.
        let counted = CountedTopic { topics: &self.topics, name: Some(name) };
        let was_subscribed = result.await.map_err(|_| HubError::Stopped)?;
        if !was_subscribed {
            // It may belong to a subscription that is about to begin.
            counted.keep();
        }
        Ok(was_subscribed)
    }

    /// Returns who is present in a topic; see [`Hub::presence`](crate::Hub::presence).
    ///
    /// # Errors
    /// Fails if the name is not valid, the hook refuses, or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn presence(&self, topic: &str) -> Result<Vec<Present>, HubError> {
        let name = TopicName::new(topic)?;
        self.may(&name, Action::Presence).await?;
        self.shared.presence(&name).await
    }

    /// Returns the history of a topic; see [`Hub::history`](crate::Hub::history).
    ///
    /// # Errors
    /// Fails if the name is not valid, the hook refuses, or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn history(&self, topic: &str, after: &Position) -> Result<Replay, HubError> {
        let name = TopicName::new(topic)?;
        self.may(&name, Action::History).await?;
        self.shared.history(&name, after).await
    }

    pub(super) async fn may(&self, name: &TopicName, action: Action) -> Result<(), HubError> {
        self.shared.may(&self.identity, self.id, name, action).await
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.shared.node
    }

    pub(super) fn lease(&self) -> Duration {
        self.shared.lease
    }

    /// Counts one more subscription.
    pub(super) fn count_topic(&self, name: &TopicName) -> Result<CountedTopic<'_>, HubError> {
        let limit = self.node().limits.topics_per_member;
        let mut topics = lock(&self.topics);
        if topics.contains(name) {
            return Err(HubError::AlreadySubscribed);
        }
        if topics.len() >= limit {
            return Err(LimitError::TopicsPerMember(limit).into());
        }
        topics.insert(name.clone());
        Ok(CountedTopic { topics: &self.topics, name: Some(name.clone()) })
    }
}

/// A subscription that was counted. Dropping it takes it back.
pub(super) struct CountedTopic<'a> {
    topics: &'a Mutex<HashSet<TopicName>>,
    name: Option<TopicName>,
}

impl CountedTopic<'_> {
    pub(super) fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for CountedTopic<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            lock(self.topics).remove(name);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Member {
    fn drop(&mut self) {
        self.node().send(self.id, Command::Leave { member: self.id });
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("id", &self.id).field("identity", &self.identity).finish_non_exhaustive()
    }
}
