//! The events and counters of a hub.

use super::{identity::MemberId, name::TopicName};

/// An event in a hub, for logs and alarms. See [`Hub::events`](crate::Hub::events).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HubEvent {
    /// A member did not read fast enough and has lost publications.
    Lagged {
        /// The member.
        member: MemberId,
        /// The topic of the publications.
        topic: TopicName,
        /// How many publications were lost. With [`LagAction::Disconnected`], everything from this one on is.
        missed: u64,
        /// The action of the hub.
        action: LagAction,
    },
    /// Publications of a topic with history were lost between the engine and this node, and the history no longer has
    /// them. The members were told or disconnected.
    Incomplete {
        /// The topic.
        topic: TopicName,
    },
    /// The engine is connected.
    EngineUp,
    /// The engine has lost its broker.
    EngineDown,
    /// This listener was too slow and has missed this many events. It continues with the next one.
    Missed(u64),
}

/// The action of the hub about a slow member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LagAction {
    /// It was disconnected with this code.
    Disconnected(u16),
    /// It did not get the newest publication.
    DroppedNewest,
    /// It will not get the oldest publications that waited.
    DroppedOldest,
    /// It will not get a publication, because a newer one with the same key replaced it.
    Conflated,
}

/// Counters of one node. All but the first four only rise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Members now.
    pub members: u64,
    /// Topics with members now.
    pub topics: u64,
    /// Subscriptions now.
    pub subscriptions: u64,
    /// Bytes that wait for slow members now.
    pub backlog_bytes: u64,
    /// Publications of this node that the engine has accepted.
    pub published: u64,
    /// Messages that connections have accepted. A message may hold several publications.
    pub delivered: u64,
    /// Publications that arrived twice and were passed on once.
    pub duplicates: u64,
    /// Times that publications were missing, whether or not the history had them.
    pub gaps: u64,
    /// Times that the history did not have them.
    pub incomplete: u64,
    /// Members that were disconnected because they were slow.
    pub disconnected: u64,
    /// Publications that [`Slow::DropNewest`](crate::Slow::DropNewest) dropped, or that did not fit beside those of
    /// other topics.
    pub dropped_newest: u64,
    /// Publications that [`Slow::DropOldest`](crate::Slow::DropOldest) dropped.
    pub dropped_oldest: u64,
    /// Publications that newer ones with the same key have replaced.
    pub conflated: u64,
}
