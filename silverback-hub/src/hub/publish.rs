//! Publishing.

use std::{fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use silverback::Message;

use super::{Hub, access::Action, member::Member};
use crate::{
    model::{
        error::HubError,
        limits::LimitError,
        name::{Label, TopicName},
        position::Position,
        publication::Publication,
    },
    node::routing::Node,
};

/// A publication that is on its way once this is awaited; see [`Hub::publish`].
#[must_use = "nothing is published until this is awaited"]
pub struct Publish<'a> {
    node: &'a Arc<Node>,
    by: Option<&'a Member>,
    topic: String,
    message: Message,
    id: Option<String>,
    key: Option<String>,
    except: Option<&'a Member>,
    extra: Bytes,
}

/// A publication that the engine has accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Where it is in its topic. `None` in topics without history.
    pub position: Option<Position>,
    /// How many members of this node were subscribed. Other nodes may have more.
    pub local_receivers: usize,
    /// A publication with this id was accepted before. Nothing was sent again, and `position` is that of the first
    /// time.
    pub is_duplicate: bool,
}

impl Hub {
    /// Publishes to a topic. Await it, or set an [`id`](Publish::id), a [`key`](Publish::key) or a member to
    /// [leave out](Publish::except) first.
    ///
    /// It waits until the engine has accepted the publication, and never for receivers.
    ///
    /// ```
    /// # async fn publish(hub: silverback_hub::Hub) -> Result<(), silverback_hub::HubError> {
    /// hub.publish("user:42", r#"{"order":17}"#).id("order-17").await?;
    /// hub.publish("price:BTC", "68000").key("BTC").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Fails if a name is not valid, the payload is larger than [`Limits::payload`](crate::Limits::payload), or the
    /// engine fails. After [`EngineError::TimedOut`](crate::EngineError::TimedOut) the publication may have been
    /// accepted or not.
    ///
    /// # Cancel safety
    /// If the future is dropped, the publication may have been accepted or not. With an id it can be published again.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Publish<'_> {
        Publish::new(self.node(), None, topic, message.into())
    }
}

impl Member {
    /// Publishes for this member, as [`Hub::publish`] does for the server. The publication carries its id, its user
    /// id and its info.
    pub fn publish(&self, topic: &str, message: impl Into<Message>) -> Publish<'_> {
        Publish::new(self.node(), Some(self), topic, message.into())
    }
}

impl<'a> Publish<'a> {
    fn new(node: &'a Arc<Node>, by: Option<&'a Member>, topic: &str, message: Message) -> Self {
        Self { node, by, topic: topic.to_owned(), message, id: None, key: None, except: None, extra: Bytes::new() }
    }

    /// Sets an id, of up to 128 bytes, that the engine accepts once within its window. Publish again with the same id
    /// after an error or a timeout, and it is still published once. Default: none.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets a key of up to 128 bytes. In topics with [`Slow::Conflate`](crate::Slow::Conflate), a slow member gets only
    /// the newest publication of each key. Default: none.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Sets bytes that travel beside the payload, for the [`Encoding`](crate::Encoding) of a protocol, such as headers.
    /// Default: none. They count as a part of the payload for its limit.
    pub fn extra(mut self, extra: impl Into<Bytes>) -> Self {
        self.extra = extra.into();
        self
    }

    /// Leaves out one member, usually the one that sent the message. Default: no member is left out.
    pub fn except(mut self, member: &'a Member) -> Self {
        self.except = Some(member);
        self
    }

    async fn send(self) -> Result<Published, HubError> {
        let counting = &self.node.counting;
        let published = self.send_uncounted().await;
        counting.published(published.as_ref().map(|published| published.is_duplicate));
        published
    }

    async fn send_uncounted(self) -> Result<Published, HubError> {
        let node = self.node;
        let name = TopicName::new(&self.topic)?;
        let (size, limit) = (self.message.len() + self.extra.len(), node.limits.payload);
        if size > limit {
            return Err(LimitError::Payload { size, limit }.into());
        }
        let mut publication = Publication::new(name.clone(), self.message);
        publication.id = self.id.as_deref().map(Label::new).transpose()?;
        publication.key = self.key.as_deref().map(Label::new).transpose()?;
        publication.extra = self.extra;
        publication.except = self.except.map(Member::id);
        if let Some(by) = self.by {
            by.may(&name, Action::Publish).await?;
            publication.publisher = Some(by.joined().present().clone());
        }
        let accepted = node.call(node.engine.publish(node.options(&name), publication)).await?;
        Ok(Published {
            position: accepted.position,
            local_receivers: node.subscribers(&name),
            is_duplicate: accepted.is_duplicate,
        })
    }
}

impl<'a> IntoFuture for Publish<'a> {
    type Output = Result<Published, HubError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for Publish<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publish").field("topic", &self.topic).field("id", &self.id).finish_non_exhaustive()
    }
}
