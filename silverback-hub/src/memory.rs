//! The engine of one process.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    clock,
    engine::{
        Accepted, Engine, EngineFuture, Lease,
        event::EngineEvent,
        events::{Events, Slot},
    },
    model::{
        error::EngineError,
        identity::{MemberId, Present},
        name::TopicName,
        position::{Epoch, Position},
        publication::Publication,
        topic::Topic,
    },
    random,
    topics::{
        recovery::Replay,
        store::{Store, StoreLimits, Stored},
    },
};

/// Keeps everything in the memory of this process. This is the engine of a hub without another.
///
/// Each topic has its own epoch. History and presence end with the process. Clones are further nodes on the same
/// memory, so a test can run two hubs in one process:
///
/// ```
/// use silverback_hub::{Hub, Memory};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), silverback_hub::HubError> {
/// let memory = Memory::new();
/// let one = Hub::builder().engine(memory.clone()).start().await?;
/// let other = Hub::builder().engine(memory.clone()).start().await?;
/// # Ok(()) }
/// ```
pub struct Memory {
    shared: Arc<Mutex<State>>,
    /// This node, once its hub has started.
    node: OnceLock<Arc<Node>>,
}

struct State {
    store: Store,
    /// Weak, so that a hub that ends takes its node with it. A `Drop` that locks would not do: the last handle of a hub
    /// may be dropped by a publication to another one, under this lock.
    nodes: Vec<Weak<Node>>,
}

struct Node {
    events: Events,
    topics: Mutex<HashSet<TopicName>>,
}

/// The limits of a [`Memory`]. Each has a finite default.
#[derive(Clone, Debug)]
pub struct MemoryLimits(StoreLimits);

impl MemoryLimits {
    /// Topics with history or presence. Default: 100,000.
    #[must_use]
    pub fn topics(mut self, count: usize) -> Self {
        self.0.topics = count;
        self
    }

    /// Bytes of all histories together. Default: 256 MiB. A publication that does not fit is sent, but not stored.
    #[must_use]
    pub fn history_bytes(mut self, bytes: usize) -> Self {
        self.0.history_bytes = bytes;
        self
    }

    /// Idempotency ids that are remembered, and for how long. Default: 100,000 ids and 5 minutes.
    #[must_use]
    pub fn ids(mut self, count: usize, age: Duration) -> Self {
        (self.0.ids, self.0.id_age) = (count, age);
        self
    }

    /// Members that are present, counted once for each topic. Default: 1,000,000.
    #[must_use]
    pub fn leases(mut self, count: usize) -> Self {
        self.0.leases = count;
        self
    }

    /// How long an unused topic keeps its position. Default: 24 hours. Later a member cannot prove that it has
    /// missed nothing. A full memory forgets such topics earlier.
    #[must_use]
    pub fn position_age(mut self, age: Duration) -> Self {
        self.0.position_age = age;
        self
    }
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self(StoreLimits {
            topics: 100_000,
            history_bytes: 256 * 1024 * 1024,
            ids: 100_000,
            id_age: Duration::from_secs(300),
            leases: 1_000_000,
            position_age: Duration::from_secs(24 * 60 * 60),
        })
    }
}

impl Memory {
    /// Creates an empty memory with the default limits.
    pub fn new() -> Self {
        Self::with_limits(MemoryLimits::default())
    }

    /// Creates an empty memory with other limits.
    pub fn with_limits(limits: MemoryLimits) -> Self {
        let state = State { store: Store::new(limits.0), nodes: Vec::new() };
        Self { shared: Arc::new(Mutex::new(state)), node: OnceLock::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }

    fn add_node(&self, events: Events) -> Result<(), EngineError> {
        let node = Arc::new(Node { events, topics: Mutex::default() });
        let weak = Arc::downgrade(&node);
        if self.node.set(node).is_err() {
            return Err(EngineError::Other("the engine belongs to another hub; give each hub a clone".into()));
        }
        let mut state = self.lock();
        state.nodes.retain(|node| node.strong_count() > 0);
        state.nodes.push(weak);
        Ok(())
    }

    /// Reserves room at every node, because only the lock of the store tells which of them are subscribed.
    async fn slots(&self, bytes: usize) -> Vec<(Arc<Node>, Slot)> {
        let nodes: Vec<_> = self.lock().nodes.iter().filter_map(Weak::upgrade).collect();
        let mut slots = Vec::with_capacity(nodes.len());
        for node in nodes {
            let slot = node.events.reserve(bytes).await;
            slots.push((node, slot));
        }
        slots
    }
}

impl Node {
    fn topics(&self) -> MutexGuard<'_, HashSet<TopicName>> {
        lock(&self.topics)
    }
}

impl Engine for Memory {
    fn start(&self, events: Events) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            self.add_node(events.clone())?;
            events.send(EngineEvent::Up).await;
            Ok(())
        })
    }

    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted> {
        Box::pin(async move {
            let slots = self.slots(publication.cost()).await;
            let mut state = self.lock();
            match state.store.publish(clock::now(), topic, publication, epoch).map_err(EngineError::Limit)? {
                Stored::Known(position) => Ok(Accepted::duplicate(position)),
                Stored::New { publication, prev } => {
                    // Sent under the lock, because it keeps the order of the topic.
                    for (node, slot) in slots {
                        let is_subscribed = node.topics().contains(&publication.topic);
                        if is_subscribed {
                            slot.send(EngineEvent::Delivered { publication: publication.clone(), prev });
                        }
                    }
                    Ok(Accepted::new(publication.position))
                }
            }
        })
    }

    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(async move {
            let mut state = self.lock();
            if let Some(node) = self.node.get() {
                node.topics().insert(name.clone());
            }
            state.store.position(clock::now(), name, topic, epoch).map_err(EngineError::Limit)
        })
    }

    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            if let Some(node) = self.node.get() {
                node.topics().remove(name);
            }
            Ok(())
        })
    }

    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(
            async move { self.lock().store.position(clock::now(), name, topic, epoch).map_err(EngineError::Limit) },
        )
    }

    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay> {
        Box::pin(
            async move { self.lock().store.since(clock::now(), name, topic, after, epoch).map_err(EngineError::Limit) },
        )
    }

    fn clear_history<'a>(&'a self, name: &'a TopicName, _: &'a Topic) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.lock().store.clear_history(clock::now(), name);
            Ok(())
        })
    }

    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            let now = clock::now();
            let leases = leases.into_iter().map(|lease| (lease.topic, lease.member, lease.identity));
            self.lock().store.lease(now, now + lasts, leases).map_err(EngineError::Limit)
        })
    }

    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.lock().store.release(clock::now(), name, member);
            Ok(())
        })
    }

    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>> {
        Box::pin(async move { Ok(self.lock().store.present(clock::now(), name)) })
    }

    fn control(&self, message: Bytes) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            for (_, slot) in self.slots(message.len()).await {
                slot.send(EngineEvent::Control(message.clone()));
            }
            Ok(())
        })
    }
}

/// A clone is another node on the same memory.
impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), node: OnceLock::new() }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("is_started", &self.node.get().is_some()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn epoch() -> Epoch {
    Epoch::new(&format!("{:016x}", random::number()))
}
