//! Decides which writer may queue its message, and which waiting tasks to wake.

use std::task::Waker;

use silverback_proto::connection::{Patience, WaiterId};

use super::{
    inner::Inner,
    waiting::{FlushFor, RoomFor},
};

impl Inner {
    /// Returns whether a message of `len` bytes is accepted or refused at once. It is accepted if there is room and no
    /// writer waits, which is the usual case. It is refused if the connection is closing or has failed.
    #[inline]
    pub(super) fn has_room_for(&self, len: usize) -> bool {
        (self.fits(len) && self.waiting.is_none()) || self.refuses_messages()
    }

    /// Returns whether a new message of `len` bytes is accepted or refused at once. It is accepted if there is room and
    /// no writer is before it.
    #[cold]
    pub(super) fn admits_newcomer(&self, len: usize) -> bool {
        let is_first = self.waiting.as_ref().is_none_or(|waiting| waiting.room.admits(None));
        (self.fits(len) && is_first) || self.refuses_messages()
    }

    /// Returns whether it is the turn of a message of `len` bytes. If not, its writer waits.
    #[cold]
    pub(super) fn takes_turn(&mut self, who: RoomFor<'_>, len: usize, waker: &Waker) -> bool {
        let (fits, refuses) = (self.fits(len), self.refuses_messages());
        let waiting = self.waiting.get_or_insert_default();
        let (id, patience) = match who {
            RoomFor::Future(id) => (id, Patience::Leaves),
            RoomFor::Sink(id) => (id, Patience::MayVanish),
        };
        let goes = refuses || (fits && waiting.room.admits(*id));
        if goes {
            id.take().into_iter().for_each(|id| waiting.room.leave(id));
            // The next writer's turn comes once this message is queued, because it is woken only after the lock is
            // released.
            self.wakes_waiting = true;
        } else {
            waiting.room.wait(id, len, patience, waker.clone());
        }
        goes
    }

    /// Waits for room for the next fragment of the open message.
    pub(super) fn wait_with_fragment(&mut self, len: usize, waker: &Waker) {
        self.waiting.get_or_insert_default().fragment = Some((len, waker.clone()));
    }

    pub(super) fn wait_for_flush(&mut self, who: FlushFor<'_>, waker: &Waker) {
        let waiting = self.waiting.get_or_insert_default();
        let id = match who {
            FlushFor::Future(id) => id,
            FlushFor::Polled(polled) => &mut waiting.polled_flushes[polled as usize],
        };
        waiting.flushes.wait(id, 0, Patience::MayVanish, waker.clone());
    }

    pub(super) fn stop_waiting(&mut self, room: Option<WaiterId>, flush: Option<WaiterId>) {
        let Some(waiting) = &mut self.waiting else { return };
        room.into_iter().for_each(|id| waiting.room.leave(id));
        flush.into_iter().for_each(|id| waiting.flushes.leave(id));
        // This writer may have been woken before it was cancelled. Then the next one must be woken instead.
        self.wakes_waiting = true;
    }

    /// Collects the wakers of tasks whose wait is over or whose turn has come.
    pub(super) fn call_waiting(&mut self, called: &mut Vec<Waker>) {
        let (refuses, has_output) = (self.refuses_messages(), self.has_output());
        let Some(waiting) = &mut self.waiting else { return };
        let transmitter = &self.transmitter;
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
        if self.failure.is_some() || !has_output {
            called.extend(waiting.flushes.call_all());
            let polled = waiting.polled_flushes.iter_mut().filter_map(Option::take);
            polled.for_each(|id| waiting.flushes.leave(id));
        }
        if waiting.room.is_empty() && waiting.flushes.is_empty() && waiting.fragment.is_none() {
            self.waiting = None;
        }
    }

    #[inline]
    fn fits(&self, len: usize) -> bool {
        self.transmitter.has_room_for(len) && !self.transmitter.has_open_message()
    }

    #[cold]
    pub(super) fn refuses_messages(&self) -> bool {
        self.failure.is_some() || self.transmitter.close_info().is_some()
    }
}
