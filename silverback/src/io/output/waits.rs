//! Futures that wait for the output of a connection. They leave the queue when they are dropped.

use std::{
    mem::ManuallyDrop,
    sync::{Arc, Weak},
};

use silverback_proto::connection::{FlushFor, RoomFor, WaiterId};

use super::{large::Encoding, shared::Shared};

/// A future that waits for room, and has its turn while a large message is encoded. When it is dropped, it leaves the
/// queue and passes its turn on.
#[derive(Debug)]
pub(crate) struct RoomWait<'a, 'm> {
    shared: &'a Arc<Shared>,
    id: Option<WaiterId>,
    /// Dropped by hand, because the compiler's drop code would be called for every message.
    pub(crate) encoding: ManuallyDrop<Option<Box<Encoding<'m>>>>,
}

impl<'a> RoomWait<'a, '_> {
    pub(crate) fn new(shared: &'a Arc<Shared>) -> Self {
        Self { shared, id: None, encoding: ManuallyDrop::new(None) }
    }
}

impl RoomWait<'_, '_> {
    /// A method, so that a closure that calls it captures the whole value and not only `id`.
    #[inline]
    pub(crate) fn who(&mut self) -> RoomFor<'_> {
        RoomFor::Future(&mut self.id)
    }
}

impl Drop for RoomWait<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        if self.id.is_some() || self.encoding.is_some() {
            self.leave();
        }
    }
}

impl RoomWait<'_, '_> {
    #[cold]
    fn leave(&mut self) {
        drop(self.encoding.take());
        if self.id.is_some() {
            self.shared.stop_waiting(self.id, None);
        }
    }
}

/// A future that waits until everything has left. It leaves the queue when it is dropped.
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
            self.shared.stop_waiting(None, self.id);
        }
    }
}

/// A wait for room on a connection that may be replaced by another one.
#[derive(Debug, Default)]
pub(crate) struct ChangingRoomWait {
    shared: Weak<Shared>,
    id: Option<WaiterId>,
    encoding: Option<Box<Encoding<'static>>>,
}

impl ChangingRoomWait {
    /// Returns the place in the queue of this connection. Leaves the queue of any other connection.
    pub(crate) fn on(&mut self, shared: &Arc<Shared>) -> &mut Option<WaiterId> {
        if !std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(shared)) {
            self.leave();
            self.shared = Arc::downgrade(shared);
        }
        &mut self.id
    }

    /// Returns the large message that is being encoded for this connection.
    pub(crate) fn encoding_on(&mut self, shared: &Arc<Shared>) -> &mut Option<Box<Encoding<'static>>> {
        self.encoding.take_if(|encoding| !encoding.is_on(shared));
        &mut self.encoding
    }

    fn leave(&mut self) {
        if let (Some(id), Some(shared)) = (self.id.take(), self.shared.upgrade()) {
            shared.stop_waiting(Some(id), None);
        }
    }
}

impl Drop for ChangingRoomWait {
    fn drop(&mut self) {
        self.leave();
    }
}
