//! One batch to all members of its topic.

use std::sync::Arc;

use silverback::PreparedMessage;
use tokio::task::yield_now;

use super::{CHUNK, ENTRY_OVERHEAD, Shard, guarded};
use crate::{
    encoding::Encoding,
    model::{event::LagAction, publication::Publication, topic::Slow},
    node::{commands::Delivery, routing::Node},
    topics::{
        backlog::{Droppable, Entry, Pushed},
        index::MemberSlot,
    },
};

/// A batch in one encoding.
struct Encoded {
    encoding: Arc<dyn Encoding>,
    entries: Vec<Arc<Entry<PreparedMessage>>>,
}

impl Shard {
    /// Queues a batch for each member of its topic. Nothing else changes the index meanwhile, because this task owns
    /// it. After the last batch of a burst, members are flushed while what was queued for them is still in the cache,
    /// and the first ones have their messages before the last ones are queued.
    pub(super) async fn fan_out(&mut self, node: &Node, batch: &[Arc<Delivery>], is_last: bool) {
        let Some(first) = batch.first() else { return };
        let (name, slow) = (&first.publication.topic, first.slow);
        let Some(topic) = self.index.topic(name) else { return };
        // Encoded when the first member needs it. A hub has few encodings.
        let mut encodings: Vec<Encoded> = Vec::new();
        let newest = batch.last().and_then(|last| last.publication.position.clone());
        let subscribers = self.index.subscribers(topic);
        // An earlier batch has touched the members before this place. They are flushed at the end of the burst.
        let touched_before = self.touched.len();
        for place in 0..subscribers {
            if place > 0 && place % CHUNK == 0 {
                if is_last {
                    self.flush_touched(node, touched_before);
                }
                yield_now().await;
            }
            let Some(slot) = self.index.subscriber(topic, place) else { continue };
            let Some(seat) = self.index.member_at(slot) else { continue };
            if seat.is_gone || first.publication.except == Some(seat.id) {
                continue;
            }
            if let Some(joining) = seat.joining_mut(name) {
                batch.iter().for_each(|delivery| joining.keep(&delivery.publication, self.limits.recovery));
                continue;
            }
            if !seat.ahead.is_empty() {
                if let Some(ahead) = seat.ahead_of(name, newest.as_ref()) {
                    let encoding = seat.encoding.clone();
                    let new: Vec<_> = batch.iter().filter(|delivery| delivery.is_after(&ahead)).cloned().collect();
                    for entry in encode(encoding, &new).entries {
                        self.queue(node, slot, &entry, slow);
                    }
                    continue;
                }
            }
            let known = encodings.iter().position(|encoded| Arc::ptr_eq(&encoded.encoding, &seat.encoding));
            let known = known.unwrap_or_else(|| {
                encodings.push(encode(seat.encoding.clone(), batch));
                encodings.len() - 1
            });
            // Otherwise the backlog would grow several times in a burst, for each member.
            seat.backlog.reserve(encodings[known].entries.len());
            for entry in &encodings[known].entries {
                self.queue(node, slot, entry, slow);
            }
        }
    }

    /// Flushes the members that were touched since `from`.
    fn flush_touched(&mut self, node: &Node, from: usize) {
        for place in from..self.touched.len() {
            self.flush(node, self.touched[place]);
        }
        self.touched.truncate(from);
    }

    /// Queues a message for a member, or does what the policy says if too much waits.
    fn queue(&mut self, node: &Node, slot: MemberSlot, entry: &Arc<Entry<PreparedMessage>>, slow: Slow) {
        let is_over = self.backlog_bytes >= self.backlog_limit;
        let Some(seat) = self.index.member_at(slot) else { return };
        if is_over || !seat.backlog.fits(entry.bytes, self.limits.backlog) {
            // Perhaps the connection only had no turn yet.
            self.flush(node, slot);
        }
        let limit = if self.backlog_bytes >= self.backlog_limit { 0 } else { self.limits.backlog };
        let Some(seat) = self.index.member_at(slot).filter(|seat| !seat.is_gone) else { return };
        // Only members whose connection takes nothing are slow. The others get every value.
        let slow = if slow == Slow::Conflate && !seat.is_waiting { Slow::DropOldest } else { slow };
        let pushed = seat.backlog.push(entry.clone(), slow, limit);
        self.backlog_bytes = self.backlog_bytes.wrapping_add(seat.backlog_change());
        if !std::mem::replace(&mut seat.is_touched, true) {
            self.touched.push(slot);
        }
        let (member, droppable) = (seat.id, entry.droppable.as_ref());
        let (missed, action) = match pushed {
            Pushed::Queued => return,
            Pushed::Conflated { missed } => (missed, LagAction::Conflated),
            Pushed::DroppedOldest { missed } => (missed, LagAction::DroppedOldest),
            Pushed::DroppedNewest { missed } => (missed, LagAction::DroppedNewest),
            Pushed::Disconnect(code) => {
                self.close(slot, code, "slow");
                (droppable.map_or(0, |droppable| droppable.publications), LagAction::Disconnected(code))
            }
        };
        if let Some(droppable) = droppable {
            node.counting.lagged(member, &droppable.topic, missed.into(), action);
        }
    }
}

fn encode(encoding: Arc<dyn Encoding>, batch: &[Arc<Delivery>]) -> Encoded {
    let publications: Vec<_> = batch.iter().map(|delivery| delivery.publication.clone()).collect();
    // A message with several publications would have several keys.
    let conflates = batch.first().is_some_and(|first| first.slow == Slow::Conflate);
    let size = if conflates { 1 } else { encoding.max_batch().max(1) };
    let entry = |some: &[Publication]| {
        let message = guarded(|| encoding.encode(some))?;
        let first = some.first()?;
        let key = first.key.clone().filter(|_| conflates);
        let droppable = Droppable { topic: first.topic.clone(), key, publications: some.len() as u32 };
        let bytes = message.message().len() + ENTRY_OVERHEAD;
        Some(Arc::new(Entry { droppable: Some(droppable), bytes, message }))
    };
    let entries = publications.chunks(size).filter_map(entry).collect();
    Encoded { encoding, entries }
}
