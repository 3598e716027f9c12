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
use silverback_hub::{EngineEvent, Events, Position, Publication, TopicName};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
};

use crate::{link::number, names::Purpose, store::CLEARED, streams::Streams};

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

/// The way of one topic's publications into the queue.
struct Sender {
    queue: mpsc::UnboundedSender<Item>,
    room: Arc<Semaphore>,
    name: TopicName,
    /// A loss is in the queue already.
    is_lost: Arc<AtomicBool>,
}

/// What a topic's messages mean.
struct Reader {
    name: TopicName,
    /// Where the stream of a topic with history is known.
    streams: Option<(Arc<Streams>, Purpose)>,
    /// The last mark, and the position where it stands.
    mark: Option<(u64, u64)>,
}

impl Pump {
    pub(crate) fn new() -> Self {
        Self::with_room(ROOM)
    }

    fn with_room(bytes: usize) -> Self {
        let (queue, items) = mpsc::unbounded_channel();
        Self { queue, items: Mutex::new(Some(items)), room: Arc::new(Semaphore::new(bytes)), topics: Mutex::default() }
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
    pub(crate) fn add(&self, name: &TopicName, streams: Option<(Arc<Streams>, Purpose)>, mut subscriber: Subscriber) {
        let sender = self.sender(name);
        let mut reader = Reader { name: name.clone(), streams, mark: None };
        let task = tokio::spawn(async move {
            while let Some(message) = subscriber.next().await {
                if let Some(event) = reader.event(message) {
                    sender.send(event);
                }
            }
        });
        lock(&self.topics).insert(name.clone(), Task(task.abort_handle()));
    }

    fn sender(&self, name: &TopicName) -> Sender {
        let (queue, room) = (self.queue.clone(), self.room.clone());
        Sender { queue, room, name: name.clone(), is_lost: Arc::default() }
    }

    /// Ends a subscription.
    pub(crate) fn remove(&self, name: &TopicName) {
        lock(&self.topics).remove(name);
    }

    /// Reads the messages of other hubs.
    pub(crate) async fn control(self: Arc<Self>, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            if push(&self.queue, &self.room, EngineEvent::Control(message.payload)).is_err() {
                tracing::warn!(name: "message_dropped", target: "silverback::hub::nats", "a message of another hub was dropped, because this hub is behind");
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

impl Sender {
    fn send(&self, event: EngineEvent) {
        let is_full = push(&self.queue, &self.room, event).is_err();
        if is_full && !self.is_lost.swap(true, Ordering::AcqRel) {
            let _ = self.queue.send(Item::Lost(self.name.clone(), self.is_lost.clone()));
        }
    }
}

impl Reader {
    fn event(&mut self, message: Message) -> Option<EngineEvent> {
        let place = message.headers.as_ref().and_then(|headers| {
            let stream = headers.get("Nats-Stream")?.as_str();
            Some((stream.to_owned(), number(&message, "Nats-Sequence")?))
        });
        let (position, prev) = match (&self.streams, place) {
            (Some((streams, purpose)), Some((name, sequence))) => {
                let stream = streams.known(*purpose).filter(|stream| stream.name == name);
                let Some(stream) = stream else {
                    // Of a stream that was made anew, or that is not the right one. The hub asks, and then it is known.
                    return Some(EngineEvent::Gap(Some(self.name.clone())));
                };
                stream.note(sequence);
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
                (Some(Position::new(stream.epoch.clone(), sequence)), prev)
            }
            _ => (None, None),
        };
        match Publication::from_bytes(self.name.clone(), message.payload) {
            Ok(publication) => Some(EngineEvent::Delivered { publication: publication.at(position), prev }),
            Err(error) => {
                tracing::warn!(name: "foreign_message_ignored", target: "silverback::hub::nats", topic = %self.name, %error, "a message that no hub has sent is ignored");
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

#[cfg(test)]
mod tests {
    use silverback_hub::{EngineEvent, Events, Publication, TopicName};

    use super::Pump;

    #[tokio::test]
    async fn what_does_not_fit_is_dropped_and_reported_once_as_a_gap() {
        let pump = Pump::with_room(1000);
        let name = TopicName::new("t").expect("a name");
        let sender = pump.sender(&name);
        let publish = |text: &str| {
            let publication = Publication::new(name.clone(), text.to_owned());
            sender.send(EngineEvent::Delivered { publication, prev: None });
        };
        (0..100).for_each(|number: u32| publish(&number.to_string()));
        let (events, mut arrived) = Events::queue(1_000_000);
        let forward = tokio::spawn(pump.forward(events.clone()).expect("the first hub"));
        assert!(pump.forward(events).is_none(), "one engine has one hub");
        let mut texts = Vec::new();
        loop {
            match arrived.next().await {
                Some(EngineEvent::Delivered { publication, .. }) => texts.push(publication.message),
                Some(EngineEvent::Gap(Some(topic))) => break assert_eq!(topic, name),
                other => panic!("{other:?}"),
            }
        }
        assert!((1..100).contains(&texts.len()), "{texts:?}");
        // There is room again, and the next loss is reported again.
        publish("later");
        assert!(matches!(arrived.next().await, Some(EngineEvent::Delivered { .. })));
        publish(&"x".repeat(1000));
        publish("last");
        assert!(matches!(arrived.next().await, Some(EngineEvent::Gap(Some(_)))));
        assert!(matches!(arrived.next().await, Some(EngineEvent::Delivered { .. })));
        forward.abort();
    }
}
