//! The types that applications hold.

pub(crate) mod access;
pub(crate) mod builder;
mod control;
mod drain;
pub(crate) mod events;
pub(crate) mod member;
pub(crate) mod publish;
mod shared;
pub(crate) mod subscribe;

use std::{fmt, sync::Arc};

use silverback::{CloseCode, Conn, Reader};

use self::{events::HubEvents, member::Member, shared::Shared};
use crate::{
    encoding::Encoding,
    model::{
        error::HubError,
        event::Counters,
        identity::{Identity, Present},
        name::TopicName,
        position::Position,
        status::{LocalTopics, Status},
        topic::Topic,
    },
    node::{
        joined::Joined,
        routing::{Full, Node},
    },
    topics::recovery::Replay,
};

/// Topics, and the connections that are subscribed to them. Cloning shares it.
///
/// ```
/// use silverback::Conn;
/// use silverback_hub::{Hub, HubError, Identity, Start, Topic};
///
/// # async fn example(conn: Conn) -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder().topics("chat:*", Topic::new().presence()).start().await?;
///
/// let (member, mut reader) = hub.join(conn, Identity::user("42"));
/// member.subscribe("chat:7", Start::Live).await?;
/// while let Some(message) = reader.read_message().await? {
///     hub.publish("chat:7", message).except(&member).await?;
/// }
/// # Ok(()) }
/// ```
///
/// # Promise
/// Order per topic. At most once live. With history *complete, or told so*. Never exactly once.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

impl Hub {
    /// Adds a connection. Keep the [`Member`] as long as the connection lives, and keep reading.
    ///
    /// A hub that drains closes the connection with the code of the [drain](Self::drain), a hub that is full closes it
    /// with 1013, and one whose user has too many closes it with 3504. The reader then ends soon, and the member cannot
    /// subscribe.
    pub fn join(&self, conn: Conn, identity: Identity) -> (Member, Reader) {
        self.join_with(conn, identity, self.0.encoding.clone())
    }

    /// Does the same as [`join`](Self::join) with another encoding. Give all members of one protocol clones of one
    /// `Arc`, so that a batch is encoded once for all of them.
    pub fn join_with(&self, conn: Conn, identity: Identity, encoding: Arc<dyn Encoding>) -> (Member, Reader) {
        let (writer, reader) = conn.split();
        let node = self.node();
        let refusal = if node.is_draining() {
            Some((self.0.drain_code, "draining"))
        } else if identity.len() > node.limits.identity {
            Some((CloseCode::POLICY_VIOLATION, "the identity is too long"))
        } else {
            None
        };
        let joined = match refusal {
            Some(refusal) => Err(refusal),
            None => node.join(identity.clone(), writer.clone(), encoding).map_err(|full| match full {
                Full::Node => (CloseCode::TRY_AGAIN_LATER, "the hub is full"),
                Full::User => (CloseCode::new(CONNECTION_LIMIT), "connection limit"),
            }),
        };
        let joined = joined.unwrap_or_else(|(code, reason)| {
            if let Err(error) = writer.start_close(code, reason) {
                tracing::debug!(name: "close_failed", target: "silverback::hub", %error, "a connection was not closed");
            }
            Arc::new(Joined::new(node.unused_id(), identity))
        });
        (Member::new(self.0.clone(), joined, writer), reader)
    }

    /// Returns who is present in a topic, on all nodes. Empty in topics without
    /// [presence](crate::Topic::presence).
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn presence(&self, topic: &str) -> Result<Vec<Present>, HubError> {
        self.0.presence(&TopicName::new(topic)?).await
    }

    /// Returns the stored publications of a topic after a position, and whether they are complete. With
    /// [`Position::start`] it returns all stored publications.
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn history(&self, topic: &str, after: &Position) -> Result<Replay, HubError> {
        self.0.history(&TopicName::new(topic)?, after).await
    }

    /// Drops the stored publications of a topic, for all nodes. Offsets and epoch go on: members that are subscribed
    /// notice nothing, and one that returns recovers only if it has missed nothing. Without history it does nothing.
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails.
    ///
    /// # Cancel safety
    /// If the future is dropped, the history may have been dropped or not.
    pub async fn clear_history(&self, topic: &str) -> Result<(), HubError> {
        let name = TopicName::new(topic)?;
        let node = self.node();
        Ok(node.call(node.engine.clear_history(&name, node.options(&name))).await?)
    }

    /// Returns the options of a topic.
    ///
    /// # Errors
    /// Fails if the name is not valid.
    pub fn topic(&self, name: &str) -> Result<&Topic, HubError> {
        Ok(self.node().options(&TopicName::new(name)?))
    }

    /// Returns the newest position of a topic, without reading its history. `None` in topics without
    /// [history](crate::Topic::history).
    ///
    /// # Errors
    /// Fails if the name is not valid or the engine fails.
    ///
    /// # Cancel safety
    /// Dropping the future changes nothing.
    pub async fn position(&self, topic: &str) -> Result<Option<Position>, HubError> {
        self.0.position(&TopicName::new(topic)?).await
    }

    /// Returns the events from now on: slow members, holes, and the state of the engine.
    pub fn events(&self) -> HubEvents {
        HubEvents(self.node().counting.listen())
    }

    /// Returns the counters of this node.
    pub fn counters(&self) -> Counters {
        self.node().counting.snapshot()
    }

    /// Returns the state of this node and of its engine.
    pub fn status(&self) -> Status {
        self.node().status()
    }

    /// Returns the topics with members on this node, without asking other nodes. `pattern` is as for
    /// [`topics`](Self::topics). The list has at most `limit` topics, those with the most subscribers first. It looks at
    /// every topic of this node.
    pub fn local_topics(&self, pattern: &str, limit: usize) -> LocalTopics {
        self.node().local_topics(pattern, limit)
    }

    /// Returns whether new connections are welcome: the engine is connected and the hub does not drain. For a readiness
    /// probe.
    pub fn is_ready(&self) -> bool {
        self.node().is_up() && !self.node().is_draining()
    }

    fn node(&self) -> &Arc<Node> {
        &self.0.node
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("node", &self.0.node).finish_non_exhaustive()
    }
}

/// The close code for a connection more than its user may have. It tells clients not to come back.
const CONNECTION_LIMIT: u16 = 3504;
