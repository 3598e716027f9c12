//! One member in its shard.

use std::{pin::Pin, sync::Arc};

use silverback::{PreparedMessage, TryWriteError, Writer};

use crate::{
    encoding::Encoding,
    model::{identity::MemberId, name::TopicName, position::Position, publication::Publication},
    node::joined::Joined,
    topics::backlog::Backlog,
};

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) id: MemberId,
    pub(super) joined: Arc<Joined>,
    pub(super) writer: Writer,
    pub(super) encoding: Arc<dyn Encoding>,
    pub(super) backlog: Backlog<PreparedMessage>,
    /// The part of the backlog's bytes that the shard has in its sum.
    pub(super) counted: usize,
    /// It is in the shard's list of members to flush.
    pub(super) is_touched: bool,
    /// The shard has a future that waits for room in its connection.
    pub(super) is_waiting: bool,
    /// Its connection is closing or has failed. It is removed soon.
    pub(super) is_gone: bool,
    /// Subscriptions that are not live yet. Usually none.
    pub(super) joining: Vec<Joining>,
    /// Subscriptions whose replay was newer than what had reached the shard. Usually none.
    pub(super) ahead: Vec<(TopicName, Position)>,
}

/// A subscription that is not live yet.
#[derive(Debug)]
pub(super) struct Joining {
    name: TopicName,
    /// The position up to which publications have reached the shard.
    reached: Option<Position>,
    /// It begins with the next publication after it is live, so none is kept.
    begins_live: bool,
    /// The publications that have arrived meanwhile.
    pub(super) arrived: Vec<Publication>,
    bytes: usize,
    /// The subscription has a hole, or too much has arrived.
    pub(super) is_incomplete: bool,
    /// The node has lost publications, also those that it would have handed on.
    has_hole: bool,
}

/// How a flush ended.
pub(super) enum Flushed {
    /// Nothing waits.
    All,
    /// The connection takes no more. The next message has `len` bytes.
    Full { len: usize },
    /// The connection is closing or has failed.
    Gone,
}

/// Ends with the number of a member when its connection has room, or has failed.
pub(super) type Wait = Pin<Box<dyn Future<Output = u64> + Send>>;

impl Seat {
    pub(super) fn new(joined: Arc<Joined>, writer: Writer, encoding: Arc<dyn Encoding>) -> Self {
        Self {
            id: joined.id(),
            joined,
            writer,
            encoding,
            backlog: Backlog::default(),
            counted: 0,
            is_touched: false,
            is_waiting: false,
            is_gone: false,
            joining: Vec::new(),
            ahead: Vec::new(),
        }
    }

    pub(super) fn joining_mut(&mut self, name: &TopicName) -> Option<&mut Joining> {
        self.joining.iter_mut().find(|joining| joining.name == *name)
    }

    pub(super) fn take_joining(&mut self, name: &TopicName) -> Option<Joining> {
        let place = self.joining.iter().position(|joining| joining.name == *name)?;
        Some(self.joining.swap_remove(place))
    }

    /// Notes the position up to which a subscription already has everything. The shard may be behind, because the
    /// replay came from the engine and the node is still recovering from a gap.
    pub(super) fn note_ahead(&mut self, name: &TopicName, position: Option<&Position>, reached: Option<&Position>) {
        let Some(position) = position else { return };
        let is_reached =
            reached.is_some_and(|reached| reached.epoch == position.epoch && reached.offset >= position.offset);
        if !is_reached {
            self.ahead.push((name.clone(), position.clone()));
        }
    }

    /// Returns the position up to which this member has everything, if the shard is behind that. Forgets it once the
    /// shard has caught up to `newest`.
    pub(super) fn ahead_of(&mut self, name: &TopicName, newest: Option<&Position>) -> Option<Position> {
        let place = self.ahead.iter().position(|(topic, _)| topic == name)?;
        let position = &self.ahead[place].1;
        let has_caught_up =
            newest.is_none_or(|newest| newest.epoch != position.epoch || newest.offset >= position.offset);
        if has_caught_up { Some(self.ahead.swap_remove(place).1) } else { Some(position.clone()) }
    }

    /// Forgets everything about a subscription that has ended.
    pub(super) fn forget(&mut self, name: &TopicName) {
        self.take_joining(name);
        self.ahead.retain(|(topic, _)| topic != name);
    }

    /// Returns by how much the backlog has grown since the last call. Wraps around if it has shrunk.
    pub(super) fn backlog_change(&mut self) -> usize {
        let now = self.backlog.bytes() + self.backlog.kept_bytes();
        now.wrapping_sub(std::mem::replace(&mut self.counted, now))
    }

    /// Hands messages to the connection while its peer takes them, and at most `window` bytes ahead of it. Returns how
    /// many.
    pub(super) fn flush(&mut self, window: usize) -> (Flushed, u64) {
        let mut messages = 0;
        while let Some(front) = self.backlog.front() {
            let len = front.message.message().len();
            if self.writer.queued_bytes() >= window {
                return (Flushed::Full { len }, messages);
            }
            // Everything that is accepted while this exists leaves in one write.
            let held = self.writer.hold();
            let (mut handed, mut is_full) = (0, false);
            while let Some(entry) = self.backlog.front().filter(|_| handed < window) {
                match self.writer.try_write_prepared(&entry.message) {
                    Ok(()) => {
                        handed += entry.message.message().len();
                        messages += 1;
                        self.backlog.pop();
                    }
                    Err(TryWriteError::Full(_)) => {
                        is_full = true;
                        break;
                    }
                    Err(TryWriteError::Failed(_)) => return (Flushed::Gone, messages),
                }
            }
            drop(held);
            if is_full {
                return (Flushed::Full { len }, messages);
            }
        }
        (Flushed::All, messages)
    }
}

impl Joining {
    pub(super) fn new(name: TopicName, reached: Option<Position>, begins_live: bool) -> Self {
        Self { name, reached, begins_live, arrived: Vec::new(), bytes: 0, is_incomplete: false, has_hole: false }
    }

    /// Returns the position up to which publications have reached the shard.
    pub(super) fn reached(&self) -> Option<&Position> {
        self.reached.as_ref()
    }

    /// Notes that publications are missing, and that those after this position follow.
    pub(super) fn note_hole(&mut self, position: Option<&Position>) {
        self.is_incomplete = true;
        self.has_hole = true;
        if position.is_some() {
            self.reached = position.cloned();
        }
    }

    /// Returns the position up to which publications have reached the shard, if some before it are missing.
    pub(super) fn after_hole(&self) -> Option<&Position> {
        self.reached.as_ref().filter(|_| self.has_hole)
    }

    /// Keeps a publication until the replay is there.
    pub(super) fn keep(&mut self, publication: &Publication, limit: usize) {
        if self.begins_live {
            self.reached = publication.position.clone();
            return;
        }
        if self.is_incomplete || self.bytes + publication.cost() > limit {
            // Only the newest position is needed from now on.
            self.is_incomplete = true;
            self.arrived.clear();
            self.bytes = 0;
        }
        self.reached = publication.position.clone();
        self.bytes += publication.cost();
        self.arrived.push(publication.clone());
    }
}

/// Waits until a connection has sent everything that it has accepted, and has room for `len` bytes more.
pub(super) fn wait(writer: Writer, len: usize, number: u64) -> Wait {
    Box::pin(async move {
        // An error shows again when the shard writes.
        if writer.flush().await.is_ok() {
            // A message that is being streamed may still be open.
            let _ = writer.wait_for_room(len).await;
        }
        number
    })
}
