//! The commands to the tasks of a node.

use std::{sync::Arc, time::Instant};

use silverback::{Message, Writer};
use tokio::sync::oneshot;

use super::{
    control::{Order, Question},
    joined::Joined,
};
use crate::{
    encoding::Encoding,
    engine::events::Room,
    model::{
        error::HubError, identity::MemberId, name::TopicName, position::Position, publication::Publication,
        subscribed::Subscribed, target::Target, topic::Slow,
    },
    topics::recovery::Replay,
};

/// A command to a shard. It handles them in order.
pub(crate) enum Command {
    Join {
        member: Arc<Joined>,
        writer: Writer,
        encoding: Arc<dyn Encoding>,
    },
    /// Removes a member.
    Leave {
        member: MemberId,
    },
    /// Adds a subscription whose publications reach the shard after `position`. It is not live before
    /// [`Command::GoLive`]. Until then its publications are kept, unless it begins with the next one.
    Subscribe {
        member: MemberId,
        name: TopicName,
        position: Option<Position>,
        begins_live: bool,
    },
    /// Makes such subscriptions live, after one reply for all of them. Those that have failed before are in the reply
    /// too.
    GoLive {
        member: MemberId,
        starting: Vec<Result<Starting, HubError>>,
        reply: Reply,
    },
    /// Ends a subscription.
    Unsubscribe {
        member: MemberId,
        name: TopicName,
        done: Option<oneshot::Sender<bool>>,
    },
    /// Queues a publication for the members of its topic.
    Publish(Arc<Delivery>),
    /// Publications of a topic are missing. Those after the position follow.
    Incomplete(TopicName, Option<Position>),
    /// Closes a connection.
    Close {
        member: MemberId,
        code: u16,
        reason: Arc<str>,
    },
    /// Acts on members for the server.
    Order {
        target: Arc<Target>,
        order: Order,
    },
    /// Asks for the members of this shard.
    Members(oneshot::Sender<Vec<MemberId>>),
}

/// A subscription that becomes live.
pub(crate) struct Starting {
    pub(crate) name: TopicName,
    /// `None`: it begins with the next publication.
    pub(crate) replay: Option<Replay>,
    /// A replay with a hole is as bad as none.
    pub(crate) asks_for_all: bool,
    /// With a hole there is no subscription.
    pub(crate) must_be_complete: bool,
}

/// How a member is told about its subscriptions before the first live publication.
pub(crate) struct Reply {
    /// Makes the message of the protocol above. `None`: the recovered publications are sent.
    pub(crate) message: Option<ReplyMessage>,
    pub(crate) done: oneshot::Sender<Vec<Result<Subscribed, HubError>>>,
}

pub(crate) type ReplyMessage = Box<dyn FnOnce(&[Result<Subscribed, HubError>]) -> Option<Message> + Send>;

/// A publication on its way to the shards.
pub(crate) struct Delivery {
    pub(crate) publication: Publication,
    pub(crate) slow: Slow,
    /// When it came to this node.
    pub(crate) arrived: Instant,
    /// Given back when the last shard is done.
    pub(crate) _room: Room,
}

impl Delivery {
    /// Whether it comes after a position, or cannot be compared with it.
    pub(crate) fn is_after(&self, position: &Position) -> bool {
        let own = self.publication.position.as_ref();
        own.is_none_or(|own| own.epoch != position.epoch || own.offset > position.offset)
    }

    /// Whether both can be in one batch: the same topic, and the same receivers.
    pub(crate) fn goes_with(&self, other: &Self) -> bool {
        let (one, next) = (&self.publication, &other.publication);
        one.except.is_none() && next.except.is_none() && one.topic == next.topic
    }
}

/// Work for the keeper.
#[derive(Debug)]
pub(crate) enum Job {
    /// The last member has left.
    Unsubscribe(TopicName),
    /// A member has left a topic with presence.
    Release(TopicName, MemberId),
    /// Publications after this position may be missing.
    Recover(TopicName, Position),
    /// The server subscribes a member.
    Subscribe(Arc<Joined>, TopicName),
    /// A node asks, with a number that the answer repeats.
    Answer { asker: u64, number: u64, question: Question },
    /// Tell all nodes that this one lives.
    Hello,
    /// Answer when no work is left.
    Idle(oneshot::Sender<()>),
    /// The engine was away, or may have lost publications of any topic.
    CheckAll,
    /// The engine was away, and may not know any more who is present.
    RenewAll,
}
