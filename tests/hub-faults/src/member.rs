//! A client of the Centrifugo protocol in JSON. It connects again and recovers, as the SDKs do, and keeps a log.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::{json, value::RawValue};
use silverback::{Conn, Dialer};
use tokio::{
    net::TcpSocket,
    sync::watch,
    task::JoinHandle,
    time::{sleep, sleep_until, timeout},
};

use crate::{
    scale::{TOPIC_PREFIX, topic_name},
    seen::{Recovery, Seen},
};

/// The handle of a member. Dropping it ends the member.
pub(crate) struct Member {
    notes: Arc<Mutex<Notes>>,
    orders: watch::Sender<Order>,
    task: JoinHandle<()>,
}

/// How a member connects, and what it wants.
#[derive(Clone)]
pub(crate) struct Wish {
    /// Tried one after the other.
    pub(crate) nodes: Arc<[SocketAddr]>,
    pub(crate) topics: Vec<usize>,
    /// The node that is tried first.
    pub(crate) first: usize,
    /// The shortest wait before it connects again.
    pub(crate) backoff: Duration,
    /// The size of the receive buffer in the kernel, for members that are to be slow.
    pub(crate) receive_buffer: Option<u32>,
    /// The time from which the publications count theirs.
    pub(crate) begun: Instant,
    pub(crate) latencies: Option<Arc<Latencies>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Read,
    /// Reads nothing until the next order.
    Pause,
    Leave,
}

/// The log of a member.
#[derive(Default)]
struct Notes {
    /// The id of the connection, while there is one.
    client: Option<String>,
    topics: BTreeMap<usize, Topic>,
    /// How connections ended: the close code and the reason, and how often.
    ends: BTreeMap<String, usize>,
    /// Breaches of the protocol by the server.
    faults: Vec<String>,
}

#[derive(Default)]
struct Topic {
    seen: Vec<Seen>,
    is_live: bool,
    /// Epoch and offset, as an SDK keeps them.
    position: Option<(Arc<str>, u64)>,
    newest: Option<usize>,
}

impl Member {
    pub(crate) fn start(wish: Wish) -> Self {
        let notes =
            Notes { topics: wish.topics.iter().map(|topic| (*topic, Topic::default())).collect(), ..Notes::default() };
        let notes = Arc::new(Mutex::new(notes));
        let (orders, order) = watch::channel(Order::Read);
        let life = Life { at: wish.first, wish, notes: notes.clone(), order, next_id: 0 };
        Self { notes, orders, task: tokio::spawn(life.run()) }
    }

    /// Stops reading, so that the server's messages pile up.
    pub(crate) fn pause(&self) {
        self.orders.send_replace(Order::Pause);
    }

    pub(crate) fn resume(&self) {
        self.orders.send_replace(Order::Read);
    }

    /// Closes the connection properly, and waits until that is done.
    pub(crate) async fn leave(&mut self) {
        self.orders.send_replace(Order::Leave);
        let _ = timeout(PATIENCE, &mut self.task).await;
    }

    /// Returns the id of the connection if all its topics are subscribed.
    pub(crate) fn live_client(&self) -> Option<String> {
        let notes = locked(&self.notes);
        notes.client.clone().filter(|_| notes.topics.values().all(|topic| topic.is_live))
    }

    /// Returns whether the member has seen this publication, or a later one.
    pub(crate) fn has_seen(&self, topic: usize, number: usize) -> bool {
        locked(&self.notes).topics.get(&topic).is_some_and(|topic| topic.newest >= Some(number))
    }

    pub(crate) fn topics(&self) -> Vec<usize> {
        locked(&self.notes).topics.keys().copied().collect()
    }

    pub(crate) fn seen(&self, topic: usize) -> Vec<Seen> {
        locked(&self.notes).topics.get(&topic).map(|topic| topic.seen.clone()).unwrap_or_default()
    }

    /// Returns how its connections ended, and how often.
    pub(crate) fn ends(&self) -> BTreeMap<String, usize> {
        locked(&self.notes).ends.clone()
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        locked(&self.notes).faults.clone()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of a member.
struct Life {
    wish: Wish,
    notes: Arc<Mutex<Notes>>,
    order: watch::Receiver<Order>,
    /// The node that is tried next.
    at: usize,
    /// Of the last command.
    next_id: u32,
}

/// What follows the end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Again,
    Never,
}

impl Life {
    async fn run(mut self) {
        let mut wait = self.wish.backoff;
        loop {
            if *self.order.borrow() == Order::Leave {
                return;
            }
            let node = self.wish.nodes[self.at % self.wish.nodes.len()];
            let next = match timeout(PATIENCE, self.dial(node)).await {
                Ok(Ok(conn)) => {
                    wait = self.wish.backoff;
                    self.talk(conn).await
                }
                Ok(Err(error)) => self.note_end(&error),
                Err(_) => self.note_end("no connection in time"),
            };
            if next == Next::Never {
                return;
            }
            self.at += 1;
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_BACKOFF);
        }
    }

    async fn dial(&self, node: SocketAddr) -> Result<Conn, String> {
        let socket = TcpSocket::new_v4().map_err(|error| error.to_string())?;
        if let Some(bytes) = self.wish.receive_buffer {
            socket.set_recv_buffer_size(bytes).map_err(|error| error.to_string())?;
        }
        let stream = socket.connect(node).await.map_err(|error| error.to_string())?;
        let url = format!("ws://{node}/connection/websocket");
        Dialer::new().dial_on(stream, url).await.map_err(|error| error.to_string())
    }

    async fn talk(&mut self, mut conn: Conn) -> Next {
        let end = self.session(&mut conn).await;
        let mut notes = locked(&self.notes);
        notes.client = None;
        for topic in notes.topics.values_mut().filter(|topic| topic.is_live) {
            topic.seen.push(Seen::Interrupted);
            topic.is_live = false;
        }
        drop(notes);
        match end {
            End::Left => Next::Never,
            End::Refused(why) => {
                locked(&self.notes).faults.push(why);
                Next::Never
            }
            End::Lost(why) => self.note_end(&why),
            End::Closed(code, reason) => {
                self.note_end(&format!("{code} {reason}"));
                // As the SDKs have it: 3000 to 3499 and 4000 to 4499 connect again, and so do codes of WebSocket itself.
                if matches!(code, 3500..=3999 | 4500..=4999) {
                    locked(&self.notes).faults.push(format!("closed for good with {code} {reason}"));
                    return Next::Never;
                }
                Next::Again
            }
        }
    }

    fn note_end(&self, why: &str) -> Next {
        *locked(&self.notes).ends.entry(why.to_owned()).or_default() += 1;
        Next::Again
    }

    async fn session(&mut self, conn: &mut Conn) -> End {
        let first = json!({ "id": self.new_id(), "connect": {} });
        if let Err(error) = conn.write_message(first.to_string()).await {
            return End::Lost(error.to_string());
        }
        // The ids of commands that wait for their reply.
        let mut asked = BTreeMap::new();
        // Topics to subscribe to again, after an error, and when.
        let (mut again, mut again_at) = (Vec::new(), Instant::now());
        let mut quiet = PATIENCE;
        loop {
            let order = *self.order.borrow_and_update();
            let message = tokio::select! {
                _ = self.order.changed() => continue,
                () = leave_at_once(order) => {
                    let _ = conn.close(1000, "").await;
                    return End::Left;
                }
                () = sleep_until(again_at.into()), if !again.is_empty() && order == Order::Read => {
                    let topics = std::mem::take(&mut again);
                    if let Err(end) = self.subscribe(conn, &topics, &mut asked).await {
                        return end;
                    }
                    continue;
                }
                read = timeout(quiet, conn.read_message()), if order == Order::Read => match read {
                    Err(_) => return End::Lost("no ping in time".to_owned()),
                    Ok(Ok(Some(message))) => message,
                    Ok(Ok(None)) => return closed(conn),
                    Ok(Err(error)) => match closed(conn) {
                        End::Closed(1005 | 1006, _) => return End::Lost(error.to_string()),
                        end => return end,
                    },
                },
            };
            let Some(text) = message.as_text() else { return End::Refused("a message that is not text".to_owned()) };
            if again.is_empty() {
                again_at = Instant::now() + RESUBSCRIBE;
            }
            for line in text.lines().filter(|line| !line.is_empty()) {
                let reply: Reply<'_> = match serde_json::from_str(line) {
                    Ok(reply) => reply,
                    Err(error) => return End::Refused(format!("{error}: {line}")),
                };
                let step = match reply {
                    Reply { push: Some(push), .. } => self.handle_push(push, &mut again),
                    Reply { id: 0, .. } => {
                        if let Err(error) = conn.write_message("{}").await {
                            return End::Lost(error.to_string());
                        }
                        Ok(())
                    }
                    Reply { connect: Some(connect), .. } => {
                        quiet = Duration::from_secs(connect.ping) + PING_GRACE;
                        locked(&self.notes).client = Some(connect.client);
                        self.subscribe(conn, &self.wish.topics.clone(), &mut asked).await
                    }
                    Reply { id, error: Some(error), .. } => match asked.remove(&id) {
                        Some((topic, _)) if error.temporary || error.code == INTERNAL => {
                            self.note_end(&format!("subscribe: error {} {}", error.code, error.message));
                            again.push(topic);
                            Ok(())
                        }
                        _ => Err(End::Refused(format!("error {} {}", error.code, error.message))),
                    },
                    Reply { id, subscribe: Some(subscribed), .. } => match asked.remove(&id) {
                        Some((topic, is_recovering)) => self.handle_subscribed(topic, is_recovering, subscribed),
                        None => Err(End::Refused("a reply to nothing".to_owned())),
                    },
                    Reply { .. } => Err(End::Refused(format!("an unknown reply: {line}"))),
                };
                if let Err(end) = step {
                    return end;
                }
            }
        }
    }

    fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends one message with a command for each topic.
    async fn subscribe(
        &mut self,
        conn: &mut Conn,
        topics: &[usize],
        asked: &mut BTreeMap<u32, (usize, bool)>,
    ) -> Result<(), End> {
        let mut commands = String::new();
        for topic in topics {
            let id = self.new_id();
            let position = locked(&self.notes).topics.get(topic).and_then(|topic| topic.position.clone());
            asked.insert(id, (*topic, position.is_some()));
            let channel = topic_name(*topic);
            let command = match position {
                Some((epoch, offset)) => {
                    json!({ "channel": channel, "recover": true, "epoch": &*epoch, "offset": offset })
                }
                None => json!({ "channel": channel }),
            };
            commands += &json!({ "id": id, "subscribe": command }).to_string();
            commands.push('\n');
        }
        conn.write_message(commands).await.map_err(|error| End::Lost(error.to_string()))
    }

    fn handle_subscribed(&self, topic: usize, is_recovering: bool, subscribed: Subscribed<'_>) -> Result<(), End> {
        if !subscribed.recoverable {
            return Err(End::Refused("a topic with history that cannot be recovered".to_owned()));
        }
        let epoch: Arc<str> = subscribed.epoch.into();
        let recovery = match (is_recovering, subscribed.recovered) {
            (false, _) => Recovery::NotAsked,
            (true, true) => Recovery::Complete,
            (true, false) => Recovery::Incomplete,
        };
        let mut notes = locked(&self.notes);
        let Some(topic) = notes.topics.get_mut(&topic) else { return Ok(()) };
        topic.is_live = true;
        topic.position = Some((epoch.clone(), subscribed.offset));
        topic.seen.push(Seen::Subscribed { epoch, offset: subscribed.offset, recovery });
        for publication in subscribed.publications {
            topic.receive(&publication)?;
        }
        Ok(())
    }

    fn handle_push(&self, push: Push<'_>, again: &mut Vec<usize>) -> Result<(), End> {
        if let Some(disconnect) = push.disconnect {
            return Err(End::Closed(disconnect.code, disconnect.reason));
        }
        let mut notes = locked(&self.notes);
        let number = push.channel.strip_prefix(TOPIC_PREFIX).and_then(|number| number.parse().ok());
        let found = number.and_then(|number| notes.topics.get_mut(&number).map(|topic| (number, topic)));
        let Some((number, topic)) = found else {
            return Err(End::Refused(format!("a push of `{}`", push.channel)));
        };
        if let Some(publication) = push.publication {
            let sent = topic.receive(&publication)?;
            if let Some(latencies) = &self.wish.latencies {
                latencies.note(self.wish.begun.elapsed().saturating_sub(Duration::from_micros(sent)));
            }
        }
        if let Some(unsubscribe) = push.unsubscribe {
            topic.is_live = false;
            topic.seen.push(Seen::Interrupted);
            if unsubscribe.code < FIRST_TEMPORARY_UNSUBSCRIPTION {
                return Err(End::Refused(format!("unsubscribed with {} {}", unsubscribe.code, unsubscribe.reason)));
            }
            let why = format!("unsubscribed with {} {}", unsubscribe.code, unsubscribe.reason);
            *notes.ends.entry(why).or_default() += 1;
            again.push(number);
        }
        Ok(())
    }
}

impl Topic {
    /// Notes a publication. Returns when it was sent.
    fn receive(&mut self, publication: &Publication<'_>) -> Result<u64, End> {
        let payload: Payload = match serde_json::from_str(publication.data.get()) {
            Ok(payload) => payload,
            Err(error) => return Err(End::Refused(format!("an unknown payload: {error}"))),
        };
        self.seen.push(Seen::Received { number: payload.number, offset: publication.offset });
        self.newest = self.newest.max(Some(payload.number));
        if let Some((_, offset)) = &mut self.position {
            *offset = publication.offset;
        }
        Ok(payload.sent)
    }
}

/// Why a connection ended.
enum End {
    /// The member has left.
    Left,
    /// No Close frame came.
    Lost(String),
    Closed(u16, String),
    /// The server broke the protocol.
    Refused(String),
}

fn closed(conn: &Conn) -> End {
    match conn.close_info() {
        Some(info) => End::Closed(info.code.get(), info.reason.into_owned()),
        None => End::Lost("it ended".to_owned()),
    }
}

async fn leave_at_once(order: Order) {
    if order != Order::Leave {
        std::future::pending().await
    }
}

fn locked(notes: &Mutex<Notes>) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long publications took to arrive, for several members together.
#[derive(Default)]
pub(crate) struct Latencies(Mutex<Vec<Duration>>, AtomicUsize);

impl Latencies {
    /// Begins anew, and returns the sorted latencies so far.
    pub(crate) fn take(&self) -> Vec<Duration> {
        let mut taken = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        taken.sort_unstable();
        taken
    }

    /// Notes one of ten, which is enough for a percentile.
    fn note(&self, latency: Duration) {
        if self.1.fetch_add(1, Ordering::Relaxed) % 10 == 0 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        }
    }
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default)]
    id: u32,
    error: Option<Fault>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
    connect: Option<Connected>,
    #[serde(borrow)]
    subscribe: Option<Subscribed<'a>>,
}

#[derive(Deserialize)]
struct Fault {
    code: u32,
    #[serde(default)]
    message: String,
    #[serde(default)]
    temporary: bool,
}

#[derive(Deserialize)]
struct Connected {
    client: String,
    /// In seconds.
    #[serde(default)]
    ping: u64,
}

#[derive(Deserialize)]
struct Subscribed<'a> {
    #[serde(default)]
    recoverable: bool,
    #[serde(default)]
    recovered: bool,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    offset: u64,
    #[serde(borrow, default)]
    publications: Vec<Publication<'a>>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(default)]
    channel: String,
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
    unsubscribe: Option<Ended>,
    disconnect: Option<Ended>,
}

#[derive(Deserialize)]
struct Ended {
    #[serde(default)]
    code: u16,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct Publication<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    #[serde(default)]
    offset: u64,
}

#[derive(Deserialize)]
struct Payload {
    number: usize,
    /// In microseconds since the beginning.
    sent: u64,
}

/// How long a connection may take, and the reply to `connect`.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much later than announced a ping may come, as in centrifuge-js.
const PING_GRACE: Duration = Duration::from_secs(10);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// The wait before a subscription is tried again.
const RESUBSCRIBE: Duration = Duration::from_millis(500);
/// The error code of a server that failed.
const INTERNAL: u32 = 100;
/// Clients subscribe again after this code or a higher one.
const FIRST_TEMPORARY_UNSUBSCRIPTION: u16 = 2500;
