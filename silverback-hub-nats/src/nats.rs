//! The engine.

use std::{fmt, sync::Arc, time::Duration};

use async_nats::{ConnectOptions, HeaderMap, ServerAddr};
use bytes::Bytes;
use silverback_hub::{
    Accepted, Engine, EngineError, EngineEvent, EngineFuture, Epoch, Events, HistoryLimits, Lease, MemberId, Position,
    Present, Publication, Replay, Topic, TopicName,
};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    history::History,
    link::{Link, Signals, other},
    names::{Names, Purpose, epoch_of, token},
    presence::Presence,
    pump::Pump,
    settings::Settings,
    store::{self, Ack},
    streams::Streams,
    url::{NatsError, describe},
};

/// The engine of hubs on several machines that share a NATS server or cluster.
///
/// ```no_run
/// use silverback_hub::Hub;
/// use silverback_hub_nats::Nats;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::builder().engine(Nats::connect("nats://127.0.0.1:4222").await?).start().await?;
/// # Ok(()) }
/// ```
///
/// One value belongs to one hub. Dropping it closes its connection.
pub struct Nats {
    shared: Arc<Shared>,
    /// They end with the engine.
    tasks: std::sync::Mutex<JoinSet<()>>,
    servers: String,
}

struct Shared {
    link: Arc<Link>,
    names: Names,
    settings: Settings,
    streams: Arc<Streams>,
    history: History,
    presence: Presence,
    pump: Arc<Pump>,
}

impl Nats {
    pub(crate) async fn open(
        options: ConnectOptions,
        servers: &[ServerAddr],
        prefix: &str,
        node: &str,
        settings: Settings,
        signals: Arc<Signals>,
    ) -> Result<Self, NatsError> {
        let failed = |error: String| NatsError::Client(error);
        let client = options.connect(servers).await.map_err(|error| failed(error.to_string()))?;
        let names = Names::new(prefix);
        let link = Arc::new(Link::new(client, signals, names.replies(node)));
        let streams = Arc::new(Streams::new(link.clone(), names.clone(), settings.clone()));
        let shared = Arc::new(Shared {
            history: History::new(link.clone(), names.clone(), streams.clone()),
            presence: Presence::new(link.clone(), names.clone(), streams.clone()),
            pump: Arc::new(Pump::new()),
            link,
            names,
            settings,
            streams,
        });
        let link = shared.link.clone();
        let replies = link.client.subscribe(link.all_replies()).await.map_err(|error| failed(error.to_string()))?;
        let control = link.client.subscribe(shared.names.control()).await.map_err(|error| failed(error.to_string()))?;
        let mut tasks = JoinSet::new();
        tasks.spawn(link.dispatch(replies));
        tasks.spawn(shared.pump.clone().control(control));
        Ok(Self { shared, tasks: tasks.into(), servers: describe(servers) })
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).spawn(task);
    }
}

impl Shared {
    /// Follows the connection: checks the broker after each connect, and reports whether the engine is up.
    async fn supervise(self: Arc<Self>) {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connects = 0;
        let mut is_up = false;
        let mut refreshed = Instant::now();
        let mut last_error = String::new();
        loop {
            tokio::select! {
                () = self.link.signals.something() => {}
                _ = looks.tick() => {}
            }
            let is_connected = self.link.client.connection_state() == async_nats::connection::State::Connected;
            let now = self.link.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed);
            // The events of a busy client may be dropped, and a lost connection may be back already.
            let was_lost = self.link.signals.take_lost() || !is_connected || now != connects;
            if is_up && was_lost {
                is_up = false;
                self.link.set_up(false);
                self.pump.report(EngineEvent::Down);
            }
            if !is_up && is_connected {
                connects = now;
                match timeout(CHECK, self.check()).await.unwrap_or(Err(EngineError::TimedOut)) {
                    Ok(()) => {
                        is_up = true;
                        last_error.clear();
                        self.link.signals.take_slow();
                        self.link.set_up(true);
                        self.pump.report(EngineEvent::Up);
                        refreshed = Instant::now();
                    }
                    Err(error) => {
                        let text = error.to_string();
                        if text != last_error {
                            tracing::warn!(name: "not_ready", target: "silverback::hub::nats", reason = %text, "NATS is connected, but not ready");
                            last_error = text;
                        }
                        sleep(LOOK).await;
                    }
                }
                continue;
            }
            if is_up && self.link.signals.take_slow() {
                // The client does not say of which topic.
                self.pump.report(EngineEvent::Gap(None));
                sleep(LOOK).await;
            }
            if is_up && self.settings.has_jetstream && refreshed.elapsed() > REFRESH {
                refreshed = Instant::now();
                if let Err(error) = self.streams.refresh().await {
                    tracing::debug!(name: "positions_unknown", target: "silverback::hub::nats", %error, "the streams do not say how far they are");
                }
            }
        }
    }

    async fn check(&self) -> Result<(), EngineError> {
        // The client has sent its subscriptions again before anything else.
        self.link.settle().await?;
        if self.settings.has_jetstream { self.streams.check().await } else { Ok(()) }
    }

    fn history(&self, topic: &Topic) -> Result<Option<HistoryLimits>, EngineError> {
        match topic.history_limits() {
            Some(_) if !self.settings.has_jetstream => Err(other("NATS without JetStream has no history")),
            limits => Ok(limits),
        }
    }

    async fn subscribe(&self, name: &TopicName, topic: &Topic) -> Result<Option<Position>, EngineError> {
        self.link.up()?;
        let limits = self.history(topic)?;
        if let Some(limits) = limits {
            self.streams.get(limits.into()).await?;
        }
        if !self.pump.has(name) {
            let subject = self.names.topic(name);
            let subscriber = self.link.client.subscribe(subject).await.map_err(|_| EngineError::Down)?;
            let streams = limits.map(|limits| (self.streams.clone(), limits.into()));
            self.pump.add(name, streams, subscriber);
        }
        // The server has the subscription before it answers the next question.
        let position = match limits {
            Some(limits) => self.history.subscribed(name, limits).await.map(Some),
            None => self.link.settle().await.map(|()| None),
        };
        if position.is_err() {
            self.unsubscribe(name);
        }
        position
    }

    fn unsubscribe(&self, name: &TopicName) {
        self.pump.remove(name);
        self.history.leave(name);
    }

    async fn publish(&self, topic: &Topic, publication: Publication) -> Result<Accepted, EngineError> {
        self.link.up()?;
        let limits = self.history(topic)?;
        let bytes = publication.to_bytes();
        let purpose = match (limits, &publication.id) {
            (Some(limits), _) => limits.into(),
            (None, Some(_)) if self.settings.has_jetstream => Purpose::Ids,
            (None, Some(_)) => return Err(other("NATS without JetStream knows no ids of publications")),
            (None, None) => {
                self.link.send(self.names.topic(&publication.topic), bytes).await?;
                self.link.settle().await?;
                return Ok(Accepted::new(None));
            }
        };
        let until = Instant::now() + RETRIES;
        loop {
            match self.publish_once(purpose, &publication, bytes.clone()).await {
                // The broker may have accepted it. With the same id it accepts it once.
                Err(EngineError::TimedOut | EngineError::Down)
                    if publication.id.is_some() && Instant::now() < until =>
                {
                    while self.link.up().is_err() && Instant::now() < until {
                        sleep(LOOK).await;
                    }
                }
                // It was up before.
                Err(EngineError::Down) => return Err(EngineError::TimedOut),
                done => return done,
            }
        }
    }

    async fn publish_once(
        &self,
        purpose: Purpose,
        publication: &Publication,
        bytes: Bytes,
    ) -> Result<Accepted, EngineError> {
        let subject = self.names.stored(purpose, &publication.topic);
        for _ in 0..2 {
            let stream = self.streams.get(purpose).await?;
            let mut headers = HeaderMap::new();
            if let Some(id) = &publication.id {
                // One stream has many topics, and each has its own ids.
                let id = format!("{}/{}", token(publication.topic.as_str()), token(id.as_str()));
                headers.insert("Nats-Msg-Id", id);
            }
            match store::publish(&self.link, subject.clone(), headers, bytes.clone()).await? {
                Ack::Stored { stream: name, sequence, is_duplicate } => {
                    if name == stream.name {
                        stream.note(sequence);
                    } else {
                        self.streams.forget(purpose, &stream.name);
                    }
                    let position = Position::new(Epoch::new(epoch_of(&name)), sequence);
                    let position = (purpose != Purpose::Ids).then_some(position);
                    return Ok(if is_duplicate { Accepted::duplicate(position) } else { Accepted::new(position) });
                }
                // A broker that keeps streams in memory has come back without them.
                Ack::NoStream | Ack::Changed => self.streams.forget(purpose, &stream.name),
            }
        }
        Err(other("the stream disappears again and again"))
    }

    fn presence(&self) -> Result<&Presence, EngineError> {
        self.link.up()?;
        if self.settings.has_jetstream {
            Ok(&self.presence)
        } else {
            Err(other("NATS without JetStream has no presence"))
        }
    }
}

impl Engine for Nats {
    fn check(&self, topic: &Topic) -> Result<(), EngineError> {
        self.shared.history(topic)?;
        if topic.has_presence() && !self.shared.settings.has_jetstream {
            return Err(other("NATS without JetStream has no presence"));
        }
        Ok(())
    }

    fn start(&self, events: Events) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            let Some(forward) = self.shared.pump.forward(events) else {
                return Err(other("the engine belongs to another hub; give each hub its own"));
            };
            self.spawn(forward);
            self.spawn(self.shared.clone().supervise());
            Ok(())
        })
    }

    fn publish<'a>(&'a self, topic: &'a Topic, publication: Publication) -> EngineFuture<'a, Accepted> {
        Box::pin(self.shared.publish(topic, publication))
    }

    fn subscribe<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(self.shared.subscribe(name, topic))
    }

    fn unsubscribe<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.shared.unsubscribe(name);
            Ok(())
        })
    }

    fn position<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, Option<Position>> {
        Box::pin(async move {
            self.shared.link.up()?;
            match self.shared.history(topic)? {
                Some(limits) => self.shared.history.position(name, limits).await.map(Some),
                None => Ok(None),
            }
        })
    }

    fn since<'a>(&'a self, name: &'a TopicName, topic: &'a Topic, after: &'a Position) -> EngineFuture<'a, Replay> {
        Box::pin(async move {
            self.shared.link.up()?;
            match self.shared.history(topic)? {
                Some(limits) => self.shared.history.since(name, limits, after).await,
                None => Ok(Replay::incomplete(Vec::new(), None)),
            }
        })
    }

    fn clear_history<'a>(&'a self, name: &'a TopicName, topic: &'a Topic) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            self.shared.link.up()?;
            match self.shared.history(topic)? {
                Some(limits) => self.shared.history.clear(name, limits).await,
                None => Ok(()),
            }
        })
    }

    fn lease(&self, leases: Vec<Lease>, lasts: Duration) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            if leases.is_empty() {
                return Ok(());
            }
            self.shared.presence()?.lease(leases, lasts).await
        })
    }

    fn release<'a>(&'a self, name: &'a TopicName, member: MemberId) -> EngineFuture<'a, ()> {
        Box::pin(async move { self.shared.presence()?.release(name, member).await })
    }

    fn present<'a>(&'a self, name: &'a TopicName) -> EngineFuture<'a, Vec<Present>> {
        Box::pin(async move { self.shared.presence()?.present(name).await })
    }

    fn control(&self, message: Bytes) -> EngineFuture<'_, ()> {
        Box::pin(async move {
            self.shared.link.up()?;
            self.shared.link.send(self.shared.names.control(), message).await?;
            self.shared.link.settle().await
        })
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("servers", &self.servers)
            .field("link", &self.shared.link)
            .field("pump", &self.shared.pump)
            .field("settings", &self.shared.settings)
            .finish_non_exhaustive()
    }
}

/// How often the connection is looked at, beside its events.
const LOOK: Duration = Duration::from_millis(250);
/// How long the check after a connect may take.
const CHECK: Duration = Duration::from_secs(10);
/// How often streams are asked how far they are.
const REFRESH: Duration = Duration::from_secs(5);
/// How long a publication with an id is sent again. The hub gives up after 10 s.
const RETRIES: Duration = Duration::from_secs(6);
