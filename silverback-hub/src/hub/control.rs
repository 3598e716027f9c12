//! Acting on members and asking about topics on all nodes.

use bytes::Bytes;
use silverback::CloseCode;

use super::Hub;
use crate::{
    model::{
        error::HubError,
        limits::LimitError,
        name::TopicName,
        survey::{Nodes, Topics},
        target::Target,
    },
    node::control::{Control, Order},
};

/// These methods return when the engine has accepted the message to the nodes. Each node acts on its own members when it
/// arrives there. A node without a connection to the engine never gets it.
impl Hub {
    /// Closes connections, on all nodes: all of a user, or those of a [`Target`].
    ///
    /// ```
    /// # use silverback_hub::{Member, Target};
    /// # async fn ban(hub: silverback_hub::Hub, newest: &Member) -> Result<(), silverback_hub::HubError> {
    /// hub.disconnect("42", 4501, "banned").await?;
    /// hub.disconnect(Target::user("42").except([newest.id()]), 4500, "logged in elsewhere").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails if the code must not be sent (RFC 6455, 7.4) or the engine fails.
    ///
    /// # Cancel safety
    /// If the future is dropped, the nodes may have been told or not.
    pub async fn disconnect(&self, target: impl Into<Target>, code: u16, reason: &str) -> Result<(), HubError> {
        if !CloseCode::new(code).is_sendable() {
            return Err(HubError::CloseCode(code));
        }
        self.order(target, Order::Close { code, reason: reason.into() }).await
    }

    /// Subscribes members to a topic, on all nodes, from the next publication on. Those that are subscribed stay so. It
    /// does not ask the [rules](crate::HubBuilder::authorize).
    ///
    /// A protocol that tells clients about their subscriptions uses [`notify`](Self::notify) in place of this.
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails. A member that cannot be subscribed, for example because it
    /// has too many subscriptions, is passed over.
    ///
    /// # Cancel safety
    /// If the future is dropped, the nodes may have been told or not.
    pub async fn subscribe(&self, target: impl Into<Target>, topic: &str) -> Result<(), HubError> {
        self.order(target, Order::Subscribe(TopicName::new(topic)?)).await
    }

    /// Ends subscriptions of members to a topic, on all nodes. A subscription that is about to begin there stays.
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails.
    ///
    /// # Cancel safety
    /// If the future is dropped, the nodes may have been told or not.
    pub async fn unsubscribe(&self, target: impl Into<Target>, topic: &str) -> Result<(), HubError> {
        self.order(target, Order::Unsubscribe(TopicName::new(topic)?)).await
    }

    /// Sends bytes to the applications that hold members, on all nodes. The hub does not look into them. An application
    /// gets them from [`Member::notice`](crate::Member::notice); one that never calls it does not take notices.
    ///
    /// # Errors
    /// Fails if the notice is larger than [`Limits::payload`](crate::Limits::payload), or the engine fails.
    ///
    /// # Cancel safety
    /// If the future is dropped, the nodes may have been told or not.
    pub async fn notify(&self, target: impl Into<Target>, notice: impl Into<Bytes>) -> Result<(), HubError> {
        let notice = notice.into();
        let (size, limit) = (notice.len(), self.node().limits.payload);
        if size > limit {
            return Err(LimitError::Payload { size, limit }.into());
        }
        self.order(target, Order::Notice(notice)).await
    }

    /// Asks all nodes for their state. Returns when all have answered, after 2 s at the latest.
    ///
    /// # Errors
    /// Fails if the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn nodes(&self) -> Result<Nodes, HubError> {
        Ok(self.node().survey_nodes().await?)
    }

    /// Asks all nodes for the topics with members. In `pattern`, `*` stands for any characters and `?` for one; an empty
    /// pattern means all topics. At most `limit` topics, and at most 100,000, are returned. Returns when all nodes have
    /// answered, after 2 s at the latest.
    ///
    /// # Errors
    /// Fails if the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn topics(&self, pattern: &str, limit: usize) -> Result<Topics, HubError> {
        Ok(self.node().survey_topics(pattern, limit).await?)
    }

    async fn order(&self, target: impl Into<Target>, order: Order) -> Result<(), HubError> {
        let message = Control::Order(target.into().into(), order).encode();
        let node = self.node();
        Ok(node.call(node.engine.control(message)).await?)
    }
}
