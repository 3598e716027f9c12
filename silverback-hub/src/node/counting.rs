//! The counters of a node, and its events.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::sync::broadcast;

use crate::model::{
    event::{Counters, HubEvent, LagAction},
    identity::MemberId,
    name::TopicName,
};

/// The counters behind [`Counters`], and the channel of events.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) members: AtomicU64,
    pub(crate) topics: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) backlog_bytes: AtomicU64,
    pub(crate) published: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) gaps: AtomicU64,
    incomplete: AtomicU64,
    disconnected: AtomicU64,
    dropped_newest: AtomicU64,
    dropped_oldest: AtomicU64,
    conflated: AtomicU64,
    events: broadcast::Sender<HubEvent>,
}

impl Counting {
    pub(crate) fn new(events: usize) -> Self {
        Self {
            members: AtomicU64::new(0),
            topics: AtomicU64::new(0),
            subscriptions: AtomicU64::new(0),
            backlog_bytes: AtomicU64::new(0),
            published: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            incomplete: AtomicU64::new(0),
            disconnected: AtomicU64::new(0),
            dropped_newest: AtomicU64::new(0),
            dropped_oldest: AtomicU64::new(0),
            conflated: AtomicU64::new(0),
            events: broadcast::Sender::new(events),
        }
    }

    /// Counts and reports what a slow member has lost.
    pub(crate) fn lagged(&self, member: MemberId, topic: &TopicName, missed: u64, action: LagAction) {
        let counter = match action {
            LagAction::Disconnected(_) => &self.disconnected,
            LagAction::DroppedNewest => &self.dropped_newest,
            LagAction::DroppedOldest => &self.dropped_oldest,
            LagAction::Conflated => &self.conflated,
        };
        let lost = if matches!(action, LagAction::Disconnected(_)) { 1 } else { missed };
        counter.fetch_add(lost, Relaxed);
        self.report(HubEvent::Lagged { member, topic: topic.clone(), missed, action });
    }

    /// Counts and reports a hole that the history could not fill.
    pub(crate) fn incomplete(&self, topic: &TopicName) {
        self.incomplete.fetch_add(1, Relaxed);
        self.report(HubEvent::Incomplete { topic: topic.clone() });
    }

    pub(crate) fn report(&self, event: HubEvent) {
        // Nobody may be listening.
        let _ = self.events.send(event);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<HubEvent> {
        self.events.subscribe()
    }

    pub(crate) fn snapshot(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Counters {
            members: read(&self.members),
            topics: read(&self.topics),
            subscriptions: read(&self.subscriptions),
            backlog_bytes: read(&self.backlog_bytes),
            published: read(&self.published),
            delivered: read(&self.delivered),
            duplicates: read(&self.duplicates),
            gaps: read(&self.gaps),
            incomplete: read(&self.incomplete),
            disconnected: read(&self.disconnected),
            dropped_newest: read(&self.dropped_newest),
            dropped_oldest: read(&self.dropped_oldest),
            conflated: read(&self.conflated),
        }
    }
}
