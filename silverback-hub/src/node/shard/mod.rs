//! A shard: one task that owns a part of the members. It queues publications for them and hands frames to their
//! connections, in pieces of [`CHUNK`] members between which other tasks run.
//!
//! It never waits for a member. If a peer does not read, the messages that its connection does not take stay in its
//! backlog, and `waiting` has one future for it, which ends when the connection has room. So there is neither a task
//! nor a channel for each member, and a slow one costs the others nothing.

mod fan_out;
mod seat;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak, atomic::Ordering},
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use silverback::PreparedMessage;
use tokio::{sync::mpsc, task::yield_now};

use self::seat::{Flushed, Joining, Seat, Wait};
use super::{
    commands::{Command, Delivery, Job, Reply, ReplyMessage, Starting},
    control::Order,
    routing::Node,
};
use crate::{
    model::{
        error::HubError,
        identity::MemberId,
        limits::Limits,
        name::TopicName,
        position::Position,
        publication::Publication,
        subscribed::{Recovery, Subscribed},
        target::Target,
        topic::Slow,
    },
    topics::{
        backlog::Entry,
        index::{Index, MemberSlot},
        recovery::merge,
    },
};

/// The state of the task.
pub(crate) struct Shard {
    number: usize,
    node: Weak<Node>,
    commands: mpsc::UnboundedReceiver<Command>,
    index: Index<Seat>,
    /// One future for each member whose connection takes nothing at the moment.
    waiting: FuturesUnordered<Wait>,
    /// The members whose backlog has grown since the last flush. If another member has taken the slot of one that left,
    /// the flush does no harm.
    touched: Vec<MemberSlot>,
    /// The members that are to be removed.
    gone: Vec<u64>,
    limits: Limits,
    /// Bytes of replays that were encoded since the task last yielded.
    replayed: usize,
    /// Bytes of all backlogs of this shard, and their limit.
    backlog_bytes: usize,
    backlog_limit: usize,
    /// How much of `backlog_bytes` the counters know.
    counted_bytes: usize,
}

impl Shard {
    pub(crate) fn new(number: usize, node: &Arc<Node>, commands: mpsc::UnboundedReceiver<Command>) -> Self {
        Self {
            number,
            node: Arc::downgrade(node),
            commands,
            index: Index::default(),
            waiting: FuturesUnordered::new(),
            touched: Vec::new(),
            gone: Vec::new(),
            limits: node.limits.clone(),
            replayed: 0,
            backlog_bytes: 0,
            backlog_limit: node.limits.backlogs / node.shards(),
            counted_bytes: 0,
        }
    }

    /// Ends when the node has been dropped.
    pub(crate) async fn run(mut self) {
        let mut commands = Vec::new();
        loop {
            tokio::select! {
                count = self.commands.recv_many(&mut commands, BURST) => {
                    let Some(node) = self.node.upgrade() else { return };
                    if count == 0 {
                        return;
                    }
                    self.handle(&node, &mut commands).await;
                }
                Some(number) = self.waiting.next() => {
                    let Some(node) = self.node.upgrade() else { return };
                    self.room(&node, number);
                    self.settle(&node).await;
                }
            }
        }
    }

    /// Handles a burst of commands, and then hands to each connection everything that the burst has brought for it.
    async fn handle(&mut self, node: &Node, commands: &mut Vec<Command>) {
        let mut batch: Vec<Arc<Delivery>> = Vec::new();
        let mut oldest = None;
        for command in commands.drain(..) {
            if let Command::Publish(delivery) = command {
                oldest = oldest.or(Some(delivery.arrived));
                if !batch.last().is_none_or(|last| last.goes_with(&delivery)) {
                    self.fan_out(node, &batch, false).await;
                    batch.clear();
                }
                batch.push(delivery);
                continue;
            }
            if !batch.is_empty() {
                self.fan_out(node, &batch, false).await;
                batch.clear();
            }
            match command {
                Command::Incomplete(name, position) => self.tell_incomplete(node, &name, position.as_ref()).await,
                Command::Members(reply) => {
                    // Those that were closed before are gone then.
                    self.settle(node).await;
                    let slots: Vec<_> = self.index.slots().collect();
                    let ids = slots.iter().filter_map(|slot| Some(self.index.member_at(*slot)?.id)).collect();
                    let _ = reply.send(ids);
                }
                command => self.handle_one(node, command),
            }
            if self.replayed > REPLAYED {
                self.replayed = 0;
                yield_now().await;
            }
        }
        if !batch.is_empty() {
            self.fan_out(node, &batch, true).await;
        }
        self.settle(node).await;
        if let Some(arrived) = oldest {
            node.counting.fanned_out(arrived);
        }
    }

    fn handle_one(&mut self, node: &Node, command: Command) {
        match command {
            Command::Join { member, writer, encoding } => {
                self.index.join(member.id().number(), Seat::new(member, writer, encoding));
            }
            Command::Leave { member } => self.remove(node, member.number()),
            Command::Subscribe { member, name, position, begins_live } => {
                self.subscribe(node, member, name, position, begins_live);
            }
            Command::GoLive { member, starting, reply } => self.go_live(node, member, starting, reply),
            Command::Unsubscribe { member, name, done } => {
                let was_subscribed = self.unsubscribe(node, member, &name);
                done.map(|done| done.send(was_subscribed));
            }
            Command::Close { member, code, reason } => {
                if let Some(slot) = self.index.slot(member.number()) {
                    self.close(slot, code, &reason);
                }
            }
            Command::Order { target, order } => self.carry_out(node, &target, &order),
            // The caller handles those that take long.
            Command::Publish(_) | Command::Incomplete(..) | Command::Members(_) => {}
        }
    }

    /// Acts on members for the server.
    fn carry_out(&mut self, node: &Node, target: &Target, order: &Order) {
        let slots: Vec<_> = match target.member {
            Some(member) => self.index.slot(member.number()).into_iter().collect(),
            None => self.index.slots().collect(),
        };
        for slot in slots {
            let Some(seat) = self.index.member_at(slot) else { continue };
            if seat.is_gone || !target.includes(seat.joined.present()) {
                continue;
            }
            let joined = seat.joined.clone();
            match order {
                Order::Close { code, reason } => self.close(slot, *code, reason),
                Order::Subscribe(name) => node.job(Job::Subscribe(joined, name.clone())),
                Order::Unsubscribe(name) => {
                    if self.unsubscribe(node, joined.id(), name) {
                        joined.uncount(name);
                    }
                }
                Order::Notice(notice) => {
                    if !joined.notify(notice) {
                        self.close(slot, SLOW, "slow");
                    }
                }
            }
        }
    }

    fn subscribe(
        &mut self,
        node: &Node,
        member: MemberId,
        name: TopicName,
        position: Option<Position>,
        begins_live: bool,
    ) {
        let number = member.number();
        if !self.index.subscribe(number, &name) {
            node.leave(&name, member);
        } else if let Some(seat) = self.index.member_mut(number) {
            seat.joining.push(Joining::new(name, position, begins_live));
        }
    }

    /// Makes subscriptions live. Queues the reply, and only then lets live publications follow.
    fn go_live(&mut self, node: &Node, member: MemberId, starting: Vec<Result<Starting, HubError>>, reply: Reply) {
        let number = member.number();
        let mut room = self.room_to_recover(node, number);
        let results: Vec<_> =
            starting.into_iter().map(|one| one.and_then(|one| self.merge(node, member, one, &mut room))).collect();
        self.reply(node, number, reply.message, &results);
        // If the call was dropped, its guards take the subscriptions back.
        let _ = reply.done.send(results);
    }

    /// Joins the replay of a subscription with what arrived meanwhile. `room` is for the bytes of all recoveries of the
    /// member.
    fn merge(
        &mut self,
        node: &Node,
        member: MemberId,
        starting: Starting,
        room: &mut usize,
    ) -> Result<Subscribed, HubError> {
        let Starting { name, replay, asks_for_all, must_be_complete } = starting;
        let number = member.number();
        let seat = self.index.member_mut(number);
        let Some(joining) = seat.and_then(|seat| seat.take_joining(&name)) else { return Err(HubError::Left) };
        let reached = joining.reached().cloned();
        let Some(replay) = replay else {
            return Ok(Subscribed { position: reached, recovered: Recovery::NotAsked, publications: Vec::new() });
        };
        let after_hole = joining.after_hole().cloned();
        let mut merged = merge(replay, joining.arrived);
        // The replay was read before, so it may end earlier than the hole.
        merged.position = after_hole.or(merged.position);
        let bytes: usize = merged.publications.iter().map(Publication::cost).sum();
        if joining.is_incomplete || bytes > *room {
            (merged.is_complete, merged.publications) = (false, Vec::new());
        } else {
            *room -= bytes;
            self.replayed += bytes;
        }
        if must_be_complete && !merged.is_complete {
            self.unsubscribe(node, member, &name);
            return Err(HubError::Incomplete);
        }
        let recovered = match (asks_for_all, merged.is_complete) {
            (false, _) => Recovery::NotAsked,
            (true, true) => Recovery::Complete,
            (true, false) => Recovery::Incomplete,
        };
        if let Some(seat) = self.index.member_mut(number) {
            seat.note_ahead(&name, merged.position.as_ref(), reached.as_ref());
        }
        Ok(Subscribed { position: merged.position, recovered, publications: merged.publications })
    }

    /// Returns how many bytes a recovery of this member may have. One that still has those of earlier recoveries to
    /// send gets no more, and is told so, because a disconnection would only make it recover again.
    fn room_to_recover(&mut self, node: &Node, number: u64) -> usize {
        let limit = self.limits.recovery;
        let Some(slot) = self.index.slot(number) else { return limit };
        let kept = |seat: &Seat| seat.backlog.kept_bytes();
        if self.index.member_at(slot).is_some_and(|seat| kept(seat) > 0) {
            self.flush(node, slot);
        }
        if self.index.member_at(slot).is_some_and(|seat| kept(seat) > limit / 2) { 0 } else { limit }
    }

    fn reply(
        &mut self,
        node: &Node,
        number: u64,
        message: Option<ReplyMessage>,
        results: &[Result<Subscribed, HubError>],
    ) {
        let Some(slot) = self.index.slot(number) else { return };
        let Some(encoding) = self.index.member_at(slot).map(|seat| seat.encoding.clone()) else { return };
        let messages: Vec<_> = match message {
            Some(message) => vec![guarded(|| message(results).map(PreparedMessage::new)).flatten()],
            None => {
                let recovered = results.iter().flatten();
                let batches = recovered.flat_map(|one| one.publications.chunks(encoding.max_batch().max(1)));
                batches.map(|batch| guarded(|| encoding.encode(batch))).collect()
            }
        };
        for message in messages.into_iter().flatten() {
            self.queue_kept(node, slot, message);
        }
    }

    fn unsubscribe(&mut self, node: &Node, member: MemberId, name: &TopicName) -> bool {
        let number = member.number();
        let was_subscribed = self.index.unsubscribe(number, name);
        if was_subscribed {
            if let Some(seat) = self.index.member_mut(number) {
                seat.forget(name);
            }
            node.leave(name, member);
        }
        was_subscribed
    }

    /// Tells the members of a topic about a hole, or closes them.
    async fn tell_incomplete(&mut self, node: &Node, name: &TopicName, position: Option<&Position>) {
        let Some(topic) = self.index.topic(name) else { return };
        for place in 0..self.index.subscribers(topic) {
            if place > 0 && place % CHUNK == 0 {
                yield_now().await;
            }
            let Some(slot) = self.index.subscriber(topic, place) else { continue };
            let Some(seat) = self.index.member_at(slot) else { continue };
            if let Some(joining) = seat.joining_mut(name) {
                joining.note_hole(position);
                continue;
            }
            let encoding = seat.encoding.clone();
            match guarded(|| encoding.incomplete(name)).flatten() {
                Some(message) => self.queue_kept(node, slot, PreparedMessage::new(message)),
                None => self.close(slot, INSUFFICIENT_STATE, "insufficient state"),
            }
        }
    }

    /// Queues a message that no policy drops. There may be few of them, or the member is too slow.
    fn queue_kept(&mut self, node: &Node, slot: MemberSlot, message: PreparedMessage) {
        let (bytes, limit) = (message.message().len() + ENTRY_OVERHEAD, 2 * self.limits.recovery);
        let is_too_much = |seat: &Seat| seat.backlog.kept_bytes() > 0 && seat.backlog.kept_bytes() + bytes > limit;
        if self.index.member_at(slot).is_some_and(|seat| is_too_much(seat)) {
            self.flush(node, slot);
        }
        let Some(seat) = self.index.member_at(slot).filter(|seat| !seat.is_gone) else { return };
        if is_too_much(seat) {
            self.close(slot, SLOW, "slow");
            return;
        }
        seat.backlog.push(Arc::new(Entry { droppable: None, bytes, message }), Slow::DropNewest, 0);
        self.backlog_bytes = self.backlog_bytes.wrapping_add(seat.backlog_change());
        if !std::mem::replace(&mut seat.is_touched, true) {
            self.touched.push(slot);
        }
    }

    /// Begins the closing handshake. The member gets nothing more.
    fn close(&mut self, slot: MemberSlot, code: u16, reason: &str) {
        if let Some(seat) = self.index.member_at(slot).filter(|seat| !seat.is_gone) {
            if let Err(error) = seat.writer.start_close(code, reason) {
                tracing::debug!(name: "close_failed", target: "silverback::hub", %error, "a member was not closed");
            }
            seat.is_gone = true;
            self.gone.push(seat.id.number());
        }
    }

    /// Removes a member and everything that is counted for it.
    fn remove(&mut self, node: &Node, number: u64) {
        let Some((seat, topics)) = self.index.leave(number) else { return };
        self.backlog_bytes -= seat.counted;
        node.forget(&seat.joined);
        for name in topics {
            node.leave(&name, seat.id);
        }
    }

    /// Flushes the members that were touched, and removes those that are gone.
    async fn settle(&mut self, node: &Node) {
        let mut touched = std::mem::take(&mut self.touched);
        for chunk in touched.chunks(CHUNK) {
            for slot in chunk {
                self.flush(node, *slot);
            }
            if touched.len() > CHUNK {
                yield_now().await;
            }
        }
        touched.clear();
        self.touched = touched;
        for number in std::mem::take(&mut self.gone) {
            self.remove(node, number);
        }
        self.count_backlogs(node);
    }

    /// Continues with a member whose connection has room again.
    fn room(&mut self, node: &Node, number: u64) {
        let Some(slot) = self.index.slot(number) else { return };
        if let Some(seat) = self.index.member_at(slot) {
            seat.is_waiting = false;
            self.flush(node, slot);
        }
    }

    /// Hands messages to the connection of a member, in one write if possible.
    fn flush(&mut self, node: &Node, slot: MemberSlot) {
        let Some(seat) = self.index.member_at(slot).filter(|seat| !seat.is_gone) else { return };
        seat.is_touched = false;
        let (flushed, messages) = seat.flush(self.limits.window);
        node.counting.delivered.fetch_add(messages, Ordering::Relaxed);
        self.backlog_bytes = self.backlog_bytes.wrapping_add(seat.backlog_change());
        match flushed {
            Flushed::All => {}
            Flushed::Full { len } => {
                if !std::mem::replace(&mut seat.is_waiting, true) {
                    self.waiting.push(seat::wait(seat.writer.clone(), len, seat.id.number()));
                }
            }
            Flushed::Gone => {
                seat.is_gone = true;
                self.gone.push(seat.id.number());
            }
        }
    }

    fn count_backlogs(&mut self, node: &Node) {
        let (now, known) = (self.backlog_bytes, std::mem::replace(&mut self.counted_bytes, self.backlog_bytes));
        let counter = &node.counting.backlog_bytes;
        if now >= known {
            counter.fetch_add((now - known) as u64, Ordering::Relaxed);
        } else {
            counter.fetch_sub((known - now) as u64, Ordering::Relaxed);
        }
    }
}

/// Calls code of the application. If it panics, only its own message is missing, and not the whole shard.
fn guarded<T>(call: impl FnOnce() -> T) -> Option<T> {
    let result = catch_unwind(AssertUnwindSafe(call));
    if result.is_err() {
        tracing::error!(name: "encoding_panicked", target: "silverback::hub", "an encoding or a reply panicked, so a message was not sent");
    }
    result.ok()
}

/// For the name of the task in traces of a runtime.
impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("number", &self.number).finish_non_exhaustive()
    }
}

/// Members between two yields. A shard with a large topic so runs for about a millisecond at a time.
const CHUNK: usize = 128;
/// Bytes of replays between two yields.
const REPLAYED: usize = 256 * 1024;
/// Commands that are handled before their members are flushed.
const BURST: usize = 64;
/// The bytes that an entry of a backlog takes beside its message.
const ENTRY_OVERHEAD: usize = 64;
/// The code for a member with a hole that its encoding cannot tell it about. It asks clients to reconnect.
const INSUFFICIENT_STATE: u16 = 3010;
/// The code for a member that does not read replies. It asks clients to reconnect.
const SLOW: u16 = 3008;
