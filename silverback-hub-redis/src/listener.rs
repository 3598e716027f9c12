//! The connection for subscriptions: one for each topic, and that of the messages between hubs.

use std::{
    collections::HashMap,
    future::{Future, pending},
    pin::Pin,
};

use bytes::Bytes;
use redis::{Pipeline, PushInfo, PushKind, RedisResult, Value};
use silverback_hub::{EngineError, EngineEvent, Events, Position, Publication, TopicName};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    keys::{self, Keys},
    link::{Link, LinkError},
    message,
    settings::Settings,
    shared::{Answer, Current, Order, Shared, refused},
};

/// The topics that the hub is subscribed to, by their channels. They outlive the connections.
#[derive(Default)]
pub(crate) struct Subscriptions(HashMap<Bytes, Subscription>);

struct Subscription {
    name: TopicName,
    /// The position of the last publication that has arrived. A later one has a larger offset, or another epoch.
    arrived: Option<Position>,
}

/// The connection for subscriptions.
pub(crate) struct Listener<'a> {
    link: Link,
    /// The commands that were sent together, and wait for their replies.
    running: Option<Running>,
    subscriptions: &'a mut Subscriptions,
    shared: &'a Shared,
    settings: &'a Settings,
    /// What the engine uses once everything is subscribed.
    next: Option<Current>,
}

struct Running {
    replies: Pin<Box<dyn Future<Output = Replies> + Send>>,
    /// In the order of the replies.
    waiting: Vec<Waiting>,
}

type Replies = RedisResult<Vec<RedisResult<Value>>>;

enum Waiting {
    Ping,
    /// The ping after all subscriptions of a new connection.
    Ready,
    Subscribe(Bytes, Option<Answer<()>>),
    Unsubscribe(Answer<()>),
}

impl Subscriptions {
    /// Handles an order while there is no connection.
    pub(crate) fn change_while_down(&mut self, order: Order, shared: &Shared, settings: &Settings) {
        match order {
            Order::Subscribe(_, answer) => _ = answer.send(Err(EngineError::Down)),
            Order::Unsubscribe(name, answer) => {
                self.remove(&channel(settings, &name), shared);
                let _ = answer.send(Ok(()));
            }
        }
    }

    fn remove(&mut self, channel: &Bytes, shared: &Shared) {
        if let Some(subscription) = self.0.remove(channel) {
            shared.forget(&subscription.name);
        }
    }
}

impl<'a> Listener<'a> {
    pub(crate) fn new(
        link: Link,
        subscriptions: &'a mut Subscriptions,
        shared: &'a Shared,
        settings: &'a Settings,
        next: Current,
    ) -> Self {
        Self { link, running: None, subscriptions, shared, settings, next: Some(next) }
    }

    /// Subscribes to everything again, reports that the engine is up when that is done, and then what arrives, until the
    /// connection ends.
    pub(crate) async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>, events: &Events) -> LinkError {
        self.subscribe_again();
        let mut pings = interval(self.settings.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_idle = self.running.is_none();
            tokio::select! {
                // In this order: the driver reads on only when the hub has taken what was read before, so a flood waits in
                // the server, which has its own limit. And an answer that is there counts more than the clock.
                biased;
                Some(push) = self.link.pushes.recv() => {
                    if let Some(event) = self.handle(push) {
                        events.send(event).await;
                        // Nothing was read while the hub had no room.
                        self.link.heard.note();
                    }
                }
                () = &mut self.link.driver => return LinkError::Closed,
                replies = replies(&mut self.running) => match self.answer(replies) {
                    Ok(true) => {
                        self.shared.set_current(self.next.take());
                        events.send(EngineEvent::Up).await;
                    }
                    Ok(false) => {}
                    Err(error) => return error,
                },
                order = orders.recv(), if is_idle => match order {
                    Some(order) => self.change(order, orders),
                    // The engine was dropped.
                    None => return LinkError::Closed,
                },
                _ = pings.tick(), if is_idle => {
                    let mut commands = redis::pipe();
                    commands.cmd("PING");
                    self.ask(commands, vec![Waiting::Ping]);
                }
                () = self.link.heard.silence(self.settings.silence), if !is_idle => return LinkError::Silent,
            }
        }
    }

    /// Ends the calls that wait, and returns whether the engine was up.
    pub(crate) fn end(self) -> bool {
        for waiting in self.running.into_iter().flat_map(|running| running.waiting) {
            match waiting {
                Waiting::Subscribe(channel, Some(answer)) => {
                    // The hub is told that it is not subscribed.
                    self.subscriptions.remove(&channel, self.shared);
                    let _ = answer.send(Err(EngineError::Down));
                }
                Waiting::Unsubscribe(answer) => _ = answer.send(Ok(())),
                Waiting::Subscribe(_, None) | Waiting::Ping | Waiting::Ready => {}
            }
        }
        self.next.is_none()
    }

    fn subscribe_again(&mut self) {
        let (mut commands, mut waiting) = (redis::pipe(), Vec::new());
        let control = Bytes::from(keys::control(&self.settings.prefix));
        for channel in [&control].into_iter().chain(self.subscriptions.0.keys()) {
            commands.cmd("SSUBSCRIBE").arg(&channel[..]);
            waiting.push(Waiting::Subscribe(channel.clone(), None));
        }
        commands.cmd("PING");
        waiting.push(Waiting::Ready);
        self.ask(commands, waiting);
    }

    /// Sends an order, and the others that wait already.
    fn change(&mut self, first: Order, orders: &mut mpsc::Receiver<Order>) {
        let (mut commands, mut waiting) = (redis::pipe(), Vec::new());
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Subscribe(name, answer) => {
                    let channel = channel(self.settings, &name);
                    self.shared.watch(&name);
                    self.subscriptions.0.entry(channel.clone()).or_insert(Subscription { name, arrived: None });
                    commands.cmd("SSUBSCRIBE").arg(&channel[..]);
                    waiting.push(Waiting::Subscribe(channel, Some(answer)));
                }
                Order::Unsubscribe(name, answer) => {
                    let channel = channel(self.settings, &name);
                    self.subscriptions.remove(&channel, self.shared);
                    commands.cmd("SUNSUBSCRIBE").arg(&channel[..]);
                    waiting.push(Waiting::Unsubscribe(answer));
                }
            }
            next = if waiting.len() < TOGETHER { orders.try_recv().ok() } else { None };
        }
        self.ask(commands, waiting);
    }

    fn ask(&mut self, mut commands: Pipeline, waiting: Vec<Waiting>) {
        let mut connection = self.link.connection.clone();
        self.link.heard.note();
        let replies = Box::pin(async move { commands.ignore_errors().query_async(&mut connection).await });
        self.running = Some(Running { replies, waiting });
    }

    /// Handles the replies to what was sent together. Returns whether everything is subscribed again.
    fn answer(&mut self, replies: Replies) -> Result<bool, LinkError> {
        let replies = replies?;
        let Some(running) = self.running.take() else { return Ok(false) };
        let mut is_ready = false;
        let mut fault = None;
        for (waiting, reply) in running.waiting.into_iter().zip(replies) {
            match (waiting, reply) {
                (Waiting::Subscribe(channel, Some(answer)), Err(error)) => {
                    self.subscriptions.remove(&channel, self.shared);
                    let _ = answer.send(Err(refused(&error)));
                }
                // Redis confirms a subscription beside the replies.
                (Waiting::Subscribe(..), Ok(reply)) if !matches!(reply, Value::Push { .. }) => {
                    fault = Some(LinkError::Malformed);
                }
                (Waiting::Subscribe(_, Some(answer)) | Waiting::Unsubscribe(answer), Ok(_)) => {
                    let _ = answer.send(Ok(()));
                }
                // The hub counts on the rest, so a server that refuses it is of no use.
                (_, Err(error)) => fault = Some(error.into()),
                (Waiting::Ready, Ok(_)) => is_ready = true,
                (Waiting::Ping | Waiting::Subscribe(_, None), Ok(_)) => {}
            }
        }
        fault.map_or(Ok(is_ready), Err)
    }

    /// Returns the event that a message leads to. Confirmations of subscriptions come here, too, but they are handled as
    /// replies.
    fn handle(&mut self, push: PushInfo) -> Option<EngineEvent> {
        match (push.kind, <[Value; 2]>::try_from(push.data)) {
            (PushKind::SMessage, Ok([Value::BulkString(channel), Value::BulkString(payload)])) => {
                self.handle_message(&channel.into(), payload.into())
            }
            _ => None,
        }
    }

    fn handle_message(&mut self, channel: &Bytes, payload: Bytes) -> Option<EngineEvent> {
        let Some(subscription) = self.subscriptions.0.get_mut(channel) else {
            let is_control = *channel == keys::control(&self.settings.prefix);
            // Another channel was unsubscribed a moment ago.
            return is_control.then(|| EngineEvent::Control(payload));
        };
        let name = subscription.name.clone();
        let parsed = message::parse(&payload)
            .and_then(|(position, bytes)| Some(Publication::from_bytes(name.clone(), bytes).ok()?.at(position)));
        let Some(publication) = parsed else {
            tracing::warn!(name: "foreign_message_ignored", target: "silverback::hub::redis", topic = %name, "a publication was not made by a hub of this version");
            return Some(EngineEvent::Gap(Some(name)));
        };
        if let Some(position) = &publication.position {
            if !self.shared.note_arrival(&name, position, &mut subscription.arrived) {
                tracing::warn!(name: "data_lost", target: "silverback::hub::redis", topic = %name, "Redis came back with older data than it had, so the topic begins again");
                return Some(EngineEvent::Gap(Some(name)));
            }
        }
        let prev = publication.position.as_ref().map(|position| position.offset - 1);
        Some(EngineEvent::Delivered { publication, prev })
    }
}

/// Waits for the replies, or for ever if nothing was asked.
async fn replies(running: &mut Option<Running>) -> Replies {
    match running {
        Some(running) => (&mut running.replies).await,
        None => pending().await,
    }
}

fn channel(settings: &Settings, name: &TopicName) -> Bytes {
    Keys::new(&settings.prefix, name).channel().to_owned().into()
}

/// Orders that are sent together.
const TOGETHER: usize = 256;
