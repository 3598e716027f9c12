//! Members on the kit's pipe, hubs on a broker, and waiting that ends.

use std::{future::Future, sync::Mutex, time::Duration};

use silverback::{Conn, Negotiated, Role, Settings};
use silverback_hub::{Hub, HubBuilder, Identity, Member, Position, Published, Start, Topic};
use silverback_hub_nats::{Nats, NatsBuilder, Storage};
use silverback_testkit::{
    broker::{Broker, nats},
    pipe::{Remote, pipe},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// A member, and its client.
pub(crate) struct Client {
    pub(crate) member: Member,
    remote: Remote,
    texts: Mutex<Vec<String>>,
    _reading: JoinHandle<()>,
}

impl Client {
    pub(crate) fn user(hub: &Hub, user: &str) -> Self {
        let (pipe, remote) = pipe();
        let settings = Settings::default().adjust_config(|config| config.ping_interval(None));
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &settings);
        let (member, mut reader) = hub.join(conn, Identity::user(user));
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = reader.read_message().await {} });
        Self { member, remote: remote.as_client(), texts: Mutex::default(), _reading: reading }
    }

    /// Joins and subscribes.
    pub(crate) async fn on(hub: &Hub, user: &str, topic: &str) -> Self {
        let client = Self::user(hub, user);
        within(client.member.subscribe(topic, Start::Live)).await.expect("a subscription");
        client
    }

    /// The payloads of the frames that have arrived.
    pub(crate) fn texts(&self) -> Vec<String> {
        let mut texts = self.texts.lock().expect("no test panics with it");
        let frames = self.remote.received_frames().into_iter();
        texts.extend(frames.map(|frame| String::from_utf8_lossy(&frame.unmasked().payload).into_owned()));
        texts.clone()
    }

    /// Waits until exactly these texts have arrived.
    pub(crate) async fn expect<T: ToString>(&self, texts: impl IntoIterator<Item = T>) {
        let expected: Vec<_> = texts.into_iter().map(|one| one.to_string()).collect();
        let arrived = timeout(PATIENCE, async {
            while self.texts().len() < expected.len() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        let _ = arrived.await;
        assert_eq!(self.texts(), expected);
    }
}

/// A server of the machine.
pub(crate) fn broker() -> Option<Broker> {
    nats::Nats::installed().map(Broker::start)
}

/// One of each version that there is: of the machine, and a newer one.
pub(crate) fn brokers() -> Vec<Broker> {
    let (old, new) = (nats::Nats::installed(), nats::Nats::new_enough_for_lifetimes());
    let mut versions = Vec::new();
    let mut brokers = Vec::new();
    for nats in [old, new].into_iter().flatten() {
        let version = nats.version();
        if !versions.contains(&version) {
            versions.push(version);
            brokers.push(Broker::start(nats));
        }
    }
    brokers
}

pub(crate) fn memory(broker: &Broker) -> NatsBuilder {
    Nats::builder(&broker.url()).storage(Storage::Memory)
}

pub(crate) fn file(broker: &Broker) -> NatsBuilder {
    Nats::builder(&broker.url()).storage(Storage::File)
}

pub(crate) fn builder(topic: Topic) -> HubBuilder {
    Hub::builder().shards(1).topics("*", topic)
}

/// A hub that is ready.
pub(crate) async fn hub(nats: NatsBuilder, topic: Topic) -> Hub {
    let engine = nats.connect().await.expect("valid settings");
    let hub = builder(topic).engine(engine).start().await.expect("the engine starts");
    ready(&hub).await;
    hub
}

pub(crate) async fn two(nats: impl Fn() -> NatsBuilder, topic: Topic) -> (Hub, Hub) {
    (hub(nats(), topic.clone()).await, hub(nats(), topic).await)
}

pub(crate) async fn ready(hub: &Hub) {
    eventually("the hub is ready", || hub.is_ready()).await;
}

pub(crate) async fn not_ready(hub: &Hub) {
    eventually("the hub has noticed", || !hub.is_ready()).await;
}

pub(crate) fn with_history() -> Topic {
    Topic::new().history(100, Duration::from_secs(300))
}

/// Publishes the numbers of a range.
pub(crate) async fn publish(hub: &Hub, topic: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        within(hub.publish(topic, number.to_string())).await.expect("a publication");
    }
}

/// Publishes with an id until the broker has accepted it.
pub(crate) async fn publish_until_accepted(hub: &Hub, topic: &str, number: u64) -> Published {
    within(async {
        loop {
            match hub.publish(topic, number.to_string()).id(number.to_string()).await {
                Ok(published) => return published,
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    })
    .await
}

/// The newest position of a topic.
pub(crate) async fn position(hub: &Hub, topic: &str) -> Position {
    let replay = within(hub.history(topic, &Position::start())).await.expect("a history");
    replay.position.expect("a topic with history")
}

/// Waits, up to a limit.
#[track_caller]
pub(crate) fn within<F: IntoFuture>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match timeout(PATIENCE, future.into_future()).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain at {caller}"),
        }
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let so = timeout(PATIENCE, async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(so.await.is_ok(), "waited in vain until {what}");
}

const PATIENCE: Duration = Duration::from_secs(60);
