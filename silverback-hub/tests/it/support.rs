//! Members on the kit's pipe, and waiting that ends.

use std::{future::Future, time::Duration};

use silverback::{Conn, Negotiated, Role, Settings};
use silverback_hub::{Hub, HubBuilder, Identity, Member, Start, Topic};
use silverback_testkit::{
    pipe::{Remote, pipe},
    wire::{Frame, text},
};
use tokio::{task::JoinHandle, time::timeout};

/// A member, and its client.
pub(crate) struct Client {
    pub(crate) member: Member,
    pub(crate) remote: Remote,
    /// Reads, as an application does, until the connection ends.
    pub(crate) reading: JoinHandle<()>,
}

impl Client {
    pub(crate) fn join(hub: &Hub, identity: Identity) -> Self {
        let (pipe, remote) = pipe();
        // Without keepalive, so that only the hub writes.
        let settings = Settings::default().adjust_config(|config| config.ping_interval(None));
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &settings);
        let (member, mut reader) = hub.join(conn, identity);
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = reader.read_message().await {} });
        Self { member, remote: remote.as_client(), reading }
    }

    pub(crate) fn user(hub: &Hub, user: &str) -> Self {
        Self::join(hub, Identity::user(user))
    }

    /// Joins and subscribes.
    pub(crate) async fn on(hub: &Hub, user: &str, topic: &str) -> Self {
        let client = Self::user(hub, user);
        client.member.subscribe(topic, Start::Live).await.unwrap();
        client
    }

    #[track_caller]
    pub(crate) fn expect(&self, frame: Frame) -> impl Future<Output = ()> {
        within(self.remote.expect(frame))
    }

    /// Expects these texts and nothing after them.
    pub(crate) async fn expect_only<T: ToString>(&self, texts: impl IntoIterator<Item = T>) {
        settle().await;
        let expected: Vec<_> = texts.into_iter().map(|one| one.to_string()).collect();
        assert_eq!(self.texts(), expected);
    }

    /// The payloads of the frames that have arrived.
    pub(crate) fn texts(&self) -> Vec<String> {
        let frames = self.remote.received_frames().into_iter();
        frames.map(|frame| String::from_utf8_lossy(&frame.unmasked().payload).into_owned()).collect()
    }
}

/// A hub with one shard, so that tests need not know which member is in which shard.
pub(crate) fn builder() -> HubBuilder {
    Hub::builder().shards(1)
}

pub(crate) async fn hub(topic: Topic) -> Hub {
    builder().topics("*", topic).start().await.unwrap()
}

pub(crate) fn with_history() -> Topic {
    Topic::new().history(100, Duration::from_secs(300))
}

/// Publishes the numbers of a range.
pub(crate) async fn publish(hub: &Hub, topic: &str, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        hub.publish(topic, number.to_string()).await.unwrap();
    }
}

pub(crate) fn number(number: u64) -> Frame {
    text(number.to_string())
}

/// Waits, up to a limit.
#[track_caller]
pub(crate) fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match timeout(Duration::from_secs(60), future).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain at {caller}"),
        }
    }
}

/// Runs every task that can make progress, without moving the clock.
pub(crate) async fn settle() {
    for _ in 0..64 {
        tokio::task::yield_now().await;
    }
}

/// Polls once with the waker of this task.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(cx))).await
}
