//! An engine around another one, with faults that a test injects: lost, doubled and held calls, and an engine that is
//! down.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use silverback_hub::{
    Accepted, Engine, EngineError, EngineEvent, EngineFuture, Events, Lease, MemberId, Memory, Position, Present,
    Publication, Replay, Topic, TopicName,
};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct Faulty {
    inner: Memory,
    faults: Arc<Faults>,
}

#[derive(Debug)]
pub(crate) struct Faults {
    /// Deliveries to lose.
    pub(crate) lose: AtomicUsize,
    pub(crate) doubles: AtomicBool,
    pub(crate) is_down: AtomicBool,
    /// The node is dead: it renews and releases nothing.
    pub(crate) is_dead: AtomicBool,
    /// Releases take some time.
    pub(crate) releases_slowly: AtomicBool,
    /// Leases wait for a permit.
    pub(crate) leases: Semaphore,
    /// Calls for replays.
    pub(crate) replayed: AtomicUsize,
    /// Replays fail, although the engine is up.
    pub(crate) fails_replays: AtomicBool,
    /// Replays wait for a permit.
    pub(crate) replays: Semaphore,
    /// Subscriptions and unsubscriptions wait for a permit.
    pub(crate) subscriptions: Semaphore,
    pub(crate) log: Mutex<Vec<String>>,
    events: Mutex<Option<Events>>,
}

impl Faulty {
    pub(crate) fn new(inner: Memory) -> (Self, Arc<Faults>) {
        let faults = Arc::new(Faults {
            lose: AtomicUsize::new(0),
            doubles: AtomicBool::new(false),
            is_down: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
            releases_slowly: AtomicBool::new(false),
            leases: Semaphore::new(Semaphore::MAX_PERMITS),
            replayed: AtomicUsize::new(0),
            fails_replays: AtomicBool::new(false),
            replays: Semaphore::new(Semaphore::MAX_PERMITS),
            subscriptions: Semaphore::new(Semaphore::MAX_PERMITS),
            log: Mutex::default(),
            events: Mutex::default(),
        });
        (Self { inner, faults: faults.clone() }, faults)
    }

    fn call<'a, T: 'a>(&'a self, call: EngineFuture<'a, T>) -> EngineFuture<'a, T> {
        Box::pin(async move {
            if self.faults.is_down.load(Ordering::SeqCst) {
                return Err(EngineError::Down);
            }
            call.await
        })
    }
}

impl Faults {
    pub(crate) fn lose(&self, count: usize) {
        self.lose.store(count, Ordering::SeqCst);
    }

    pub(crate) async fn go_down(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        self.report(EngineEvent::Down).await;
    }

    pub(crate) async fn come_up(&self) {
        self.is_down.store(false, Ordering::SeqCst);
        self.report(EngineEvent::Up).await;
    }

    pub(crate) async fn report(&self, event: EngineEvent) {
        let events = self.events.lock().unwrap().clone().unwrap();
        events.send(event).await;
    }

    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn note(&self, entry: String) {
        self.log.lock().unwrap().push(entry);
    }

    fn change(&self, event: EngineEvent) -> Vec<EngineEvent> {
        if !matches!(event, EngineEvent::Delivered { .. }) {
            return vec![event];
        }
        let lose = |left: usize| left.checked_sub(1);
        let is_lost = self.lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose).is_ok();
        if is_lost || self.is_down.load(Ordering::SeqCst) {
            return Vec::new();
        }
        if self.doubles.load(Ordering::SeqCst) { vec![event.clone(), event] } else { vec![event] }
    }
}

impl Engine for Faulty {
    fn start(&self, events: Events) -> EngineFuture<'_, ()> {
        *self.faults.events.lock().unwrap() = Some(events.clone());
        let faults = self.faults.clone();
        self.inner.start(events.through(move |event| faults.change(event)))
    }

    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted> {
        self.call(self.inner.publish(topic, publication))
    }

    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        self.call(Box::pin(async move {
            self.faults.note(format!("subscribe {name}"));
            self.faults.subscriptions.acquire().await.unwrap().forget();
            let subscribed = self.inner.subscribe(name, topic).await;
            self.faults.note(format!("subscribed {name}"));
            subscribed
        }))
    }

    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()> {
        self.call(Box::pin(async move {
            self.faults.note(format!("unsubscribe {name}"));
            self.faults.subscriptions.acquire().await.unwrap().forget();
            let unsubscribed = self.inner.unsubscribe(name).await;
            self.faults.note(format!("unsubscribed {name}"));
            unsubscribed
        }))
    }

    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        self.call(self.inner.position(name, topic))
    }

    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay> {
        self.call(Box::pin(async move {
            self.faults.replayed.fetch_add(1, Ordering::SeqCst);
            if self.faults.fails_replays.load(Ordering::SeqCst) {
                return Err(EngineError::Other("a fault".into()));
            }
            let replay = self.inner.since(name, topic, after).await;
            // The replay was read. Its answer may take a while.
            self.faults.replays.acquire().await.unwrap().forget();
            replay
        }))
    }

    fn clear_history<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, ()> {
        self.call(self.inner.clear_history(name, topic))
    }

    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()> {
        if self.faults.is_dead.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.call(Box::pin(async move {
            self.faults.leases.acquire().await.unwrap().forget();
            self.inner.lease(leases, lasts).await
        }))
    }

    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()> {
        if self.faults.is_dead.load(Ordering::SeqCst) {
            return Box::pin(std::future::ready(Ok(())));
        }
        self.call(Box::pin(async move {
            if self.faults.releases_slowly.load(Ordering::SeqCst) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            self.inner.release(name, member).await
        }))
    }

    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>> {
        self.call(self.inner.present(name))
    }

    fn control(&self, message: Bytes) -> EngineFuture<'_, ()> {
        self.call(self.inner.control(message))
    }
}
