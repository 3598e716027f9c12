//! Positions and replays of topics with history.
//!
//! The stream keeps more than the history: one more message, and all of them for the lifetime of positions. So a replay
//! is complete if the message at its position is still stored, because a stream drops the oldest messages of a subject
//! first. The limits of the history are applied when it is read.
//!
//! A position between two messages of a topic has no message that proves it. The newest sequence of the stream is such
//! a position: a topic without messages is there. It is proven if the stream has not yet dropped what came after it,
//! and keeps fewer messages of the topic than it may.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_nats::HeaderMap;
use bytes::Bytes;
use serde_json::json;
use silverback_hub::{EngineError, HistoryLimits, Position, Publication, Replay, TopicName};
use tokio::time::{Instant, sleep};

use crate::{
    clock,
    link::{Link, other},
    names::Names,
    store::{self, Ack, CLEARED, Fault, Newest, Stored},
    streams::{Bounds, Stream, Streams, error},
};

/// The histories of one engine.
pub(crate) struct History {
    link: Arc<Link>,
    names: Names,
    streams: Arc<Streams>,
    /// Topics that this node is subscribed to and whose messages have all expired: see [`Quiet`].
    quiet: Mutex<HashMap<TopicName, Quiet>>,
    /// The bounds of streams, a moment ago.
    bounds: Mutex<HashMap<String, (Instant, Bounds)>>,
}

/// A topic has not moved: at sequence `at` of the stream, its position was still `position`.
#[derive(Clone, Debug, PartialEq)]
struct Quiet {
    position: Position,
    at: u64,
}

impl History {
    pub(crate) fn new(link: Arc<Link>, names: Names, streams: Arc<Streams>) -> Self {
        Self { link, names, streams, quiet: Mutex::default(), bounds: Mutex::default() }
    }

    /// Forgets a topic that this node is no longer subscribed to.
    pub(crate) fn leave(&self, name: &TopicName) {
        lock(&self.quiet).remove(name);
    }

    /// Notes the position of a topic that this node is subscribed to.
    pub(crate) async fn subscribed(&self, name: &TopicName, limits: HistoryLimits) -> Result<Position, EngineError> {
        lock(&self.quiet).entry(name.clone()).or_insert_with(|| Quiet { position: Position::start(), at: 0 });
        self.position(name, limits).await
    }

    /// Returns the newest position of a topic.
    pub(crate) async fn position(&self, name: &TopicName, limits: HistoryLimits) -> Result<Position, EngineError> {
        for _ in 0..ATTEMPTS {
            let stream = self.streams.get(limits.into()).await?;
            match self.position_in(&stream, name, limits).await {
                Err(Fault::Gone) => self.streams.forget(limits.into(), &stream.name),
                Err(Fault::Engine(error)) => return Err(error),
                Ok(position) => return Ok(position),
            }
        }
        Err(gone())
    }

    /// Returns the publications after a position.
    pub(crate) async fn since(
        &self,
        name: &TopicName,
        limits: HistoryLimits,
        after: &Position,
    ) -> Result<Replay, EngineError> {
        for _ in 0..ATTEMPTS {
            let stream = self.streams.get(limits.into()).await?;
            match self.since_in(&stream, name, limits, after).await {
                Err(Fault::Gone) => self.streams.forget(limits.into(), &stream.name),
                Err(Fault::Engine(error)) => return Err(error),
                Ok(replay) => return Ok(replay),
            }
        }
        Err(gone())
    }

    /// Drops the publications of a topic. A mark takes their place, which says what the newest one was, so that this
    /// position stays provable.
    pub(crate) async fn clear(&self, name: &TopicName, limits: HistoryLimits) -> Result<(), EngineError> {
        for _ in 0..ATTEMPTS {
            let stream = self.streams.get(limits.into()).await?;
            match self.clear_in(&stream, name, limits).await {
                Err(Fault::Gone) => self.streams.forget(limits.into(), &stream.name),
                Err(Fault::Engine(error)) => return Err(error),
                Ok(()) => return Ok(()),
            }
        }
        Err(gone())
    }

    async fn position_in(&self, stream: &Stream, name: &TopicName, limits: HistoryLimits) -> Result<Position, Fault> {
        let subject = self.names.stored(limits.into(), name);
        // The bounds first: a message that comes between is found, so none is skipped.
        let mut bounds = self.recent_bounds(stream);
        loop {
            let at = stream.seen();
            if let Some(newest) = store::newest(&self.link, stream, &subject).await? {
                let position = newest.position(stream);
                self.note_position(name, &position, at.max(newest.sequence));
                return Ok(position);
            }
            match bounds {
                Some(bounds) => return Ok(self.quiet_position(stream, name, bounds)),
                None => bounds = Some(self.fetch_bounds(stream).await?),
            }
        }
    }

    /// Returns the position of a topic of which nothing is stored: the one that it has had, if that is certain.
    fn quiet_position(&self, stream: &Stream, name: &TopicName, bounds: Bounds) -> Position {
        let now = Position::new(stream.epoch.clone(), bounds.last);
        let mut quiet = lock(&self.quiet);
        let Some(quiet) = quiet.get_mut(name) else { return now };
        let is_the_same = quiet.position.epoch == stream.epoch && quiet.at + 1 >= bounds.first;
        if !is_the_same {
            quiet.position = now;
        }
        quiet.at = bounds.last;
        quiet.position.clone()
    }

    /// Notes that the newest position of a topic was this one when the stream had got to `at`.
    fn note_position(&self, name: &TopicName, position: &Position, at: u64) {
        if let Some(quiet) = lock(&self.quiet).get_mut(name) {
            *quiet = Quiet { position: position.clone(), at };
        }
    }

    async fn since_in(
        &self,
        stream: &Stream,
        name: &TopicName,
        limits: HistoryLimits,
        after: &Position,
    ) -> Result<Replay, Fault> {
        let subject = self.names.stored(limits.into(), name);
        let is_of_this_epoch = after.epoch == stream.epoch;
        let from = if is_of_this_epoch { after.offset } else { 0 };
        for _ in 0..READS {
            let Some(newest) = store::newest(&self.link, stream, &subject).await? else {
                let position = self.position_in(stream, name, limits).await?;
                let bounds = self.fetch_bounds(stream).await?;
                let is_complete = (is_of_this_epoch && *after == position)
                    || ((is_of_this_epoch || after.is_start()) && from + 1 >= bounds.first);
                return Ok(replay(is_complete && from <= position.offset, Vec::new(), position));
            };
            let stored = store::read(&self.link, stream, &subject, from, newest.sequence, REPLAY_BYTES).await?;
            let is_whole = stored.last().is_some_and(|last| last.sequence == newest.sequence);
            let bytes: usize = stored.iter().map(|stored| stored.payload.len()).sum();
            if !is_whole && bytes < REPLAY_BYTES && newest.sequence > from {
                // A replica that is behind answered, or the newest message was dropped meanwhile.
                sleep(RETRY).await;
                continue;
            }
            let position = newest.position(stream);
            let mut is_complete = is_whole || newest.sequence <= from;
            is_complete &= is_of_this_epoch || after.is_start();
            is_complete &= position.offset >= from;
            is_complete = is_complete && self.is_proven(stream, name, after, from, &stored).await?;
            let (is_kept, publications) = within(limits, stream, name, from, stored);
            return Ok(replay(is_complete && is_kept, publications, position));
        }
        // Somebody else may be able to answer.
        Err(EngineError::TimedOut.into())
    }

    /// Returns whether everything of the topic after a position is in `stored`.
    async fn is_proven(
        &self,
        stream: &Stream,
        name: &TopicName,
        after: &Position,
        from: u64,
        stored: &[Stored],
    ) -> Result<bool, Fault> {
        let is_at = |stored: &Stored| stored.sequence == from || stored.cleared == Some(from);
        if stored.first().is_some_and(|first| from > 0 && is_at(first)) {
            return Ok(true);
        }
        let was_cleared = stored.iter().any(|stored| stored.cleared.is_some_and(|cleared| cleared > from));
        if was_cleared || stored.len() as u64 >= stream.per_subject {
            return Ok(false);
        }
        let quiet = lock(&self.quiet).get(name).filter(|quiet| quiet.position == *after).map(|quiet| quiet.at);
        let bounds = self.fetch_bounds(stream).await?;
        Ok(quiet.unwrap_or(from).max(from) + 1 >= bounds.first)
    }

    async fn clear_in(&self, stream: &Stream, name: &TopicName, limits: HistoryLimits) -> Result<(), Fault> {
        let subject = self.names.stored(limits.into(), name);
        for _ in 0..READS {
            let Some(newest) = store::newest(&self.link, stream, &subject).await? else { return Ok(()) };
            let mut headers = HeaderMap::new();
            headers.insert(CLEARED, newest.offset().to_string());
            headers.insert("Nats-Expected-Last-Subject-Sequence", newest.sequence.to_string());
            let mark = match store::publish(&self.link, subject.clone(), headers, Bytes::new()).await? {
                Ack::NoStream => return Err(Fault::Gone),
                // A publication came between. It is older than this call's answer, so it is cleared too.
                Ack::Changed => continue,
                Ack::Stored { sequence, .. } => sequence,
            };
            let call = format!("STREAM.PURGE.{}", stream.name);
            let answer = self.link.api(&call, &json!({ "filter": subject, "seq": mark })).await?;
            return match error(&answer) {
                Some(error) => Err(other(format!("the stream {} cannot be purged: {error}", stream.name)).into()),
                None => Ok(()),
            };
        }
        Err(EngineError::TimedOut.into())
    }

    fn recent_bounds(&self, stream: &Stream) -> Option<Bounds> {
        let bounds = lock(&self.bounds);
        let (at, bounds) = bounds.get(&stream.name)?;
        (at.elapsed() < RECENT).then_some(*bounds)
    }

    async fn fetch_bounds(&self, stream: &Stream) -> Result<Bounds, Fault> {
        let fetched = self.streams.bounds(stream).await?.ok_or(Fault::Gone)?;
        let mut bounds = lock(&self.bounds);
        bounds.retain(|_, (at, _)| at.elapsed() < RECENT);
        bounds.insert(stream.name.clone(), (Instant::now(), fetched));
        Ok(fetched)
    }
}

impl Newest {
    /// A mark stands at the position of what was cleared.
    fn offset(self) -> u64 {
        self.cleared.unwrap_or(self.sequence)
    }

    fn position(self, stream: &Stream) -> Position {
        Position::new(stream.epoch.clone(), self.offset())
    }
}

/// Returns the publications after an offset that are within the limits of the history, and whether they are all.
fn within(
    limits: HistoryLimits,
    stream: &Stream,
    name: &TopicName,
    from: u64,
    stored: Vec<Stored>,
) -> (bool, Vec<Publication>) {
    let mut after: Vec<_> =
        stored.into_iter().filter(|stored| stored.sequence > from && stored.cleared.is_none()).collect();
    let before = after.len();
    let is_old = |stored: &Stored| stored.time.is_some_and(|time| clock::age(time) >= limits.age);
    let old = after.iter().take_while(|stored| is_old(stored)).count();
    let surplus = before.saturating_sub(limits.size);
    after.drain(..old.max(surplus));
    let publications: Vec<_> = after.into_iter().filter_map(|stored| publication(stream, name, stored)).collect();
    (publications.len() == before, publications)
}

fn publication(stream: &Stream, name: &TopicName, stored: Stored) -> Option<Publication> {
    let position = Position::new(stream.epoch.clone(), stored.sequence);
    match Publication::from_bytes(name.clone(), stored.payload) {
        Ok(publication) => Some(publication.at(Some(position))),
        Err(error) => {
            tracing::warn!(name: "stored_message_ignored", target: "silverback::hub::nats", topic = %name, %error, "a stored message is ignored");
            None
        }
    }
}

fn replay(is_complete: bool, publications: Vec<Publication>, position: Position) -> Replay {
    if is_complete {
        Replay::complete(publications, Some(position))
    } else {
        Replay::incomplete(publications, Some(position))
    }
}

fn gone() -> EngineError {
    other("the stream disappears again and again")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a stream that is gone is looked for.
const ATTEMPTS: u32 = 2;
/// Bytes of one replay. A larger one is incomplete.
const REPLAY_BYTES: usize = 64 * 1024 * 1024;
/// How often a replica that is behind is asked again.
const READS: u32 = 10;
const RETRY: Duration = Duration::from_millis(200);
/// How long the bounds of a stream serve for topics without messages. Shorter than anything that expires.
const RECENT: Duration = Duration::from_millis(100);
