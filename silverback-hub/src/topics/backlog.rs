//! The messages that wait for one member because its connection does not take them, and the policies that drop some.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::model::{
    name::{Label, TopicName},
    topic::Slow,
};

/// The encoded messages that wait for one member, limited in bytes. Empty ones take no memory beside this struct.
#[derive(Debug)]
pub(crate) struct Backlog<M> {
    /// `None` where an entry was dropped from the middle. The first one is always `Some`.
    entries: VecDeque<Option<Arc<Entry<M>>>>,
    /// The running number of the first entry.
    first: u64,
    /// Of the entries that may be dropped. The limit is for them.
    bytes: usize,
    /// Of the entries that must not be dropped. Their owner limits them.
    kept_bytes: usize,
    /// The running number of the newest entry of each key. Boxed, because only conflated topics need it.
    keys: Option<Box<Keys>>,
}

type Keys = HashMap<(TopicName, Label), u64>;

/// One encoded message. The members of a shard share it, so each of them holds one pointer.
#[derive(Debug)]
pub(crate) struct Entry<M> {
    /// `None` if the message must not be dropped.
    pub(crate) droppable: Option<Droppable>,
    /// The bytes that limits count for it.
    pub(crate) bytes: usize,
    pub(crate) message: M,
}

/// The loss if the message is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Droppable {
    pub(crate) topic: TopicName,
    pub(crate) key: Option<Label>,
    /// How many publications the message holds.
    pub(crate) publications: u32,
}

/// The result of queueing an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It was queued and nothing was lost.
    Queued,
    /// It was queued, and an older entry with the same key was dropped.
    Conflated { missed: u32 },
    /// It was queued, and older entries of its topic were dropped.
    DroppedOldest { missed: u32 },
    /// It was not queued.
    DroppedNewest { missed: u32 },
    /// It was not queued. The member must be disconnected with this code.
    Disconnect(u16),
}

impl<M> Default for Backlog<M> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), first: 0, bytes: 0, kept_bytes: 0, keys: None }
    }
}

impl<M> Backlog<M> {
    /// Queues an entry, or does what `slow` says if more than `limit` bytes would wait. A lone entry always fits.
    /// [`Slow::Conflate`] also replaces an entry with the same key. A member that is not slow yet gets
    /// [`Slow::DropOldest`] in its place, which replaces nothing but notes the key.
    pub(crate) fn push(&mut self, entry: Arc<Entry<M>>, slow: Slow, limit: usize) -> Pushed {
        let Some(droppable) = &entry.droppable else {
            self.append(entry, None);
            return Pushed::Queued;
        };
        let publications = droppable.publications;
        let key = droppable.key.clone().map(|key| (droppable.topic.clone(), key));
        let conflates = slow == Slow::Conflate;
        let replaced = key.as_ref().filter(|_| conflates).and_then(|key| self.keys.as_mut()?.remove(key));
        let conflated = replaced.map_or(0, |number| self.drop_number(number));
        if self.fits(entry.bytes, limit) {
            self.append(entry, key);
            return if conflated > 0 { Pushed::Conflated { missed: conflated } } else { Pushed::Queued };
        }
        match slow {
            Slow::Disconnect(code) => Pushed::Disconnect(code),
            Slow::DropNewest => Pushed::DroppedNewest { missed: publications },
            Slow::DropOldest | Slow::Conflate => {
                let missed = conflated + self.drop_oldest_of(&droppable.topic, entry.bytes, limit);
                if self.fits(entry.bytes, limit) {
                    self.append(entry, key);
                    Pushed::DroppedOldest { missed }
                } else {
                    // Other topics fill the backlog. Their publications are not this topic's to drop.
                    Pushed::DroppedNewest { missed: missed + publications }
                }
            }
        }
    }

    /// Returns whether an entry of this size fits.
    pub(crate) fn fits(&self, bytes: usize, limit: usize) -> bool {
        self.bytes == 0 || self.bytes.saturating_add(bytes) <= limit
    }

    pub(crate) fn front(&self) -> Option<&Entry<M>> {
        self.entries.front()?.as_deref()
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<Entry<M>>> {
        let entry = self.entries.pop_front()??;
        self.forget(self.first, &entry);
        self.first += 1;
        self.trim();
        Some(entry)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the bytes of the entries that must not be dropped.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Makes room for that many messages.
    pub(crate) fn reserve(&mut self, messages: usize) {
        self.entries.reserve(messages);
    }

    fn append(&mut self, entry: Arc<Entry<M>>, key: Option<(TopicName, Label)>) {
        if let Some(key) = key {
            self.keys.get_or_insert_default().insert(key, self.first + self.entries.len() as u64);
        }
        match entry.droppable {
            Some(_) => self.bytes += entry.bytes,
            None => self.kept_bytes += entry.bytes,
        }
        self.entries.push_back(Some(entry));
    }

    /// Drops the oldest entries of a topic until `bytes` more fit. Returns how many publications were lost.
    fn drop_oldest_of(&mut self, topic: &TopicName, bytes: usize, limit: usize) -> u32 {
        let mut missed = 0;
        let mut number = self.first;
        while number < self.first + self.entries.len() as u64 && !self.fits(bytes, limit) {
            let place = (number - self.first) as usize;
            let is_of_topic = self.entries[place]
                .as_ref()
                .and_then(|entry| entry.droppable.as_ref())
                .is_some_and(|droppable| droppable.topic == *topic);
            if is_of_topic {
                missed += self.drop_number(number);
            }
            number = (number + 1).max(self.first);
        }
        missed
    }

    /// Drops the entry with this running number. Returns how many publications were lost.
    fn drop_number(&mut self, number: u64) -> u32 {
        let place = number.checked_sub(self.first).and_then(|place| usize::try_from(place).ok());
        let dropped = place.and_then(|place| self.entries.get_mut(place)?.take());
        let Some(entry) = dropped else { return 0 };
        self.forget(number, &entry);
        self.trim();
        entry.droppable.as_ref().map_or(0, |droppable| droppable.publications)
    }

    /// Takes an entry out of the sums.
    fn forget(&mut self, number: u64, entry: &Entry<M>) {
        let Some(droppable) = &entry.droppable else {
            self.kept_bytes -= entry.bytes;
            return;
        };
        self.bytes -= entry.bytes;
        let Some(keys) = &mut self.keys else { return };
        if let Droppable { topic, key: Some(key), .. } = droppable {
            let key = (topic.clone(), key.clone());
            if keys.get(&key) == Some(&number) {
                keys.remove(&key);
            }
        }
        if keys.is_empty() {
            self.keys = None;
        }
    }

    /// Makes the first entry one that is there, and gives the memory back when none is.
    fn trim(&mut self) {
        while let Some(None) = self.entries.front() {
            self.entries.pop_front();
            self.first += 1;
        }
        if self.entries.is_empty() && self.entries.capacity() > KEPT {
            self.entries = VecDeque::new();
        }
    }
}

/// The places that an empty backlog keeps.
const KEPT: usize = 8;
