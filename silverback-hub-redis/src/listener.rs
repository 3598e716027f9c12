//! The connection for subscriptions: one for each topic, and that of the messages between hubs.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use silverback_hub::{EngineError, EngineEvent, Events, Position, Publication, TopicName};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    keys::{self, Keys},
    link::{Link, LinkError},
    message,
    resp::{Value, command},
    settings::Settings,
    shared::{Answer, Current, Order, Shared},
};

/// The topics that the hub is subscribed to, by their channels. They outlive the connections.
#[derive(Default)]
pub(crate) struct Subscriptions(HashMap<Bytes, Subscription>);

struct Subscription {
    name: TopicName,
    /// The position of the last publication that has arrived. A later one has a larger offset, or another epoch.
    arrived: Option<Position>,
}

/// The connection for subscriptions, with the commands that wait for a reply.
pub(crate) struct Listener<'a> {
    link: Link,
    /// In the order of the replies.
    waiting: VecDeque<Waiting>,
    subscriptions: &'a mut Subscriptions,
    shared: &'a Shared,
    settings: &'a Settings,
    /// What the engine uses once everything is subscribed.
    next: Option<Current>,
}

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
                self.0.remove(&channel(settings, &name));
                shared.forget(&name);
                let _ = answer.send(Ok(()));
            }
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
        Self { link, waiting: VecDeque::new(), subscriptions, shared, settings, next: Some(next) }
    }

    /// Subscribes to everything again, reports that the engine is up when that is done, and then what arrives, until the
    /// connection ends.
    pub(crate) async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>, events: &Events) -> LinkError {
        self.subscribe_again();
        let mut pings = interval(self.settings.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                value = self.link.next() => match value.and_then(|value| self.handle(value)) {
                    Ok(Some(Step::Report(event))) => events.send(event).await,
                    Ok(Some(Step::Ready)) => {
                        self.shared.set_current(self.next.take());
                        events.send(EngineEvent::Up).await;
                    }
                    Ok(None) => {}
                    Err(error) => return error,
                },
                Some(order) = orders.recv() => self.change(order),
                _ = pings.tick() => if self.link.unanswered() == 0 {
                    self.send(["PING"], Waiting::Ping);
                },
            }
        }
    }

    /// Whether the engine was up.
    pub(crate) fn was_ready(&self) -> bool {
        self.next.is_none()
    }

    /// Ends the calls that wait.
    pub(crate) fn fail_all(&mut self) {
        for waiting in self.waiting.drain(..) {
            match waiting {
                Waiting::Subscribe(channel, Some(answer)) => {
                    // The hub was told that it is not subscribed.
                    if let Some(subscription) = self.subscriptions.0.remove(&channel) {
                        self.shared.forget(&subscription.name);
                    }
                    let _ = answer.send(Err(EngineError::Down));
                }
                Waiting::Unsubscribe(answer) => _ = answer.send(Ok(())),
                Waiting::Subscribe(_, None) | Waiting::Ping | Waiting::Ready => {}
            }
        }
    }

    fn subscribe_again(&mut self) {
        let control = Bytes::from(keys::control(&self.settings.prefix));
        let topics: Vec<_> = self.subscriptions.0.keys().cloned().collect();
        for channel in [control].into_iter().chain(topics) {
            self.send([b"SSUBSCRIBE", &channel[..]], Waiting::Subscribe(channel.clone(), None));
        }
        self.send(["PING"], Waiting::Ready);
    }

    fn change(&mut self, order: Order) {
        match order {
            Order::Subscribe(name, answer) => {
                let channel = channel(self.settings, &name);
                self.shared.watch(&name);
                self.subscriptions.0.entry(channel.clone()).or_insert(Subscription { name, arrived: None });
                self.send([b"SSUBSCRIBE", &channel[..]], Waiting::Subscribe(channel.clone(), Some(answer)));
            }
            Order::Unsubscribe(name, answer) => {
                let channel = channel(self.settings, &name);
                self.shared.forget(&name);
                if self.subscriptions.0.remove(&channel).is_some() {
                    self.send([b"SUNSUBSCRIBE", &channel[..]], Waiting::Unsubscribe(answer));
                } else {
                    let _ = answer.send(Ok(()));
                }
            }
        }
    }

    fn send<A: AsRef<[u8]>, const N: usize>(&mut self, arguments: [A; N], waiting: Waiting) {
        self.link.push(&command(arguments));
        self.waiting.push_back(waiting);
    }

    fn handle(&mut self, value: Value) -> Result<Option<Step>, LinkError> {
        match value {
            Value::Push(items) => self.handle_push(items),
            Value::Error(error) => match self.waiting.pop_front() {
                Some(Waiting::Subscribe(channel, Some(answer))) => {
                    if let Some(subscription) = self.subscriptions.0.remove(&channel) {
                        self.shared.forget(&subscription.name);
                    }
                    let _ = answer.send(Err(refused(&error)));
                    Ok(None)
                }
                // The hub counts on these, so a server that refuses them is of no use.
                _ => Err(LinkError::Refused(crate::link::code(&error))),
            },
            _ => match self.waiting.pop_front() {
                Some(Waiting::Ping) => Ok(None),
                Some(Waiting::Ready) => Ok(Some(Step::Ready)),
                _ => Err(LinkError::Malformed),
            },
        }
    }

    fn handle_push(&mut self, items: Vec<Value>) -> Result<Option<Step>, LinkError> {
        let [kind, channel, payload] = &items[..] else { return Ok(None) };
        match (kind.as_str(), channel.as_text(), payload) {
            (Some("smessage"), Some(channel), Value::Text(payload)) => Ok(self.handle_message(channel, payload)),
            (Some("ssubscribe"), ..) => match self.waiting.pop_front() {
                Some(Waiting::Subscribe(_, answer)) => {
                    if let Some(answer) = answer {
                        let _ = answer.send(Ok(()));
                    }
                    Ok(None)
                }
                _ => Err(LinkError::Malformed),
            },
            (Some("sunsubscribe"), ..) => match self.waiting.pop_front() {
                Some(Waiting::Unsubscribe(answer)) => {
                    let _ = answer.send(Ok(()));
                    Ok(None)
                }
                _ => Err(LinkError::Malformed),
            },
            _ => Ok(None),
        }
    }

    fn handle_message(&mut self, channel: &Bytes, payload: &Bytes) -> Option<Step> {
        let Some(subscription) = self.subscriptions.0.get_mut(channel) else {
            let is_control = *channel == keys::control(&self.settings.prefix);
            // Another channel was unsubscribed a moment ago.
            return is_control.then(|| Step::Report(EngineEvent::Control(Bytes::copy_from_slice(payload))));
        };
        let name = subscription.name.clone();
        let parsed = message::parse(payload)
            .and_then(|(position, bytes)| Some(Publication::from_bytes(name.clone(), bytes).ok()?.at(position)));
        let Some(publication) = parsed else {
            tracing::warn!(topic = %name, "a publication was not made by a hub of this version");
            return Some(Step::Report(EngineEvent::Gap(Some(name))));
        };
        if let Some(position) = &publication.position {
            if !self.shared.note_arrival(&name, position, &mut subscription.arrived) {
                tracing::warn!(topic = %name, "Redis came back with older data than it had, so the topic begins again");
                return Some(Step::Report(EngineEvent::Gap(Some(name))));
            }
        }
        let prev = publication.position.as_ref().map(|position| position.offset - 1);
        Some(Step::Report(EngineEvent::Delivered { publication, prev }))
    }
}

/// What a value of the server leads to.
enum Step {
    Report(EngineEvent),
    Ready,
}

/// The error of a command, for the application.
pub(crate) fn refused(error: &[u8]) -> EngineError {
    let text: String = String::from_utf8_lossy(error).chars().take(LONGEST).collect();
    EngineError::Other(format!("Redis refuses: {text}").into())
}

fn channel(settings: &Settings, name: &TopicName) -> Bytes {
    Keys::new(&settings.prefix, name).channel().to_owned().into()
}

/// Characters of an error that are passed on.
const LONGEST: usize = 200;
