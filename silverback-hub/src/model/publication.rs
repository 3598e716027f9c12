//! A message on its way from a publisher to the members of a topic.

use std::sync::Arc;

use bytes::Bytes;
use silverback::Message;

use super::{
    identity::{MemberId, Present},
    name::{Label, TopicName},
    position::Position,
};

/// One message of a topic, with everything that an engine must carry to other nodes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Publication {
    /// The topic.
    pub topic: TopicName,
    /// The payload.
    pub message: Message,
    /// Its place in the topic, once the engine has accepted it. `None` in topics without history.
    pub position: Option<Position>,
    /// Its idempotency id. The engine accepts an id once within its window.
    pub id: Option<Label>,
    /// Its conflation key. A slow member gets only the newest publication of each key.
    pub key: Option<Label>,
    /// The member that does not get it, usually its publisher.
    pub except: Option<MemberId>,
    /// The member that published it, with the info of its identity. `None` for publications of the server itself.
    pub publisher: Option<Arc<Present>>,
    /// Bytes beside the payload, for the [`Encoding`](crate::Encoding) of a protocol. The hub does not read them.
    pub extra: Bytes,
}

impl Publication {
    /// Creates a publication without position, labels or publisher.
    pub fn new(topic: TopicName, message: impl Into<Message>) -> Self {
        Self {
            topic,
            message: message.into(),
            position: None,
            id: None,
            key: None,
            except: None,
            publisher: None,
            extra: Bytes::new(),
        }
    }

    /// Returns the same publication at this position.
    #[must_use]
    pub fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    /// Returns the bytes that limits count for it: the payload, the names beside it, and a constant for the rest.
    pub fn cost(&self) -> usize {
        let labels = self.id.as_ref().map_or(0, |id| id.as_str().len())
            + self.key.as_ref().map_or(0, |key| key.as_str().len())
            + self.publisher.as_ref().map_or(0, |publisher| publisher.identity.len());
        self.message.len() + self.extra.len() + labels + OVERHEAD
    }
}

/// About what one publication takes in memory beside its payload.
const OVERHEAD: usize = 192;
