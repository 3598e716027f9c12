//! The connection to the broker: whether it is up, requests, and their replies.
//!
//! Replies come to one subject of this node. Each request has a number there. A request that is dropped, answered or
//! given up leaves nothing behind.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{Client, Event, HeaderMap, Message, Subscriber, client::PublishErrorKind};
use bytes::Bytes;
use futures_util::StreamExt as _;
use serde_json::Value;
use silverback_hub::EngineError;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};

/// Where requests go, and their replies come from.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) signals: Arc<Signals>,
    /// The subject of replies, without the number.
    replies: String,
    next: AtomicU64,
    waiting: Arc<Waiting>,
    /// The broker is connected, and everything on it was checked.
    is_up: AtomicBool,
}

/// What the client has reported since somebody looked.
#[derive(Default)]
pub(crate) struct Signals {
    /// Messages were dropped because a subscription's channel was full.
    is_slow: AtomicBool,
    is_lost: AtomicBool,
    something: Notify,
    /// So that a fault that repeats is logged once.
    last_error: Mutex<String>,
}

/// The requests that wait for replies.
#[derive(Default)]
struct Waiting(Mutex<HashMap<u64, mpsc::UnboundedSender<Message>>>);

/// A request that was sent. Dropping it gives it up.
pub(crate) struct Request {
    number: u64,
    waiting: Arc<Waiting>,
    replies: mpsc::UnboundedReceiver<Message>,
    until: Instant,
}

impl Link {
    /// `replies` is a subject of this node alone.
    pub(crate) fn new(client: Client, signals: Arc<Signals>, replies: String) -> Self {
        Self {
            client,
            signals,
            replies,
            next: AtomicU64::new(0),
            waiting: Arc::default(),
            is_up: AtomicBool::new(false),
        }
    }

    /// The subject that [`dispatch`](Self::dispatch) needs.
    pub(crate) fn all_replies(&self) -> String {
        format!("{}.*", self.replies)
    }

    /// Hands replies to those that wait, until the client ends.
    pub(crate) async fn dispatch(self: Arc<Self>, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
            if let Some(number) = number {
                self.waiting.answer(number, message);
            }
        }
    }

    /// Fails at once while the broker is down.
    pub(crate) fn up(&self) -> Result<(), EngineError> {
        if self.is_up.load(Ordering::Acquire) { Ok(()) } else { Err(EngineError::Down) }
    }

    /// Sets whether the broker is up. When it goes down, the requests that wait have no answer any more.
    pub(crate) fn set_up(&self, is_up: bool) {
        self.is_up.store(is_up, Ordering::Release);
        if !is_up {
            self.waiting.clear();
        }
    }

    /// Sends a message that nobody answers.
    pub(crate) async fn send(&self, subject: String, payload: Bytes) -> Result<(), EngineError> {
        let sent = self.client.publish(subject, payload);
        timeout_at(until(REPLY), sent).await.map_err(|_| EngineError::TimedOut)?.map_err(refused)
    }

    /// Sends a request.
    pub(crate) async fn ask(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Request, EngineError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::unbounded_channel();
        self.waiting.add(number, sender);
        let request = Request { number, waiting: self.waiting.clone(), replies, until: until(REPLY) };
        let reply = format!("{}.{number}", self.replies);
        let sent = self.client.publish_with_reply_and_headers(subject, reply, headers, payload);
        timeout_at(request.until, sent).await.map_err(|_| EngineError::TimedOut)?.map_err(refused)?;
        Ok(request)
    }

    /// Waits until the broker has handled everything that was sent before: a message to this node comes back.
    pub(crate) async fn settle(&self) -> Result<(), EngineError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, replies) = mpsc::unbounded_channel();
        self.waiting.add(number, sender);
        let mut request = Request { number, waiting: self.waiting.clone(), replies, until: until(REPLY) };
        self.send(format!("{}.{number}", self.replies), Bytes::new()).await?;
        request.reply().await.map(drop)
    }

    /// Calls the JetStream API. An error of the API is `Ok` too: its `error` says what it is.
    pub(crate) async fn api(&self, call: &str, body: &Value) -> Result<Value, EngineError> {
        let subject = format!("$JS.API.{call}");
        let reply = self.ask(subject, HeaderMap::new(), body.to_string().into()).await?.reply().await?;
        if is_unanswered(&reply) {
            return Ok(serde_json::json!({ "error": { "code": NO_RESPONDERS, "description": NO_JETSTREAM } }));
        }
        serde_json::from_slice(&reply.payload).map_err(|_| other("JetStream's answer is not JSON"))
    }
}

impl Request {
    /// Waits for the next reply. Fails if the connection is lost first, or no reply comes in time.
    pub(crate) async fn reply(&mut self) -> Result<Message, EngineError> {
        match timeout_at(self.until, self.replies.recv()).await {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(EngineError::Down),
            Err(_) => Err(EngineError::TimedOut),
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.waiting.remove(self.number);
    }
}

impl Waiting {
    fn add(&self, number: u64, sender: mpsc::UnboundedSender<Message>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number, sender);
    }

    fn remove(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    }

    fn answer(&self, number: u64, message: Message) {
        if let Some(sender) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&number) {
            // Whoever asked may have gone.
            let _ = sender.send(message);
        }
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Signals {
    /// Notes an event of the client.
    pub(crate) fn note(&self, event: &Event) {
        match event {
            Event::SlowConsumer(_) => self.is_slow.store(true, Ordering::Release),
            Event::Disconnected | Event::Closed => self.is_lost.store(true, Ordering::Release),
            Event::ServerError(_) | Event::ClientError(_) => {
                let text = event.to_string();
                let mut last = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
                if *last != text {
                    tracing::warn!(name: "server_reports", target: "silverback::hub::nats", %text, "the NATS server or the connection to it reports an error");
                    *last = text;
                }
                return;
            }
            Event::Connected => self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clear(),
            _ => return,
        }
        self.something.notify_one();
    }

    /// Waits for the next event.
    pub(crate) async fn something(&self) {
        self.something.notified().await;
    }

    /// Returns whether messages were dropped since the last call.
    pub(crate) fn take_slow(&self) -> bool {
        self.is_slow.swap(false, Ordering::AcqRel)
    }

    /// Returns whether the connection was lost since the last call.
    pub(crate) fn take_lost(&self) -> bool {
        self.is_lost.swap(false, Ordering::AcqRel)
    }
}

/// Returns whether the server says that nobody answers this subject.
pub(crate) fn is_unanswered(message: &Message) -> bool {
    message.status.is_some_and(|status| u64::from(status.as_u16()) == NO_RESPONDERS)
}

/// Reads a number from a message's header.
pub(crate) fn number(message: &Message, header: &str) -> Option<u64> {
    message.headers.as_ref()?.get(header)?.as_str().parse().ok()
}

pub(crate) fn other(why: impl Into<String>) -> EngineError {
    EngineError::Other(why.into().into())
}

fn refused(error: async_nats::client::PublishError) -> EngineError {
    match error.kind() {
        // The client has ended.
        PublishErrorKind::Send => EngineError::Down,
        PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::InvalidSubject => other(error.to_string()),
    }
}

fn until(lasts: Duration) -> Instant {
    Instant::now() + lasts
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("is_up", &self.up().is_ok()).finish_non_exhaustive()
    }
}

/// How long a reply may take. The hub gives up a call after 10 s, so there is time for a second attempt.
const REPLY: Duration = Duration::from_secs(3);
/// The status of a request whose subject nobody listens to.
pub(crate) const NO_RESPONDERS: u64 = 503;
const NO_JETSTREAM: &str = "JetStream does not answer; it may be off, or have no leader yet";

#[cfg(test)]
mod tests {
    use super::{Request, Waiting, mpsc, until};
    use std::{sync::Arc, time::Duration};

    #[test]
    fn a_request_that_is_given_up_leaves_nothing_behind() {
        let waiting: Arc<Waiting> = Arc::default();
        let (sender, replies) = mpsc::unbounded_channel();
        waiting.add(7, sender);
        drop(Request { number: 7, waiting: waiting.clone(), replies, until: until(Duration::ZERO) });
        assert!(waiting.0.lock().expect("no panic").is_empty());
    }
}
