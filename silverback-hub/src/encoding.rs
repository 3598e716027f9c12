//! How publications become messages on a connection.

use std::fmt;

use silverback::{Message, PreparedMessage};

use crate::model::{name::TopicName, publication::Publication};

/// Turns publications into messages. A hub encodes each batch once for each encoding, however many members there are,
/// and the message is compressed once for each set of parameters.
///
/// [`Plain`] sends payloads only. A protocol with topic names, offsets and replies brings its own encoding. It is
/// called in the hub's tasks, so it must neither block nor panic.
pub trait Encoding: fmt::Debug + Send + Sync + 'static {
    /// Encodes a batch: one or more publications of one topic, in order, and at most
    /// [`max_batch`](Self::max_batch).
    fn encode(&self, batch: &[Publication]) -> PreparedMessage;

    /// Returns how many publications one message can hold. Default: 1.
    fn max_batch(&self) -> usize {
        1
    }

    /// Returns the message that tells a member that publications of a topic are missing, so that it loads the state
    /// again. Default: `None`. The member is then closed with 3010, and a client that reconnects loads it too.
    fn incomplete(&self, topic: &TopicName) -> Option<Message> {
        let _ = topic;
        None
    }
}

/// Sends each payload as it was published, without anything around it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl Encoding for Plain {
    fn encode(&self, batch: &[Publication]) -> PreparedMessage {
        let message = batch.first().map_or_else(|| Message::binary(Vec::new()), |first| first.message.clone());
        PreparedMessage::new(message)
    }
}
