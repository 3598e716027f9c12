//! A server, engines on it, and members of hubs.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::Mutex,
    time::Duration,
};

use silverback::{Conn, Negotiated, Role, Settings};
use silverback_hub::{EngineError, EngineEvent, Hub, Identity, Label, Member, Publication, Start, Topic, TopicName};
use silverback_hub_redis::Redis;
use silverback_hub_testkit::Node;
use silverback_testkit::{
    broker::{self, Broker},
    pipe::{Remote, pipe},
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};

/// A redis-server that ends with its value.
pub(crate) struct Server {
    pub(crate) broker: Broker,
}

impl Server {
    /// A server that logs its data, or `None` if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        kind().map(Self::of)
    }

    pub(crate) fn of(kind: broker::redis::Redis) -> Self {
        Self { broker: Broker::start(kind) }
    }

    /// An engine that is up.
    pub(crate) async fn node(&self) -> Node<Redis> {
        let mut node = self.node_that_need_not_come_up().await;
        node.wait_for("Up", is_up).await;
        node
    }

    pub(crate) async fn node_that_need_not_come_up(&self) -> Node<Redis> {
        Node::of(Redis::connect(&self.broker.url()).await.unwrap()).await
    }

    pub(crate) async fn hub(&self, topic: &Topic) -> Hub {
        let engine = Redis::connect(&self.broker.url()).await.unwrap();
        let hub = Hub::builder().engine(engine).topics("*", topic.clone()).start().await.unwrap();
        until("the hub is ready", async || hub.is_ready()).await;
        hub
    }

    /// Sends a command on a connection of its own and returns the bytes of the reply.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.broker.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut command = format!("*{}\r\n", arguments.len());
        for argument in arguments {
            command += &format!("${}\r\n{argument}\r\n", argument.len());
        }
        // Redis closes the connection after the reply, so the reply is everything until the end.
        stream.write_all((command + "*1\r\n$4\r\nQUIT\r\n").as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply.strip_suffix("+OK\r\n").unwrap().to_owned()
    }
}

/// The installed server, or `None`.
pub(crate) fn kind() -> Option<broker::redis::Redis> {
    broker::redis::Redis::installed()
}

pub(crate) fn is_up(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Up)
}

pub(crate) fn is_down(event: &EngineEvent) -> bool {
    matches!(event, EngineEvent::Down)
}

pub(crate) fn with_history() -> Topic {
    Topic::new().history(10_000, Duration::from_secs(300))
}

pub(crate) fn name(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

pub(crate) fn with_id(topic: &str, id: &str) -> Publication {
    let mut publication = Publication::new(name(topic), id);
    publication.id = Label::new(id).ok();
    publication
}

#[track_caller]
pub(crate) fn assert_down<T: std::fmt::Debug>(result: Result<T, EngineError>) {
    assert!(matches!(result, Err(EngineError::Down)), "{result:?}");
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let asking = async {
        while !condition().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    if timeout(Duration::from_secs(60), asking).await.is_err() {
        panic!("waited in vain until {what}");
    }
}

/// A member, and what its client has received.
pub(crate) struct Client {
    _member: Member,
    remote: Remote,
    received: Mutex<Vec<String>>,
    _reading: JoinHandle<()>,
}

impl Client {
    pub(crate) async fn on(hub: &Hub, topic: &str) -> Self {
        let (pipe, remote) = pipe();
        let settings = Settings::default().adjust_config(|config| config.ping_interval(None));
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &settings);
        let (member, mut reader) = hub.join(conn, Identity::anonymous());
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = reader.read_message().await {} });
        member.subscribe(topic, Start::Live).await.unwrap();
        Self { _member: member, remote: remote.as_client(), received: Mutex::default(), _reading: reading }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        let mut received = self.received.lock().unwrap();
        let frames = self.remote.received_frames().into_iter();
        received.extend(frames.map(|frame| String::from_utf8_lossy(&frame.unmasked().payload).into_owned()));
        received.clone()
    }

    /// Waits for a text, and returns everything that came.
    pub(crate) async fn texts_until(&self, last: &str) -> Vec<String> {
        until("the last publication is there", async || self.texts().iter().any(|text| text == last)).await;
        self.texts()
    }
}

/// Publishes with the text as id, again and again until the engine has accepted it.
pub(crate) async fn publish_at_last(hub: &Hub, topic: &str, text: &str) {
    while let Err(error) = hub.publish(topic, text).id(text).await {
        assert!(matches!(error, silverback_hub::HubError::Engine(_)), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
}
