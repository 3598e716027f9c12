//! One batch to all members of its topic.

use std::sync::Arc;

use silverback::PreparedMessage;
use tokio::task::yield_now;

use super::{CHUNK, ENTRY_OVERHEAD, Shard};
use crate::{
    encoding::Encoding,
    model::{event::LagAction, topic::Slow},
    node::{commands::Delivery, routing::Node},
    topics::backlog::{Droppable, Entry, Pushed},
};

/// A batch in one encoding.
struct Encoded {
    encoding: Arc<dyn Encoding>,
    messages: Vec<EncodedMessage>,
}

struct EncodedMessage {
    droppable: Droppable,
    bytes: usize,
    message: PreparedMessage,
}

impl Shard {
    /// Queues a batch for each member of its topic. Nothing else changes the index meanwhile, because this task owns it.
    pub(super) async fn fan_out(&mut self, node: &Node, batch: &[Arc<Delivery>]) {
        let Some(first) = batch.first() else { return };
        let (name, slow) = (&first.publication.topic, first.slow);
        let Some(topic) = self.index.topic(name) else { return };
        // Encoded when the first member needs it. A hub has few encodings.
        let mut encodings: Vec<Encoded> = Vec::new();
        let subscribers = self.index.subscribers(topic);
        for place in 0..subscribers {
            if place > 0 && place % CHUNK == 0 {
                yield_now().await;
            }
            let Some((number, seat)) = self.index.subscriber(topic, place).and_then(|slot| self.index.member_at(slot))
            else {
                continue;
            };
            if seat.is_gone || first.publication.except == Some(seat.id) {
                continue;
            }
            if let Some(joining) = seat.joining_mut(name) {
                batch.iter().for_each(|delivery| joining.keep(&delivery.publication, self.limits.recovery));
                continue;
            }
            let known = encodings.iter().position(|encoded| Arc::ptr_eq(&encoded.encoding, &seat.encoding));
            let known = known.unwrap_or_else(|| {
                encodings.push(encode(seat.encoding.clone(), batch));
                encodings.len() - 1
            });
            for message in &encodings[known].messages {
                self.queue(node, number, message, slow);
            }
        }
    }

    /// Queues a message for a member, or does what the policy says if too much waits.
    fn queue(&mut self, node: &Node, number: u64, message: &EncodedMessage, slow: Slow) {
        let EncodedMessage { droppable, bytes, message } = message;
        let is_over = self.backlog_bytes >= self.backlog_limit;
        let Some(seat) = self.index.member_mut(number) else { return };
        if is_over || !seat.backlog.fits(*bytes, self.limits.backlog) {
            // Perhaps the connection only had no turn yet.
            self.flush(node, number);
        }
        let Some(seat) = self.index.member_mut(number).filter(|seat| !seat.is_gone) else { return };
        let limit = if self.backlog_bytes >= self.backlog_limit { 0 } else { self.limits.backlog };
        // Only members whose connection takes nothing are slow. The others get every value.
        let slow = if slow == Slow::Conflate && !seat.is_waiting { Slow::DropOldest } else { slow };
        let entry = Entry { droppable: Some(droppable.clone()), bytes: *bytes, message: message.clone() };
        let pushed = seat.backlog.push(entry, slow, limit);
        let now = seat.backlog.bytes() + seat.backlog.kept_bytes();
        self.backlog_bytes = self.backlog_bytes + now - std::mem::replace(&mut seat.counted, now);
        if !std::mem::replace(&mut seat.is_touched, true) {
            self.touched.push(number);
        }
        let (missed, action) = match pushed {
            Pushed::Queued => return,
            Pushed::Conflated { missed } => (missed, LagAction::Conflated),
            Pushed::DroppedOldest { missed } => (missed, LagAction::DroppedOldest),
            Pushed::DroppedNewest { missed } => (missed, LagAction::DroppedNewest),
            Pushed::Disconnect(code) => (droppable.publications, LagAction::Disconnected(code)),
        };
        node.counting.lagged(seat.id, &droppable.topic, missed.into(), action);
        if let LagAction::Disconnected(code) = action {
            self.close(number, code, "slow");
        }
    }
}

fn encode(encoding: Arc<dyn Encoding>, batch: &[Arc<Delivery>]) -> Encoded {
    let publications: Vec<_> = batch.iter().map(|delivery| delivery.publication.clone()).collect();
    // A message with several publications would have several keys.
    let conflates = batch.first().is_some_and(|first| first.slow == Slow::Conflate);
    let size = if conflates { 1 } else { encoding.max_batch().max(1) };
    let messages = publications.chunks(size).map(|some| {
        let message = encoding.encode(some);
        let key = some.first().and_then(|first| first.key.clone()).filter(|_| conflates);
        let topic = some.first().map(|first| first.topic.clone());
        let bytes = message.message().len() + ENTRY_OVERHEAD;
        topic.map(|topic| EncodedMessage {
            droppable: Droppable { topic, key, publications: some.len() as u32 },
            bytes,
            message,
        })
    });
    let messages = messages.flatten().collect();
    Encoded { encoding, messages }
}
