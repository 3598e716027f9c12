//! Who waits for the output of a connection, and who is woken when it moves.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, Weak},
    task::Waker,
};

use silverback_proto::connection::{Patience, RoomQueue, WaiterId};

use super::{Encoding, Shared, inner::Inner};

/// Those that wait. It exists while there are any.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Messages that wait for room in the queue.
    room: RoomQueue<Waker>,
    /// The place of the sink in `room`.
    sink: Option<WaiterId>,
    /// The next fragment of the message that is open: no other message goes before it.
    fragment: Option<(usize, Waker)>,
    /// Those that wait until everything has left.
    flushes: RoomQueue<Waker>,
    /// The places in `flushes` of those that are polled and never tell that they give up.
    polled_flushes: [Option<WaiterId>; 3],
}

/// Who waits for room.
#[derive(Debug)]
pub(crate) enum RoomFor<'a> {
    /// A future, which gives up its place when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// The sink of the connection. Each connection has one, and nobody hears of it when it gives up.
    Sink,
}

/// Who waits until everything has left.
#[derive(Debug)]
pub(crate) enum FlushFor<'a> {
    /// A future, which gives up its place when it is dropped.
    Future(&'a mut Option<WaiterId>),
    /// Each connection has one of each of these at most, and a new waker takes the place of the old one.
    Polled(Polled),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    Sink = 0,
    MessageWriter = 1,
    Ending = 2,
}

impl Inner {
    /// Whether a message of `len` bytes is accepted now, or refused for good, while nobody waits: the usual case.
    #[inline]
    pub(super) fn has_room_for(&self, len: usize) -> bool {
        (self.fits(len) && self.waiting.is_none()) || self.refuses_messages()
    }

    /// Whether a message of `len` bytes that has just come is accepted now, or refused for good. Nobody is overtaken.
    #[cold]
    pub(super) fn admits_newcomer(&self, len: usize) -> bool {
        let is_first = self.waiting.as_ref().is_none_or(|waiting| waiting.room.admits(None));
        (self.fits(len) && is_first) || self.refuses_messages()
    }

    /// Whether the turn of a message of `len` bytes has come. Otherwise its writer waits for it.
    #[cold]
    pub(super) fn takes_turn(&mut self, who: RoomFor<'_>, len: usize, waker: &Waker) -> bool {
        let (fits, refuses) = (self.fits(len), self.refuses_messages());
        let waiting = self.waiting.get_or_insert_default();
        let (id, patience) = match who {
            RoomFor::Future(id) => (id, Patience::Leaves),
            RoomFor::Sink => (&mut waiting.sink, Patience::MayVanish),
        };
        let goes = refuses || (fits && waiting.room.admits(*id));
        if goes {
            id.take().into_iter().for_each(|id| waiting.room.leave(id));
            // The next one's turn comes when this message is queued: the lock is given back after that.
            self.wakes_waiting = true;
        } else {
            waiting.room.wait(id, len, patience, waker.clone());
        }
        goes
    }

    /// The next fragment of the message that is open waits for room.
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

    fn stop_waiting(&mut self, room: Option<WaiterId>, flush: Option<WaiterId>) {
        let Some(waiting) = &mut self.waiting else { return };
        room.into_iter().for_each(|id| waiting.room.leave(id));
        flush.into_iter().for_each(|id| waiting.flushes.leave(id));
        // It may have been called before it gave up: the next one is.
        self.wakes_waiting = true;
    }

    /// Whose wait is over, or whose turn has come.
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

/// A future's wait for room, and its turn with a large message. Dropped, it gives up its place, and passes its turn on.
#[derive(Debug)]
pub(crate) struct RoomWait<'a> {
    shared: &'a Arc<Shared>,
    id: Option<WaiterId>,
    /// Not dropped by the compiler, whose code for that is called for every message.
    pub(crate) encoding: ManuallyDrop<Option<Box<Encoding<'a>>>>,
}

impl<'a> RoomWait<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, id: None, encoding: ManuallyDrop::new(None) }
    }
}

impl RoomWait<'_> {
    /// A closure that calls this holds all of it, and not only its place.
    #[inline]
    pub(crate) fn who(&mut self) -> RoomFor<'_> {
        RoomFor::Future(&mut self.id)
    }
}

impl Drop for RoomWait<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.id.is_some() || self.encoding.is_some() {
            self.give_up();
        }
    }
}

impl RoomWait<'_> {
    #[cold]
    fn give_up(&mut self) {
        drop(self.encoding.take());
        if self.id.is_some() {
            self.shared.lock().stop_waiting(self.id, None);
        }
    }
}

/// A future's wait until everything has left. Dropped, it gives up its place.
#[derive(Debug)]
pub(crate) struct FlushWait<'a> {
    shared: &'a Arc<Shared>,
    id: Option<WaiterId>,
}

impl<'a> FlushWait<'a> {
    pub(crate) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, id: None }
    }
}

impl FlushWait<'_> {
    pub(crate) fn who(&mut self) -> FlushFor<'_> {
        FlushFor::Future(&mut self.id)
    }
}

impl Drop for FlushWait<'_> {
    fn drop(&mut self) {
        if self.id.is_some() {
            self.shared.lock().stop_waiting(None, self.id);
        }
    }
}

/// A wait for room on whatever connection there is at the moment.
#[derive(Debug, Default)]
pub(crate) struct ChangingRoomWait {
    shared: Weak<Shared>,
    id: Option<WaiterId>,
    encoding: Option<Box<Encoding<'static>>>,
}

impl ChangingRoomWait {
    /// The place on this connection. The place on another one is given up.
    pub(crate) fn on(&mut self, shared: &Arc<Shared>) -> &mut Option<WaiterId> {
        if !std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared)) {
            self.give_up();
            self.shared = Arc::downgrade(shared);
        }
        &mut self.id
    }

    /// The large message that is being made into a frame for this connection.
    pub(crate) fn encoding_on(&mut self, shared: &Arc<Shared>) -> &mut Option<Box<Encoding<'static>>> {
        self.encoding.take_if(|encoding| !encoding.is_on(shared));
        &mut self.encoding
    }

    fn give_up(&mut self) {
        if let (Some(id), Some(shared)) = (self.id.take(), self.shared.upgrade()) {
            shared.lock().stop_waiting(Some(id), None);
        }
    }
}

impl Drop for ChangingRoomWait {
    fn drop(&mut self) {
        self.give_up();
    }
}
