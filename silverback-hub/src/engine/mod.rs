//! The interface of engines: the memory of one process, or a broker that several nodes share.

pub(crate) mod event;
pub(crate) mod events;

use std::{fmt, pin::Pin, time::Duration};

use bytes::Bytes;

use self::events::Events;
use crate::{
    model::{
        error::EngineError,
        identity::{Identity, MemberId, Present},
        name::TopicName,
        position::Position,
        publication::Publication,
        topic::Topic,
    },
    topics::recovery::Replay,
};

/// A call of an engine that runs.
pub type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

/// Carries publications between nodes, keeps their history, and knows who is present. One value belongs to one hub.
///
/// [`Memory`](crate::Memory) is the engine of one process. Others are crates of their own.
///
/// # Requirements
/// - Order: the publications of one topic arrive in the order of their positions, each at most once if possible. The
///   hub drops a publication that arrives twice.
/// - Positions: within an epoch, offsets only rise, from 1 up to [`Position::MAX_OFFSET`]. After a loss of data the
///   engine names a new epoch, for as few topics as it can.
/// - One subscription: the hub counts its members. It subscribes to a topic when the first one comes and unsubscribes
///   after the last one has left, and never has two of these calls for one topic at a time. A call that was given up may
///   have taken effect, so both calls may be repeated.
/// - Connections: the engine reconnects and subscribes again by itself, and reports
///   [`EngineEvent::Down`](event::EngineEvent::Down) and
///   [`EngineEvent::Up`](event::EngineEvent::Up). The hub checks positions after that.
/// - Calls while the engine is down fail at once with [`EngineError::Down`]. The hub waits for each call for 10 s at
///   most.
///
/// [`Publication::to_bytes`] and [`Identity::to_bytes`] are the bytes for a broker.
///
/// # Cancel safety
/// The hub may drop the future of any call.
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// Returns an error if the engine cannot do what these options ask for. The hub checks all its options before it
    /// starts the engine. By default an engine can do everything.
    fn check(&self, topic: &Topic) -> Result<(), EngineError> {
        let _ = topic;
        Ok(())
    }

    /// Begins to report to `events`. The hub calls this once, before any method but
    /// [`check`](Self::check). An engine that is not connected
    /// yet returns at once and reports [`EngineEvent::Up`](event::EngineEvent::Up) later.
    fn start(&self, events: Events) -> EngineFuture<'_, ()>;

    /// Accepts a publication for all nodes. If its id was accepted before, nothing is sent again.
    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted>;

    /// Begins to report the publications of a topic. Returns the newest position, or `None` without history. Everything
    /// after this position is reported.
    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>>;

    /// Ends a subscription. Without one it does nothing.
    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()>;

    /// Returns the newest position of a topic, or `None` without history.
    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>>;

    /// Returns the stored publications after a position. [`Replay::complete`] is true only if nothing is missing.
    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay>;

    /// Drops the stored publications of a topic. Its newest position, its epoch and the ids that were accepted stay, and
    /// members that are subscribed notice nothing. A replay after this is complete only if its position is the newest
    /// one: whoever has missed less than that has missed nothing, and nobody else can be given what was dropped. A new
    /// epoch instead would tell every member that it has lost something, although it has not. Without history it does
    /// nothing.
    fn clear_history<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, ()>;

    /// Makes members present for this long, or longer if they are present already.
    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()>;

    /// Ends the lease of a member that has left.
    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()>;

    /// Returns who is present in a topic, on all nodes.
    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>>;

    /// Sends a message of the hub to all nodes, this one included. It arrives there as
    /// [`EngineEvent::Control`](event::EngineEvent::Control).
    fn control(&self, message: Bytes) -> EngineFuture<'_, ()>;
}

/// An engine that is chosen while the program runs.
impl<E: Engine + ?Sized> Engine for Box<E> {
    fn check(&self, topic: &Topic) -> Result<(), EngineError> {
        (**self).check(topic)
    }

    fn start(&self, events: Events) -> EngineFuture<'_, ()> {
        (**self).start(events)
    }

    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted> {
        (**self).publish(topic, publication)
    }

    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        (**self).subscribe(name, topic)
    }

    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()> {
        (**self).unsubscribe(name)
    }

    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        (**self).position(name, topic)
    }

    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay> {
        (**self).since(name, topic, after)
    }

    fn clear_history<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, ()> {
        (**self).clear_history(name, topic)
    }

    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()> {
        (**self).lease(leases, lasts)
    }

    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()> {
        (**self).release(name, member)
    }

    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>> {
        (**self).present(name)
    }

    fn control(&self, message: Bytes) -> EngineFuture<'_, ()> {
        (**self).control(message)
    }
}

/// A member that is present in a topic until its lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The topic.
    pub topic: TopicName,
    /// The member.
    pub member: MemberId,
    /// Who it is.
    pub identity: Identity,
}

impl Lease {
    /// Joins the three.
    pub fn new(topic: TopicName, member: MemberId, identity: Identity) -> Self {
        Self { topic, member, identity }
    }
}

/// The answer of an engine to a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// Where it is. `None` without history.
    pub position: Option<Position>,
    /// Its id was accepted before, and `position` is that of the first time.
    pub is_duplicate: bool,
}

impl Accepted {
    /// A new publication.
    pub fn new(position: Option<Position>) -> Self {
        Self { position, is_duplicate: false }
    }

    /// A publication whose id was accepted before.
    pub fn duplicate(position: Option<Position>) -> Self {
        Self { position, is_duplicate: true }
    }
}
