//! Tasks that wait for a connection's output: writers that wait for room in the queue, and tasks that wait until
//! everything has left. It decides whose turn it is and whom to wake, and leaves the waking to its owner.

#[cfg(test)]
mod tests;

use super::{
    room::{Patience, RoomQueue, WaiterId},
    transmit::Transmitter,
};

/// The waiting tasks of one connection. A `W` wakes one task. Nothing is allocated while none waits.
///
/// A driver calls [`has_room_for`](Self::has_room_for) before it queues a message, and
/// [`takes_turn`](Self::takes_turn) if that returns false. Whenever output has left or a message was queued, it wakes
/// the tasks that [`call`](Self::call) returns, and they try again.
#[derive(Debug)]
pub struct Writers<W>(Option<Box<Waiting<W>>>);

#[derive(Debug)]
struct Waiting<W> {
    /// Writers whose messages wait for room in the queue.
    room: RoomQueue<W>,
    /// The next fragment of the open message: its length and waker. No other message goes before it.
    fragment: Option<(usize, W)>,
    /// Tasks that wait until everything has left.
    flushes: RoomQueue<W>,
    /// The places in `flushes` of polled waits, which do not report that they were cancelled.
    polled_flushes: [Option<WaiterId>; 2],
}

/// A task that waits for room.
#[derive(Debug)]
pub enum RoomFor<'a> {
    /// A future, which leaves the queue when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// A writer that is used as a sink. It does not report that it has stopped waiting, until it is dropped.
    Sink(&'a mut Option<WaiterId>),
}

/// A task that waits until everything has left.
#[derive(Debug)]
pub enum FlushFor<'a> {
    /// A future or a sink, which leaves the queue when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// A connection has at most one of each, and a new waker replaces the old one.
    Polled(Polled),
}

/// A task that waits for a flush and does not report that it has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The writer of a streamed message.
    MessageWriter = 0,
    /// The close sequence.
    CloseSequence = 1,
}

impl<W> Default for Writers<W> {
    fn default() -> Self {
        Self(None)
    }
}

impl<W> Writers<W> {
    /// Whether a message of `len` bytes is accepted or refused at once. It is accepted if there is room and no writer
    /// waits, which is the usual case. It is refused if the connection is closing.
    #[inline]
    pub fn has_room_for(&self, transmitter: &Transmitter, len: usize) -> bool {
        (fits(transmitter, len) && self.0.is_none()) || transmitter.is_closing()
    }

    /// Whether a message of a writer that does not wait is accepted or refused at once. It is accepted if there is room
    /// and no other writer is before it.
    pub fn admits_newcomer(&self, transmitter: &Transmitter, len: usize) -> bool {
        let is_first = self.0.as_ref().is_none_or(|waiting| waiting.room.admits(None));
        (fits(transmitter, len) && is_first) || transmitter.is_closing()
    }

    /// Whether it is the turn of a message of `len` bytes. If not, its writer waits with `waker`. If it is, the next
    /// writer's turn comes once this message is queued.
    pub fn takes_turn(&mut self, transmitter: &Transmitter, who: RoomFor<'_>, len: usize, waker: W) -> bool {
        let waiting = self.0.get_or_insert_default();
        let (id, patience) = match who {
            RoomFor::Future(id) => (id, Patience::Leaves),
            RoomFor::Sink(id) => (id, Patience::MayVanish),
        };
        let goes = transmitter.is_closing() || (fits(transmitter, len) && waiting.room.admits(*id));
        if goes {
            id.take().into_iter().for_each(|id| waiting.room.leave(id));
        } else {
            waiting.room.wait(id, len, patience, waker);
        }
        goes
    }

    /// Waits for room for the next fragment of the open message. There is at most one such task.
    pub fn wait_with_fragment(&mut self, len: usize, waker: W) {
        self.0.get_or_insert_default().fragment = Some((len, waker));
    }

    /// Waits until everything has left.
    pub fn wait_for_flush(&mut self, who: FlushFor<'_>, waker: W) {
        let waiting = self.0.get_or_insert_default();
        let id = match who {
            FlushFor::Future(id) => id,
            FlushFor::Polled(polled) => &mut waiting.polled_flushes[polled as usize],
        };
        waiting.flushes.wait(id, 0, Patience::MayVanish, waker);
    }

    /// Removes a task from the queues for room and for a flush. It may have been called before, so the owner
    /// [calls](Self::call) the next one.
    pub fn stop_waiting(&mut self, room: Option<WaiterId>, flush: Option<WaiterId>) {
        let Some(waiting) = &mut self.0 else { return };
        room.into_iter().for_each(|id| waiting.room.leave(id));
        flush.into_iter().for_each(|id| waiting.flushes.leave(id));
    }

    /// Collects the wakers of tasks whose wait is over or whose turn has come.
    pub fn call(&mut self, transmitter: &Transmitter, called: &mut Vec<W>) {
        let Some(waiting) = &mut self.0 else { return };
        let refuses = transmitter.is_closing();
        if waiting.fragment.as_ref().is_some_and(|(len, _)| refuses || transmitter.has_room_for(*len)) {
            called.extend(waiting.fragment.take().map(|(_, waker)| waker));
        }
        if refuses {
            called.extend(waiting.room.call_all());
        } else if !transmitter.has_open_message() {
            while let Some(waker) = waiting.room.call(|len| transmitter.has_room_for(len)) {
                called.push(waker);
            }
        }
        if !transmitter.has_output() {
            called.extend(waiting.flushes.call_all());
            let polled = waiting.polled_flushes.iter_mut().filter_map(Option::take);
            polled.for_each(|id| waiting.flushes.leave(id));
        }
        if waiting.room.is_empty() && waiting.flushes.is_empty() && waiting.fragment.is_none() {
            self.0 = None;
        }
    }
}

impl<W> Default for Waiting<W> {
    fn default() -> Self {
        Self { room: RoomQueue::default(), fragment: None, flushes: RoomQueue::default(), polled_flushes: [None, None] }
    }
}

#[inline]
fn fits(transmitter: &Transmitter, len: usize) -> bool {
    transmitter.has_room_for(len) && !transmitter.has_open_message()
}
