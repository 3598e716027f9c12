//! Who is present: one message for each topic and member, in a stream whose messages expire with the lease.
//!
//! A node renews its members by sending their messages again. A node that dies leaves no ghosts, because nobody renews
//! them. This works with every server that has JetStream; lifetimes of single keys need 2.11.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use silverback_hub::{EngineError, Identity, Lease, MemberId, Present, TopicName};

use crate::{
    clock,
    link::{Link, other},
    names::{Names, Purpose},
    store::{self, Ack, Fault, LEASE},
    streams::Streams,
};

/// The presence of one engine.
pub(crate) struct Presence {
    link: Arc<Link>,
    names: Names,
    streams: Arc<Streams>,
}

impl Presence {
    pub(crate) fn new(link: Arc<Link>, names: Names, streams: Arc<Streams>) -> Self {
        Self { link, names, streams }
    }

    pub(crate) async fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> Result<(), EngineError> {
        self.streams.set_presence(lasts);
        // Its limits must be right before the first message expires by them.
        self.streams.get(Purpose::Presence).await?;
        let sent = stream::iter(leases)
            .map(|lease| async move { self.write(&lease.topic, lease.member, lasts, lease.identity.to_bytes()).await });
        sent.buffer_unordered(AT_ONCE).try_collect().await
    }

    /// An empty message takes the place of the member's, and expires as well.
    pub(crate) async fn release(&self, name: &TopicName, member: MemberId) -> Result<(), EngineError> {
        self.write(name, member, Duration::ZERO, Bytes::new()).await
    }

    pub(crate) async fn present(&self, name: &TopicName) -> Result<Vec<Present>, EngineError> {
        for _ in 0..2 {
            let stream = self.streams.get(Purpose::Presence).await?;
            let stored = match store::read(&self.link, &stream, &self.names.members(name), 1, u64::MAX, MAX_BYTES).await
            {
                Ok(stored) => stored,
                Err(Fault::Engine(error)) => return Err(error),
                Err(Fault::Gone) => {
                    self.streams.forget(Purpose::Presence, &stream.name);
                    continue;
                }
            };
            // A member that was renewed or has left while this was read is there twice: the later one counts.
            let mut present = BTreeMap::new();
            for stored in stored {
                // The stream drops what is older than the longest lease. Clocks matter for shorter ones only.
                let is_over = stored
                    .lease
                    .zip(stored.time)
                    .is_some_and(|(lease, time)| lease < stream.age() && clock::age(time) >= lease);
                let Some(member) = stored.subject.rsplit('.').next().and_then(|member| member.parse().ok()) else {
                    continue;
                };
                match Identity::from_bytes(stored.payload) {
                    Ok(identity) if !is_over => present.insert(member, identity),
                    // An empty message is of a member that has left.
                    _ => present.remove(&member),
                };
            }
            return Ok(present.into_iter().map(|(member, identity)| Present::new(member, identity)).collect());
        }
        Err(other("the stream of presence disappears again and again"))
    }

    async fn write(
        &self,
        name: &TopicName,
        member: MemberId,
        lasts: Duration,
        payload: Bytes,
    ) -> Result<(), EngineError> {
        for _ in 0..2 {
            let subject = self.names.member(name, member);
            let mut headers = HeaderMap::new();
            headers.insert(LEASE, lasts.as_millis().to_string());
            match store::publish(&self.link, subject, headers, payload.clone()).await? {
                Ack::Stored { .. } => return Ok(()),
                Ack::NoStream | Ack::Changed => {
                    let stream = self.streams.get(Purpose::Presence).await?;
                    self.streams.forget(Purpose::Presence, &stream.name);
                    self.streams.get(Purpose::Presence).await?;
                }
            }
        }
        Err(other("the stream of presence disappears again and again"))
    }
}

/// Messages that wait for the broker at the same time.
const AT_ONCE: usize = 64;
/// Bytes of one answer about who is present. Beyond it, the rest is left out.
const MAX_BYTES: usize = 64 * 1024 * 1024;
