//! The way of publications from the broker to the hub.
//!
//! ```text
//!   subscription -> its task --+
//!   subscription -> its task --+--> queue, limited in bytes --> forwarder --> hub
//!   supervisor (Up, Down) -----+
//! ```
//! A task never waits for the hub, so the client's own channels stay empty. What does not fit into the queue is dropped
//! and reported as a gap.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use async_nats::{Message, Subscriber};
use futures_util::StreamExt as _;
use silverback_hub::{EngineEvent, Epoch, Events, Position, Publication, TopicName};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
};

use crate::{link::number, names::epoch_of, store::CLEARED, streams::Stream};

/// Everything that is on its way to the hub.
pub(crate) struct Pump {
    queue: mpsc::UnboundedSender<Item>,
    /// Taken by the hub's start.
    items: Mutex<Option<mpsc::UnboundedReceiver<Item>>>,
    room: Arc<Semaphore>,
    topics: Mutex<HashMap<TopicName, Task>>,
}

enum Item {
    Event(EngineEvent, OwnedSemaphorePermit),
    /// Up or down. There are few of them.
    State(EngineEvent),
    /// Publications of this topic were dropped.
    Lost(TopicName, Arc<AtomicBool>),
}

/// The task of a subscription. It ends when this is dropped.
struct Task(AbortHandle);

/// What a topic's messages mean.
struct Reader {
    name: TopicName,
    /// The stream of a topic with history.
    stream: Option<Arc<Stream>>,
    /// The last mark, and the position where it stands.
    mark: Option<(u64, u64)>,
}

impl Pump {
    pub(crate) fn new() -> Self {
        let (queue, items) = mpsc::unbounded_channel();
        Self { queue, items: Mutex::new(Some(items)), room: Arc::new(Semaphore::new(ROOM)), topics: Mutex::default() }
    }

    /// Hands what comes to the hub. `None` if a hub has started already.
    pub(crate) fn forward(&self, events: Events) -> Option<impl Future<Output = ()> + Send + 'static> {
        let mut items = lock(&self.items).take()?;
        Some(async move {
            while let Some(item) = items.recv().await {
                match item {
                    Item::Event(event, _room) => events.send(event).await,
                    Item::State(event) => events.send(event).await,
                    Item::Lost(name, is_lost) => {
                        is_lost.store(false, Ordering::Release);
                        events.send(EngineEvent::Gap(Some(name))).await;
                    }
                }
            }
        })
    }

    /// Reports that the engine is up or down, or that something was lost.
    pub(crate) fn report(&self, event: EngineEvent) {
        let _ = self.queue.send(Item::State(event));
    }

    pub(crate) fn has(&self, name: &TopicName) -> bool {
        lock(&self.topics).contains_key(name)
    }

    /// Begins to read a subscription.
    pub(crate) fn add(&self, name: &TopicName, stream: Option<Arc<Stream>>, mut subscriber: Subscriber) {
        let (queue, room) = (self.queue.clone(), self.room.clone());
        let mut reader = Reader { name: name.clone(), stream, mark: None };
        let name = name.clone();
        let is_lost = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn({
            let name = name.clone();
            async move {
                while let Some(message) = subscriber.next().await {
                    let Some(event) = reader.event(message) else { continue };
                    let is_full = push(&queue, &room, event).is_err();
                    if is_full && !is_lost.swap(true, Ordering::AcqRel) {
                        let _ = queue.send(Item::Lost(name.clone(), is_lost.clone()));
                    }
                }
            }
        });
        lock(&self.topics).insert(name, Task(task.abort_handle()));
    }

    /// Ends a subscription.
    pub(crate) fn remove(&self, name: &TopicName) {
        lock(&self.topics).remove(name);
    }

    /// Reads the messages of other hubs.
    pub(crate) async fn control(self: Arc<Self>, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            if push(&self.queue, &self.room, EngineEvent::Control(message.payload)).is_err() {
                tracing::warn!("a message of another hub was dropped, because this hub is behind");
            }
        }
    }
}

struct Full;

fn push(queue: &mpsc::UnboundedSender<Item>, room: &Arc<Semaphore>, event: EngineEvent) -> Result<(), Full> {
    let bytes = match &event {
        EngineEvent::Delivered { publication, .. } => publication.cost(),
        EngineEvent::Control(message) => message.len() + OVERHEAD,
        _ => OVERHEAD,
    };
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(ROOM as u32);
    let room = room.clone().try_acquire_many_owned(bytes).map_err(|_| Full)?;
    let _ = queue.send(Item::Event(event, room));
    Ok(())
}

impl Reader {
    fn event(&mut self, message: Message) -> Option<EngineEvent> {
        let place = message.headers.as_ref().and_then(|headers| {
            let stream = headers.get("Nats-Stream")?.as_str();
            Some((stream.to_owned(), number(&message, "Nats-Sequence")?))
        });
        let (position, prev) = match (&self.stream, place) {
            (Some(stream), Some((name, sequence))) => {
                if name == stream.name {
                    stream.note(sequence);
                }
                let prev = number(&message, "Nats-Last-Sequence");
                if message.payload.is_empty() {
                    self.mark = number(&message, CLEARED).map(|cleared| (sequence, cleared));
                    return None;
                }
                let prev = match self.mark {
                    // Nothing was published between the two.
                    Some((mark, cleared)) if prev == Some(mark) => Some(cleared),
                    _ => prev,
                };
                (Some(Position::new(Epoch::new(epoch_of(&name)), sequence)), prev)
            }
            _ => (None, None),
        };
        match Publication::from_bytes(self.name.clone(), message.payload) {
            Ok(publication) => Some(EngineEvent::Delivered { publication: publication.at(position), prev }),
            Err(error) => {
                tracing::warn!(topic = %self.name, "a message that no hub has sent is ignored: {error}");
                None
            }
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl fmt::Debug for Pump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump").field("topics", &lock(&self.topics).len()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes of publications between the broker and the hub.
const ROOM: usize = 32 * 1024 * 1024;
/// About what an item takes in memory beside its payload.
const OVERHEAD: usize = 128;
