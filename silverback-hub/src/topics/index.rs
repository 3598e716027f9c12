//! The members of one shard and their subscriptions.
//!
//! Joining, leaving, subscribing and unsubscribing take constant time, also in a topic with very many members. A
//! subscription costs 16 bytes: both sides know the other's place in their own list.

use std::collections::HashMap;

use crate::model::name::TopicName;

/// Members with a value of type `M`, by number, and topics with their subscribers.
#[derive(Debug)]
pub(crate) struct Index<M> {
    members: Slots<MemberEntry<M>>,
    by_number: HashMap<u64, u32>,
    topics: Slots<TopicEntry>,
    by_name: HashMap<TopicName, u32>,
}

#[derive(Debug)]
struct MemberEntry<M> {
    value: M,
    /// `place` is that of the member among the subscribers of the topic.
    topics: Vec<Link>,
}

#[derive(Debug)]
struct TopicEntry {
    name: TopicName,
    /// `place` is that of the topic among the subscriptions of the member.
    members: Vec<Link>,
}

/// One side of a subscription: the slot of the other side, and the place there that points back.
#[derive(Clone, Copy, Debug)]
struct Link {
    slot: u32,
    place: u32,
}

/// Where a member is in the index. Valid until the index changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberSlot(u32);

/// Where a topic is in the index. Valid until the index changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TopicSlot(u32);

impl<M> Default for Index<M> {
    fn default() -> Self {
        Self { members: Slots::default(), by_number: HashMap::new(), topics: Slots::default(), by_name: HashMap::new() }
    }
}

impl<M> Index<M> {
    /// Adds a member. A number is used once.
    pub(crate) fn join(&mut self, number: u64, value: M) {
        let slot = self.members.insert(MemberEntry { value, topics: Vec::new() });
        self.by_number.insert(number, slot);
    }

    /// Removes a member. Returns its value and the topics that it was subscribed to.
    pub(crate) fn leave(&mut self, number: u64) -> Option<(M, Vec<TopicName>)> {
        let slot = self.by_number.remove(&number)?;
        let mut left = Vec::new();
        while let Some(link) = self.members.get(slot).and_then(|member| member.topics.last().copied()) {
            left.extend(self.topics.get(link.slot).map(|topic| topic.name.clone()));
            self.cut(slot, link);
        }
        self.members.remove(slot).map(|member| (member.value, left))
    }

    /// Subscribes a member. Returns `false` if it is subscribed already or unknown.
    pub(crate) fn subscribe(&mut self, number: u64, name: &TopicName) -> bool {
        let Some(&member_slot) = self.by_number.get(&number) else { return false };
        if self.link(member_slot, name).is_some() {
            return false;
        }
        let topic_slot = match self.by_name.get(name) {
            Some(&slot) => slot,
            None => {
                let slot = self.topics.insert(TopicEntry { name: name.clone(), members: Vec::new() });
                self.by_name.insert(name.clone(), slot);
                slot
            }
        };
        let (Some(member), Some(topic)) = (self.members.get_mut(member_slot), self.topics.get_mut(topic_slot)) else {
            return false;
        };
        let (in_member, in_topic) = (member.topics.len() as u32, topic.members.len() as u32);
        member.topics.push(Link { slot: topic_slot, place: in_topic });
        topic.members.push(Link { slot: member_slot, place: in_member });
        true
    }

    /// Unsubscribes a member. Returns `false` if it was not subscribed.
    pub(crate) fn unsubscribe(&mut self, number: u64, name: &TopicName) -> bool {
        let Some(&slot) = self.by_number.get(&number) else { return false };
        let link = self.link(slot, name);
        if let Some(link) = link {
            self.cut(slot, link);
        }
        link.is_some()
    }

    pub(crate) fn member_mut(&mut self, number: u64) -> Option<&mut M> {
        let slot = *self.by_number.get(&number)?;
        self.members.get_mut(slot).map(|member| &mut member.value)
    }

    /// Returns where a member is.
    pub(crate) fn slot(&self, number: u64) -> Option<MemberSlot> {
        self.by_number.get(&number).copied().map(MemberSlot)
    }

    /// Returns the member in this slot.
    pub(crate) fn member_at(&mut self, slot: MemberSlot) -> Option<&mut M> {
        self.members.get_mut(slot.0).map(|member| &mut member.value)
    }

    /// Returns the topic if it has subscribers.
    pub(crate) fn topic(&self, name: &TopicName) -> Option<TopicSlot> {
        self.by_name.get(name).copied().map(TopicSlot)
    }

    /// Returns the number of subscribers.
    pub(crate) fn subscribers(&self, topic: TopicSlot) -> usize {
        self.topics.get(topic.0).map_or(0, |topic| topic.members.len())
    }

    /// Returns one subscriber, by its place from 0 to [`subscribers`](Self::subscribers).
    pub(crate) fn subscriber(&self, topic: TopicSlot, place: usize) -> Option<MemberSlot> {
        self.topics.get(topic.0)?.members.get(place).map(|link| MemberSlot(link.slot))
    }

    /// Returns where all members are.
    pub(crate) fn slots(&self) -> impl Iterator<Item = MemberSlot> {
        self.by_number.values().copied().map(MemberSlot)
    }

    #[cfg(test)]
    pub(crate) fn members(&self) -> usize {
        self.by_number.len()
    }

    #[cfg(test)]
    pub(crate) fn topics(&self) -> usize {
        self.by_name.len()
    }

    /// Finds the member's side of a subscription. A member has few subscriptions, so they are looked through.
    fn link(&self, member: u32, name: &TopicName) -> Option<Link> {
        let topic = *self.by_name.get(name)?;
        self.members.get(member)?.topics.iter().find(|link| link.slot == topic).copied()
    }

    /// Removes a subscription from both sides. The last entry of each list takes the free place, and its other side
    /// learns the new place.
    fn cut(&mut self, member_slot: u32, link: Link) {
        let Some(topic) = self.topics.get_mut(link.slot) else { return };
        let back = topic.members.swap_remove(link.place as usize);
        if let Some(moved) = topic.members.get(link.place as usize).copied() {
            if let Some(member) = self.members.get_mut(moved.slot) {
                member.topics[moved.place as usize].place = link.place;
            }
        } else if topic.members.is_empty() {
            let name = topic.name.clone();
            self.by_name.remove(&name);
            self.topics.remove(link.slot);
        }
        let Some(member) = self.members.get_mut(member_slot) else { return };
        member.topics.swap_remove(back.place as usize);
        if let Some(moved) = member.topics.get(back.place as usize).copied() {
            if let Some(topic) = self.topics.get_mut(moved.slot) {
                topic.members[moved.place as usize].place = back.place;
            }
        }
    }
}

/// Values in numbered slots. A free slot is used again.
#[derive(Debug)]
struct Slots<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slots<T> {
    fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(value);
            return slot;
        }
        self.slots.push(Some(value));
        // Limits keep the counts far below 2^32.
        (self.slots.len() - 1) as u32
    }

    fn remove(&mut self, slot: u32) -> Option<T> {
        let value = self.slots.get_mut(slot as usize)?.take()?;
        if self.free.len() + 1 == self.slots.len() {
            // Nothing is left, so the memory of a crowd does not stay.
            (self.slots, self.free) = (Vec::new(), Vec::new());
        } else {
            self.free.push(slot);
        }
        Some(value)
    }

    fn get(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }
}
