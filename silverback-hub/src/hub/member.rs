//! One connection in the hub.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use silverback::Writer;
use tokio::sync::oneshot;

use super::{access::Action, shared::Shared};
use crate::{
    model::{
        error::HubError,
        identity::{Identity, MemberId, Present},
        name::TopicName,
        position::Position,
    },
    node::{commands::Command, joined::Joined, routing::Node},
    topics::recovery::Replay,
};

/// A connection that has joined the hub. Dropping it leaves all topics; the connection itself stays open.
///
/// Its methods ask the [authorization hook](crate::HubBuilder::authorize).
pub struct Member {
    shared: Arc<Shared>,
    joined: Arc<Joined>,
    writer: Writer,
}

impl Member {
    pub(super) fn new(shared: Arc<Shared>, joined: Arc<Joined>, writer: Writer) -> Self {
        Self { shared, joined, writer }
    }

    /// Returns the id. No other member of any node has it.
    pub fn id(&self) -> MemberId {
        self.joined.id()
    }

    /// Returns who it is.
    pub fn identity(&self) -> &Identity {
        self.joined.identity()
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
        let command = Command::Unsubscribe { member: self.id(), name: name.clone(), done: Some(done) };
        self.node().send(self.id(), command);
        // A future that is dropped here has unsubscribed all the same.
        let counted = Counted { joined: &self.joined, name: Some(name) };
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

    /// Returns the newest position of a topic; see [`Hub::position`](crate::Hub::position).
    ///
    /// # Errors
    /// Fails if the name is not valid, the hook refuses, or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn position(&self, topic: &str) -> Result<Option<Position>, HubError> {
        let name = TopicName::new(topic)?;
        self.may(&name, Action::History).await?;
        self.shared.position(&name).await
    }

    /// Returns the next notice that [`Hub::notify`](crate::Hub::notify) has sent to this member. Those from before the
    /// first call of this method are lost. Up to 64 wait; with more, the hub closes the connection with 3008.
    ///
    /// # Cancel safety
    /// Dropping the future loses no notice.
    pub fn notice(&self) -> impl Future<Output = Bytes> + Send + '_ {
        self.joined.take_notices();
        self.joined.notice()
    }

    pub(super) async fn may(&self, name: &TopicName, action: Action) -> Result<(), HubError> {
        self.shared.may(self.identity(), self.id(), name, action).await
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.shared.node
    }

    pub(super) fn joined(&self) -> &Arc<Joined> {
        &self.joined
    }
}

/// A subscription that has ended, unless [`keep`](Self::keep) is called.
struct Counted<'a> {
    joined: &'a Joined,
    name: Option<TopicName>,
}

impl Counted<'_> {
    fn keep(mut self) {
        self.name = None;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.joined.uncount(name);
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.node().send(self.id(), Command::Leave { member: self.id() });
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member").field("id", &self.id()).field("identity", self.identity()).finish_non_exhaustive()
    }
}
