//! Engines on one broker, with the events that they have reported.

use std::{fmt, sync::Arc, time::Duration};

use silverback_hub::{
    Accepted, Engine, EngineError, EngineEvent, EventQueue, Events, Position, Publication, Replay, Topic, TopicName,
};
use tokio::time::timeout;

/// One broker without data, and engines on it.
///
/// Every function that returns a future of a further engine is one. Let the function keep the broker's process alive.
pub trait Nodes {
    /// The engine.
    type Engine: Engine;

    /// Creates the engine of another node.
    fn node(&self) -> impl Future<Output = Self::Engine>;
}

impl<F, O> Nodes for F
where
    F: Fn() -> O,
    O: Future<Output: Engine>,
{
    type Engine = O::Output;

    fn node(&self) -> impl Future<Output = Self::Engine> {
        self()
    }
}

/// An engine that has started, and its events.
#[derive(Debug)]
pub struct Node<E> {
    /// The engine.
    pub engine: Arc<E>,
    /// Its events. Those that no method has waited for yet.
    pub events: EventQueue,
}

impl<E: Engine> Node<E> {
    /// Starts another node of a broker and waits until it is up.
    pub async fn start(nodes: &impl Nodes<Engine = E>) -> Self {
        let mut node = Self::of(nodes.node().await).await;
        node.wait_for("Up", |event| matches!(event, EngineEvent::Up)).await;
        node
    }

    /// Starts an engine. It need not come up.
    pub async fn of(engine: E) -> Self {
        let (events, queue) = Events::queue(ROOM);
        engine.start(events).await.unwrap_or_else(failed("start"));
        Self { engine: Arc::new(engine), events: queue }
    }

    /// Subscribes and returns the position.
    pub async fn subscribe(&self, name: &str, topic: &Topic) -> Option<Position> {
        self.engine.subscribe(&topic_name(name), topic).await.unwrap_or_else(failed("subscribe"))
    }

    /// Publishes a text.
    pub async fn publish(&self, name: &str, topic: &Topic, text: impl fmt::Display) -> Accepted {
        self.publish_this(topic, Publication::new(topic_name(name), text.to_string())).await
    }

    /// Publishes.
    pub async fn publish_this(&self, topic: &Topic, publication: Publication) -> Accepted {
        self.engine.publish(topic, publication).await.unwrap_or_else(failed("publish"))
    }

    /// Replays.
    pub async fn since(&self, name: &str, topic: &Topic, after: &Position) -> Replay {
        self.engine.since(&topic_name(name), topic, after).await.unwrap_or_else(failed("since"))
    }

    /// Waits for the next publication that is reported.
    pub async fn delivered(&mut self) -> Publication {
        self.delivered_after().await.0
    }

    /// Waits for the next publication, and returns the offset before it too, if the engine has told it.
    pub async fn delivered_after(&mut self) -> (Publication, Option<u64>) {
        loop {
            match self.next("a publication").await {
                EngineEvent::Delivered { publication, prev } => return (publication, prev),
                EngineEvent::Down => panic!("the engine is down, and a publication was expected"),
                _ => {}
            }
        }
    }

    /// Waits for publications with these texts, in this order.
    pub async fn expect<T: fmt::Display>(&mut self, texts: impl IntoIterator<Item = T>) {
        for text in texts {
            let publication = self.delivered().await;
            assert_eq!(text_of(&publication), text.to_string(), "in {}", publication.topic);
        }
    }

    /// Fails if a publication is reported within a short time. It passes on a slow machine, so use it only beside
    /// checks that wait.
    pub async fn expect_nothing(&mut self) {
        let early = timeout(SHORT, self.delivered()).await;
        assert!(early.is_err(), "nothing should have arrived: {early:?}");
    }

    /// Waits for an event, and returns it. Other events are dropped.
    pub async fn wait_for(&mut self, what: &str, is_it: impl Fn(&EngineEvent) -> bool) -> EngineEvent {
        loop {
            let event = self.next(what).await;
            if is_it(&event) {
                return event;
            }
        }
    }

    async fn next(&mut self, what: &str) -> EngineEvent {
        match timeout(LONG, self.events.next()).await {
            Ok(Some(event)) => event,
            Ok(None) => panic!("the engine has ended, and {what} was expected"),
            Err(_) => panic!("waited for {what} in vain"),
        }
    }
}

/// Waits until a condition holds, and asks again and again.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let asking = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(LONG, asking).await.is_err() {
        panic!("waited in vain until {what}");
    }
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    TopicName::new(name).unwrap_or_else(|error| panic!("{name:?}: {error}"))
}

pub(crate) fn text_of(publication: &Publication) -> String {
    String::from_utf8_lossy(publication.message.as_bytes()).into_owned()
}

pub(crate) fn texts_of(replay: &Replay) -> Vec<String> {
    replay.publications.iter().map(text_of).collect()
}

pub(crate) fn with_history() -> Topic {
    Topic::new().history(100, Duration::from_secs(300))
}

#[track_caller]
pub(crate) fn failed<T>(call: &str) -> impl FnOnce(EngineError) -> T {
    let caller = std::panic::Location::caller();
    move |error| panic!("{call} failed at {caller}: {error}")
}

/// A position after `position` in its epoch.
pub(crate) fn later(position: &Position, by: u64) -> Position {
    Position::new(position.epoch.clone(), position.offset + by)
}

/// Bytes of events that may wait for a test.
const ROOM: usize = 64 * 1024 * 1024;
/// Longer than a slow machine needs.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(100);
