//! The counters of a node, and its events.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::sync::broadcast;

use crate::{
    clock,
    model::{
        error::{EngineError, HubError},
        event::{Counters, HubEvent, LagAction},
        identity::MemberId,
        name::TopicName,
        status::{BOUNDS, EngineFailure, FanOut, Status},
        subscribed::{Recovery, Subscribed},
    },
};

/// The counters behind [`Counters`], and the channel of events.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) members: AtomicU64,
    pub(crate) topics: AtomicU64,
    pub(crate) subscriptions: AtomicU64,
    pub(crate) backlog_bytes: AtomicU64,
    published: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) gaps: AtomicU64,
    incomplete: AtomicU64,
    disconnected: AtomicU64,
    dropped_newest: AtomicU64,
    dropped_oldest: AtomicU64,
    conflated: AtomicU64,
    repeated: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    recovered: AtomicU64,
    unrecovered: AtomicU64,
    /// Of durations from arrival to connections: not cumulative, and their sum in microseconds.
    fan_out: [AtomicU64; BOUNDS.len() + 1],
    fan_out_sum: AtomicU64,
    engine: Mutex<EngineState>,
    events: broadcast::Sender<HubEvent>,
}

/// The history of the engine's connection.
#[derive(Debug)]
struct EngineState {
    since: Instant,
    losses: u64,
    error: Option<(&'static str, Instant)>,
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
            repeated: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            recovered: AtomicU64::new(0),
            unrecovered: AtomicU64::new(0),
            fan_out: Default::default(),
            fan_out_sum: AtomicU64::new(0),
            engine: Mutex::new(EngineState { since: clock::now(), losses: 0, error: None }),
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

    /// Counts a publication of this node, by whether it was a duplicate.
    pub(crate) fn published(&self, is_duplicate: Result<bool, &HubError>) {
        let counter = match is_duplicate {
            Ok(true) => &self.repeated,
            Ok(false) => &self.published,
            Err(HubError::Engine(_)) => &self.failed,
            Err(_) => &self.refused,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Counts whether a subscription from a position is complete.
    pub(crate) fn subscribed(&self, result: &Result<Subscribed, HubError>) {
        let counter = match result {
            Ok(Subscribed { recovered: Recovery::Complete, .. }) => &self.recovered,
            Ok(Subscribed { recovered: Recovery::Incomplete, .. }) | Err(HubError::Incomplete) => &self.unrecovered,
            _ => return,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Records how long a publication took from its arrival to the connections of a shard.
    pub(crate) fn fanned_out(&self, arrived: Instant) {
        let took = clock::now().saturating_duration_since(arrived);
        let seconds = took.as_secs_f64();
        let index = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.fan_out[index].fetch_add(1, Relaxed);
        self.fan_out_sum.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Reports that the engine has lost its broker, or is connected again.
    pub(crate) fn engine_changed(&self, event: HubEvent) {
        let mut engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        engine.losses += u64::from(event == HubEvent::EngineDown);
        engine.since = clock::now();
        drop(engine);
        self.report(event);
    }

    /// Notes a call of the engine that failed.
    #[cold]
    pub(crate) fn engine_failed(&self, error: &EngineError) {
        let kind = match error {
            EngineError::Down => "down",
            EngineError::TimedOut => "timed_out",
            EngineError::Limit(_) => "limit",
            EngineError::Other(_) => "other",
        };
        self.engine.lock().unwrap_or_else(PoisonError::into_inner).error = Some((kind, clock::now()));
    }

    pub(crate) fn status(&self, engine_is_up: bool, nodes: usize) -> Status {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let engine = self.engine.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |at: Instant| clock::now().saturating_duration_since(at);
        Status {
            engine_is_up,
            engine_since: since(engine.since),
            engine_losses: engine.losses,
            engine_error: engine.error.map(|(kind, at)| EngineFailure { kind, ago: since(at) }),
            nodes,
            repeated: read(&self.repeated),
            refused: read(&self.refused),
            failed: read(&self.failed),
            recovered: read(&self.recovered),
            unrecovered: read(&self.unrecovered),
            fan_out: FanOut {
                counts: self.fan_out.each_ref().map(read),
                sum: Duration::from_micros(read(&self.fan_out_sum)),
            },
        }
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
