//! The state of the memory engine: the history, the ids and the presence of every topic.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use super::{history::History, leases::Leases, recovery::Replay, window::Window};
use crate::model::{
    identity::{Identity, MemberId, Present},
    limits::LimitError,
    name::TopicName,
    position::{Epoch, Position},
    publication::Publication,
    topic::{HistoryLimits, Topic},
};

/// The state of all topics. Each call also expires a few topics, so an unused topic does not stay.
#[derive(Debug)]
pub(crate) struct Store {
    topics: HashMap<TopicName, Kept>,
    /// Every topic once, in the order in which they are looked at next.
    turns: VecDeque<TopicName>,
    ids: Window,
    history_bytes: usize,
    leases: usize,
    limits: StoreLimits,
}

/// The limits of a store. Sizes are in bytes.
#[derive(Clone, Debug)]
pub(crate) struct StoreLimits {
    pub(crate) topics: usize,
    pub(crate) history_bytes: usize,
    pub(crate) ids: usize,
    pub(crate) id_age: Duration,
    pub(crate) leases: usize,
    /// How long an unused topic keeps its position.
    pub(crate) position_age: Duration,
}

#[derive(Debug)]
struct Kept {
    history: Option<(HistoryLimits, History)>,
    leases: Leases,
    used: Instant,
}

/// The result of a publication.
#[derive(Debug, PartialEq)]
pub(crate) enum Stored {
    /// It is new, and has a position if the topic has a history. `prev` is the offset before it.
    New { publication: Publication, prev: Option<u64> },
    /// A publication with this id was stored before, at this position.
    Known(Option<Position>),
}

impl Store {
    pub(crate) fn new(limits: StoreLimits) -> Self {
        Self {
            topics: HashMap::new(),
            turns: VecDeque::new(),
            ids: Window::new(limits.ids, limits.id_age),
            history_bytes: 0,
            leases: 0,
            limits,
        }
    }

    /// Stores a publication, unless its id is known. `fresh` names a new epoch.
    pub(crate) fn publish(
        &mut self,
        now: Instant,
        topic: &Topic,
        publication: Publication,
        fresh: impl FnOnce() -> Epoch,
    ) -> Result<Stored, LimitError> {
        self.expire_some(now);
        let name = publication.topic.clone();
        if let Some(id) = &publication.id {
            if let Some(position) = self.ids.find(now, &name, id) {
                return Ok(Stored::Known(position));
            }
        }
        let (publication, prev) = match topic.history_limits() {
            None => (publication.at(None), None),
            Some(limits) => {
                let room = self.limits.history_bytes.saturating_sub(self.history_bytes);
                let history = self.history(now, &name, limits, fresh)?;
                let (before, prev) = (history.bytes(), history.position().offset);
                let publication = history.push(now, limits, room, publication);
                let after = history.bytes();
                self.history_bytes = self.history_bytes + after - before;
                (publication, Some(prev))
            }
        };
        if let Some(id) = &publication.id {
            self.ids.note(now, &name, id, publication.position.clone());
        }
        Ok(Stored::New { publication, prev })
    }

    /// Returns the newest position of a topic with history.
    pub(crate) fn position(
        &mut self,
        now: Instant,
        name: &TopicName,
        topic: &Topic,
        fresh: impl FnOnce() -> Epoch,
    ) -> Result<Option<Position>, LimitError> {
        self.expire_some(now);
        let Some(limits) = topic.history_limits() else { return Ok(None) };
        self.history(now, name, limits, fresh).map(|history| Some(history.position()))
    }

    /// Returns what is stored after a position.
    pub(crate) fn since(
        &mut self,
        now: Instant,
        name: &TopicName,
        topic: &Topic,
        after: &Position,
        fresh: impl FnOnce() -> Epoch,
    ) -> Result<Replay, LimitError> {
        let Some(position) = self.position(now, name, topic, fresh)? else {
            return Ok(Replay::incomplete(Vec::new(), None));
        };
        let Some(Kept { history: Some((limits, history)), .. }) = self.topics.get_mut(name) else {
            return Ok(Replay::incomplete(Vec::new(), Some(position)));
        };
        let before = history.bytes();
        history.expire(now, *limits);
        let (complete, publications) = history.since(after);
        self.history_bytes -= before - history.bytes();
        Ok(Replay { complete, publications, position: Some(position) })
    }

    /// Drops the stored publications of a topic. Its position stays, so a replay from an older one is incomplete.
    pub(crate) fn clear_history(&mut self, now: Instant, name: &TopicName) {
        self.expire_some(now);
        let Some(Kept { history: Some((_, history)), .. }) = self.topics.get_mut(name) else { return };
        self.history_bytes -= history.bytes();
        history.clear();
    }

    /// Makes members present until `until`.
    pub(crate) fn lease(
        &mut self,
        now: Instant,
        until: Instant,
        leases: impl IntoIterator<Item = (TopicName, MemberId, Identity)>,
    ) -> Result<(), LimitError> {
        self.expire_some(now);
        for (name, member, identity) in leases {
            if self.leases >= self.limits.leases {
                return Err(LimitError::Leases(self.limits.leases));
            }
            let is_new = self.kept(now, &name)?.leases.renew(member, identity, until);
            self.leases += usize::from(is_new);
        }
        Ok(())
    }

    /// Ends the lease of a member.
    pub(crate) fn release(&mut self, now: Instant, name: &TopicName, member: MemberId) {
        self.expire_some(now);
        let released = self.topics.get_mut(name).is_some_and(|kept| kept.leases.release(member));
        self.leases -= usize::from(released);
    }

    /// Returns who is present in a topic.
    pub(crate) fn present(&mut self, now: Instant, name: &TopicName) -> Vec<Present> {
        self.expire_some(now);
        self.topics.get(name).map_or_else(Vec::new, |kept| kept.leases.present(now))
    }

    #[cfg(test)]
    pub(crate) fn topics(&self) -> usize {
        self.topics.len()
    }

    #[cfg(test)]
    pub(crate) fn history_bytes(&self) -> usize {
        self.history_bytes
    }

    /// Returns the history of a topic, which begins now if there was none or its offsets are used up.
    fn history(
        &mut self,
        now: Instant,
        name: &TopicName,
        limits: HistoryLimits,
        fresh: impl FnOnce() -> Epoch,
    ) -> Result<&mut History, LimitError> {
        let kept = self.kept(now, name)?;
        if kept.history.as_ref().is_none_or(|(_, history)| history.is_full()) {
            let old = kept.history.replace((limits, History::new(fresh())));
            self.history_bytes -= old.map_or(0, |(_, history)| history.bytes());
        }
        // Looked up again, because the borrow checker does not see that the branch above has ended with `kept`.
        match self.topics.get_mut(name) {
            Some(Kept { history: Some((kept_limits, history)), .. }) => {
                *kept_limits = limits;
                Ok(history)
            }
            _ => Err(LimitError::Topics(self.limits.topics)),
        }
    }

    fn kept(&mut self, now: Instant, name: &TopicName) -> Result<&mut Kept, LimitError> {
        if !self.topics.contains_key(name) {
            // A full store forgets topics with nothing but a position. It looks at a few for each newcomer.
            for _ in 0..LOOKS {
                if self.topics.len() < self.limits.topics {
                    break;
                }
                self.expire_next(now, Duration::ZERO);
            }
            if self.topics.len() >= self.limits.topics {
                return Err(LimitError::Topics(self.limits.topics));
            }
            self.turns.push_back(name.clone());
        }
        let kept = self.topics.entry(name.clone()).or_insert_with(|| Kept {
            history: None,
            leases: Leases::default(),
            used: now,
        });
        kept.used = now;
        Ok(kept)
    }

    fn expire_some(&mut self, now: Instant) {
        self.ids.expire(now);
        self.expire_next(now, self.limits.position_age);
        self.expire_next(now, self.limits.position_age);
    }

    /// Expires one topic, and removes it if it has nothing but a position that was unused for this long.
    fn expire_next(&mut self, now: Instant, position_age: Duration) {
        let Some(name) = self.turns.pop_front() else { return };
        let Some(kept) = self.topics.get_mut(&name) else { return };
        self.leases -= kept.leases.expire(now);
        let is_idle = now.saturating_duration_since(kept.used) >= position_age;
        if let Some((limits, history)) = &mut kept.history {
            let before = history.bytes();
            history.expire(now, *limits);
            self.history_bytes -= before - history.bytes();
        }
        let has_history = kept.history.as_ref().is_some_and(|(_, history)| history.bytes() > 0);
        let has_position = kept.history.is_some() && !is_idle;
        if kept.leases.is_empty() && !has_history && !has_position {
            self.topics.remove(&name);
        } else {
            self.turns.push_back(name);
        }
    }
}

/// How many topics a full store looks at before it refuses a new one.
const LOOKS: usize = 64;
