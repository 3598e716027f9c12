//! The way of an engine's events to the hub, limited in bytes.

use std::{fmt, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::event::EngineEvent;

/// Where an engine reports. Cloning shares it. It does not keep the hub alive.
#[derive(Clone)]
pub struct Events {
    receiver: Arc<dyn Receive>,
    room: Arc<Semaphore>,
    limit: u32,
}

/// The side of the hub.
pub(crate) trait Receive: Send + Sync + 'static {
    /// Handles an event at once. `room` is given back when all shards are done with it.
    fn receive(&self, event: EngineEvent, room: Room);
}

/// The part of [`Limits::in_flight`](crate::Limits::in_flight) that an event occupies.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

impl Events {
    pub(crate) fn new(receiver: Arc<dyn Receive>, limit: usize) -> Self {
        let limit = u32::try_from(limit.max(1)).unwrap_or(u32::MAX).min(MAX_ROOM);
        Self { receiver, room: Arc::new(Semaphore::new(limit as usize)), limit }
    }

    /// Creates a place where an engine reports without a hub, and the queue in which its events wait. For tests of
    /// engines. `limit` is how many bytes may wait; beyond it the engine waits.
    pub fn queue(limit: usize) -> (Self, EventQueue) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self::new(Arc::new(Queue(sender)), limit), EventQueue(receiver))
    }

    /// Waits until the hub has room for an event of this many bytes. [`Slot::send`] then never waits, so an engine can
    /// call it under the lock that keeps its order.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub async fn reserve(&self, bytes: usize) -> Slot {
        // An event that is larger than everything together waits until nothing else is in flight.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).clamp(1, self.limit);
        let room = self.room.clone().acquire_many_owned(bytes).await.ok();
        Slot { receiver: self.receiver.clone(), room }
    }

    /// Waits for room and reports an event.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, the event was not reported.
    pub async fn send(&self, event: EngineEvent) {
        let bytes = match &event {
            EngineEvent::Delivered { publication, .. } => publication.cost(),
            EngineEvent::Control(message) => message.len(),
            EngineEvent::Up | EngineEvent::Down | EngineEvent::Gap(_) => 1,
        };
        self.reserve(bytes).await.send(event);
    }

    /// Returns events that pass through `change`, which may drop, double or hold back each of them. For engines around
    /// another one, such as those of tests.
    #[must_use]
    pub fn through(self, change: impl Fn(EngineEvent) -> Vec<EngineEvent> + Send + Sync + 'static) -> Self {
        Self { receiver: Arc::new(Through { receiver: self.receiver, change }), room: self.room, limit: self.limit }
    }
}

/// Room for one event.
#[must_use = "the room is reserved while this exists"]
pub struct Slot {
    receiver: Arc<dyn Receive>,
    room: Room,
}

impl Slot {
    /// Reports an event, without waiting.
    pub fn send(self, event: EngineEvent) {
        self.receiver.receive(event, self.room);
    }
}

/// The events of an engine that has no hub, in their order; see [`Events::queue`].
pub struct EventQueue(mpsc::UnboundedReceiver<(EngineEvent, Room)>);

impl EventQueue {
    /// Waits for the next event. Returns `None` once the engine can report nothing any more.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<EngineEvent> {
        let (event, _room) = self.0.recv().await?;
        Some(event)
    }
}

/// The sending side of an [`EventQueue`]. Limited by the room of the events that are in it.
struct Queue(mpsc::UnboundedSender<(EngineEvent, Room)>);

impl Receive for Queue {
    fn receive(&self, event: EngineEvent, room: Room) {
        // The test may have ended.
        let _ = self.0.send((event, room));
    }
}

struct Through<F> {
    receiver: Arc<dyn Receive>,
    change: F,
}

impl<F> Receive for Through<F>
where
    F: Fn(EngineEvent) -> Vec<EngineEvent> + Send + Sync + 'static,
{
    fn receive(&self, event: EngineEvent, room: Room) {
        let mut room = room;
        for event in (self.change)(event) {
            self.receiver.receive(event, room.take());
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("room", &self.room.available_permits()).finish_non_exhaustive()
    }
}

impl fmt::Debug for EventQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue").field("waiting", &self.0.len()).finish()
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

/// A semaphore holds this much on every platform.
const MAX_ROOM: u32 = u32::MAX >> 4;
