//! The events that an engine reports to its hub.

use bytes::Bytes;

use crate::model::{name::TopicName, publication::Publication};

/// An event that an engine reports to its hub.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EngineEvent {
    /// A publication of a topic that the hub is subscribed to.
    Delivered {
        /// The publication, with its position.
        publication: Publication,
        /// The offset of the publication before it in its topic, if the engine knows it. It shows a gap.
        prev: Option<u64>,
    },
    /// The engine is connected, and has subscribed again.
    Up,
    /// The engine has lost its broker.
    Down,
    /// Publications of this topic may be missing, or of any topic if it is `None`.
    Gap(Option<TopicName>),
    /// A message that a hub has sent with [`Engine::control`](crate::Engine::control).
    Control(Bytes),
}
