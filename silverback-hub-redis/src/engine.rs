//! The engine: the calls of the hub as commands of Redis.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::try_join_all;
use redis::{FromRedisValue, RedisResult, Script, Value, cmd, from_redis_value};
use silverback_hub::{
    Accepted, Engine, EngineError, EngineFuture, Epoch, Events, HistoryLimits, Identity, Lease, LimitError, MemberId,
    Position, Present, Publication, Replay, Topic, TopicName,
};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::{
    keys::{self, Keys},
    message, scripts,
    session::Session,
    settings::{LARGEST_PAYLOAD, PAGE, QUEUE, Settings},
    shared::{Current, Order, Shared, unexpected},
    target::Target,
    tls::Tls,
};

/// The engine of hubs that share a Redis server of version 7 or later, or a compatible one. One value belongs to one hub.
///
/// ```
/// use silverback_hub::Hub;
/// use silverback_hub_redis::Redis;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let redis = Redis::connect("redis://127.0.0.1:6379").await?;
/// let hub = Hub::builder().engine(redis).start().await?;
/// # Ok(()) }
/// ```
///
/// # Promise
/// Order per topic. At most once live. With history *complete, or told so*. Never exactly once.
///
/// The guide `docs/hub-engines.md` in the repository says how to configure the server, and what happens in each fault.
pub struct Redis {
    target: Target,
    settings: Settings,
    shared: Arc<Shared>,
    orders: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
    /// What the task needs, until the hub starts.
    unstarted: Mutex<Option<(Tls, mpsc::Receiver<Order>)>>,
}

impl Redis {
    pub(crate) fn new(target: Target, tls: Tls, settings: Settings) -> Self {
        let (orders, order_queue) = mpsc::channel(QUEUE);
        let room = Arc::new(Semaphore::new(settings.in_flight));
        let unstarted = Mutex::new(Some((tls, order_queue)));
        Self { target, settings, shared: Arc::default(), orders, room, unstarted }
    }

    fn keys(&self, name: &TopicName) -> Keys {
        Keys::new(&self.settings.prefix, name)
    }

    fn current(&self) -> Result<Current, EngineError> {
        self.shared.current().ok_or(EngineError::Down)
    }

    /// Waits for room in the limit, sends a command and waits for its reply.
    async fn run<T>(
        &self,
        current: &Current,
        size: usize,
        command: impl Future<Output = RedisResult<T>>,
    ) -> Result<T, EngineError> {
        let size = u32::try_from(size.clamp(1, self.settings.in_flight)).unwrap_or(u32::MAX);
        let _room = self.room.acquire_many(size).await.map_err(|_| EngineError::Down)?;
        command.await.map_err(|error| current.failed(&error))
    }

    /// Sends a message to a channel.
    async fn send(&self, current: &Current, channel: &str, message: &[u8]) -> Result<(), EngineError> {
        let mut connection = current.connection.clone();
        let mut command = cmd("SPUBLISH");
        command.arg(channel).arg(message);
        self.run(current, message.len(), command.query_async(&mut connection)).await
    }

    /// Runs a script. The crate gives it to a server that does not know it yet.
    async fn script<T: FromRedisValue>(
        &self,
        current: &Current,
        script: &Script,
        keys: &[&str],
        arguments: &[&[u8]],
    ) -> Result<T, EngineError> {
        let mut connection = current.connection.clone();
        let mut call = script.prepare_invoke();
        for key in keys {
            call.key(*key);
        }
        for argument in arguments {
            call.arg(*argument);
        }
        let size = arguments.iter().map(|argument| argument.len()).sum();
        self.run(current, size, call.invoke_async(&mut connection)).await
    }

    /// Runs a script about a topic with history. The arguments follow those that all of these scripts have.
    async fn about<T: FromRedisValue>(
        &self,
        script: &Script,
        name: &TopicName,
        limits: HistoryLimits,
        third_key: Option<&str>,
        arguments: &[&[u8]],
    ) -> Result<T, EngineError> {
        let current = self.current()?;
        let keys = self.keys(name);
        let (position, history) = (keys.position(), keys.history());
        let mut names = vec![position.as_str(), &history];
        names.extend(third_key);
        let age = millis(self.settings.position_age.max(limits.age));
        let seen = self.shared.seen(name).map(|seen| (seen.epoch, seen.offset.to_string()));
        let (epoch, offset) = seen.as_ref().map_or(("", ""), |(epoch, offset)| (epoch.as_str(), offset));
        let fresh = format!("{:016x}", getrandom::u64().map_err(|error| EngineError::Other(error.into()))?);
        let is_logged: &[u8] = if current.server.is_logged { b"1" } else { b"0" };
        let run = current.server.run.as_bytes();
        let mut all: Vec<&[u8]> =
            vec![fresh.as_bytes(), run, is_logged, age.as_bytes(), epoch.as_bytes(), offset.as_bytes()];
        all.extend(arguments);
        self.script(&current, script, &names, &all).await
    }

    async fn publish_kept(&self, limits: HistoryLimits, publication: Publication) -> Result<Accepted, EngineError> {
        let (name, keys) = (&publication.topic, self.keys(&publication.topic));
        let id = publication.id.as_ref().map(|id| keys.id(id));
        let id_age = if id.is_some() { millis(self.settings.id_age) } else { "0".to_owned() };
        let third = id.unwrap_or_else(|| keys.position());
        let (size, age, bytes) = (limits.size.to_string(), millis(limits.age), publication.to_bytes());
        let arguments = [keys.channel().as_bytes(), &bytes, size.as_bytes(), age.as_bytes(), id_age.as_bytes()];
        let (is_known, position): (bool, String) =
            self.about(&scripts::PUBLISH, name, limits, Some(&third), &arguments).await?;
        let position = written_position(&position);
        if is_known {
            Ok(Accepted::duplicate(position))
        } else {
            Ok(Accepted::new(Some(position.ok_or_else(unexpected)?)))
        }
    }

    async fn publish_live(&self, publication: Publication) -> Result<Accepted, EngineError> {
        let (current, keys) = (self.current()?, self.keys(&publication.topic));
        let message = message::live(&publication.to_bytes());
        let Some(id) = &publication.id else {
            self.send(&current, keys.channel(), &message).await?;
            return Ok(Accepted::new(None));
        };
        let age = millis(self.settings.id_age);
        let arguments = [keys.channel().as_bytes(), &message, age.as_bytes()];
        let is_known: bool = self.script(&current, &scripts::PUBLISH_LIVE, &[&keys.id(id)], &arguments).await?;
        Ok(if is_known { Accepted::duplicate(None) } else { Accepted::new(None) })
    }

    /// Asks for the newest position, and notes it if the topic is subscribed.
    async fn newest(&self, name: &TopicName, topic: &Topic) -> Result<Option<Position>, EngineError> {
        let Some(limits) = topic.history_limits() else { return self.current().map(|_| None) };
        let (epoch, offset): (String, u64) = self.about(&scripts::POSITION, name, limits, None, &[]).await?;
        let position = Position::new(Epoch::new(&epoch), offset);
        self.shared.note(name, &position);
        Ok(Some(position))
    }

    async fn replay(&self, name: &TopicName, limits: HistoryLimits, after: &Position) -> Result<Replay, EngineError> {
        let (age, count, bytes) = (millis(limits.age), PAGE.0.to_string(), PAGE.1.to_string());
        let mut collected =
            Collected { next: after.offset.saturating_add(1), bytes: 0, is_whole: true, list: Vec::new() };
        let (mut from, mut newest) = (after.clone(), None);
        loop {
            let offset = from.offset.to_string();
            let arguments = [from.epoch.as_str(), &offset, &age, &count, &bytes].map(str::as_bytes);
            let reply: Vec<Value> = self.about(&scripts::SINCE, name, limits, None, &arguments).await?;
            let (epoch, offset): (String, u64) = (item(&reply, 0)?, item(&reply, 1)?);
            let position = Position::new(Epoch::new(&epoch), offset);
            self.shared.note(name, &position);
            let first = newest.get_or_insert_with(|| position.clone());
            let is_known = from.epoch == position.epoch || from.is_start();
            if !is_known || first.epoch != position.epoch || from.offset > position.offset {
                // It is of another epoch, or the topic has begins a new one between two pages.
                return Ok(Replay::incomplete(Vec::new(), Some(position)));
            }
            let looked_at = item::<String>(&reply, 2)?.parse::<u64>().ok();
            for pair in reply.get(3..).unwrap_or_default().chunks_exact(2) {
                collected.push(name, &position.epoch, pair)?;
            }
            if collected.bytes > self.settings.replay {
                return Ok(Replay::incomplete(Vec::new(), Some(position)));
            }
            match looked_at {
                Some(offset) if offset < first.offset => from = Position::new(position.epoch, offset),
                _ => break,
            }
        }
        let Some(mut newest) = newest else { return Err(unexpected()) };
        if let Some(last) = collected.list.last().and_then(|last| last.position.as_ref()) {
            // Published while the pages were read.
            newest.offset = newest.offset.max(last.offset);
        }
        let is_complete = collected.is_whole && collected.next == newest.offset + 1;
        let replay = if is_complete { Replay::complete } else { Replay::incomplete };
        Ok(replay(collected.list, Some(newest)))
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), EngineError>>) -> Order,
    ) -> Result<(), EngineError> {
        let (answer, result) = oneshot::channel();
        self.orders.send(order(answer)).await.map_err(|_| EngineError::Down)?;
        result.await.unwrap_or(Err(EngineError::Down))
    }
}

/// The publications of a replay, as its pages come in.
struct Collected {
    /// The offset that has to come next.
    next: u64,
    bytes: usize,
    is_whole: bool,
    list: Vec<Publication>,
}

impl Collected {
    fn push(&mut self, name: &TopicName, epoch: &Epoch, pair: &[Value]) -> Result<(), EngineError> {
        let (offset, bytes): (u64, Vec<u8>) = (item(pair, 0)?, item(pair, 1)?);
        self.is_whole &= offset == self.next;
        self.next = offset + 1;
        match Publication::from_bytes(name.clone(), bytes.into()) {
            Ok(publication) => {
                self.bytes += publication.cost();
                self.list.push(publication.at(Some(Position::new(epoch.clone(), offset))));
            }
            // A hub of another version has made it.
            Err(_) => self.is_whole = false,
        }
        Ok(())
    }
}

impl Engine for Redis {
    fn start(&self, events: Events) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            let unstarted = self.unstarted.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((tls, orders)) = unstarted else {
                return Err(EngineError::Other("the engine belongs to another hub; create one for each hub".into()));
            };
            let (target, settings, shared) = (self.target.clone(), self.settings.clone(), self.shared.clone());
            tokio::spawn(Session { target, tls, settings, shared, orders, events }.run());
            Ok(())
        })
    }

    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted> {
        Box::pin(async move {
            let size = publication.cost();
            if size > LARGEST_PAYLOAD {
                return Err(EngineError::Limit(LimitError::Payload { size, limit: LARGEST_PAYLOAD }));
            }
            match topic.history_limits() {
                Some(limits) => self.publish_kept(limits, publication).await,
                None => self.publish_live(publication).await,
            }
        })
    }

    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(async move {
            self.current()?;
            // First the channel and then the position, so that everything after the position arrives.
            self.order(|answer| Order::Subscribe(name.clone(), answer)).await?;
            self.newest(name, topic).await
        })
    }

    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()> {
        // Also while the engine is down. Otherwise it would subscribe again when it is up.
        Box::pin(async move { self.order(|answer| Order::Unsubscribe(name.clone(), answer)).await })
    }

    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(self.newest(name, topic))
    }

    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay> {
        Box::pin(async move {
            match topic.history_limits() {
                Some(limits) => self.replay(name, limits, after).await,
                None => self.current().map(|_| Replay::incomplete(Vec::new(), None)),
            }
        })
    }

    fn clear_history<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let current = self.current()?;
            if topic.history_limits().is_some() {
                let (key, mut connection) = (self.keys(name).history(), current.connection.clone());
                let mut command = cmd("DEL");
                command.arg(&key);
                self.run::<()>(&current, key.len(), command.query_async(&mut connection)).await?;
            }
            Ok(())
        })
    }

    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            let (current, lasts) = (self.current()?, millis(lasts));
            let mut leases = leases;
            leases.sort_unstable_by(|one, other| one.topic.cmp(&other.topic));
            let (current, lasts) = (&current, lasts.as_bytes());
            let calls = leases.chunk_by(|one, other| one.topic == other.topic).map(|leases| async move {
                let keys = self.keys(&leases[0].topic);
                let members: Vec<_> =
                    leases.iter().map(|lease| (lease.member.to_string(), lease.identity.to_bytes())).collect();
                let mut arguments = vec![lasts];
                arguments.extend(members.iter().flat_map(|(member, identity)| [member.as_bytes(), identity]));
                self.script::<()>(current, &scripts::LEASE, &[&keys.leases(), &keys.members()], &arguments).await
            });
            try_join_all(calls).await.map(|_| ())
        })
    }

    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let (current, keys) = (self.current()?, self.keys(name));
            let member = member.to_string();
            let names = [&*keys.leases(), &keys.members()];
            self.script(&current, &scripts::RELEASE, &names, &[member.as_bytes()]).await
        })
    }

    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>> {
        Box::pin(async move {
            let (current, keys) = (self.current()?, self.keys(name));
            let names = [&*keys.leases(), &keys.members()];
            let limit = LARGEST_PAYLOAD.to_string();
            let members: Vec<(String, Vec<u8>)> =
                self.script(&current, &scripts::PRESENT, &names, &[limit.as_bytes()]).await?;
            // What hubs of other versions have written is left out.
            let present = |(member, identity): (String, Vec<u8>)| {
                Some(Present::new(member.parse().ok()?, Identity::from_bytes(identity.into()).ok()?))
            };
            Ok(members.into_iter().filter_map(present).collect())
        })
    }

    fn control(&self, message: Bytes) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            let current = self.current()?;
            self.send(&current, &keys::control(&self.settings.prefix), &message).await
        })
    }
}

/// Reads "offset epoch".
fn written_position(text: &str) -> Option<Position> {
    let (offset, epoch) = text.split_once(' ')?;
    Some(Position::new(Epoch::new(epoch), offset.parse().ok()?))
}

/// Reads an item of a reply.
fn item<T: FromRedisValue>(reply: &[Value], place: usize) -> Result<T, EngineError> {
    from_redis_value(reply.get(place).cloned().unwrap_or_default()).map_err(|_| unexpected())
}

/// Milliseconds, at least one.
fn millis(duration: Duration) -> String {
    duration.as_millis().clamp(1, LONGEST).to_string()
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("server", &self.target)
            .field("prefix", &self.settings.prefix)
            .field("is_up", &self.shared.current().is_some())
            .finish_non_exhaustive()
    }
}

/// 100 years. Redis refuses much longer ones.
const LONGEST: u128 = 100 * 365 * 24 * 60 * 60 * 1000;
