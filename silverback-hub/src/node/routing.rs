//! The topics with members on this node, their subscriptions, and the way of publications to the shards.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use silverback::Writer;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    asked::Asked,
    commands::{Command, Delivery, Job},
    control::{Control, Order},
    counting::Counting,
    joined::Joined,
    waiters::Replays,
};
use crate::{
    clock,
    encoding::Encoding,
    engine::{
        Engine, EngineFuture, Lease,
        event::EngineEvent,
        events::{Receive, Room},
    },
    model::{
        error::{EngineError, HubError},
        event::HubEvent,
        glob,
        identity::{Identity, MemberId},
        limits::{LimitError, Limits},
        name::TopicName,
        pattern::Patterns,
        publication::Publication,
        status::{LocalTopic, LocalTopics, Status},
        target::Target,
        topic::Topic,
    },
    random,
    topics::{
        recovery::Replay,
        stream::{Arrival, Stream},
    },
};

/// The state that all handles and tasks of a node share.
pub(crate) struct Node {
    pub(crate) engine: Box<dyn Engine>,
    pub(crate) limits: Limits,
    pub(crate) counting: Counting,
    patterns: Patterns,
    /// The topics with members, in several maps so that their locks are rarely contended.
    stripes: Vec<Mutex<HashMap<TopicName, Entry>>>,
    hasher: RandomState,
    shards: Vec<mpsc::UnboundedSender<Command>>,
    jobs: mpsc::UnboundedSender<Job>,
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) begun: Instant,
    /// How long a member is present without being renewed.
    pub(super) lease: Duration,
    pub(super) replays: Replays,
    pub(super) asked: Asked,
    /// Members of each user.
    users: Mutex<HashMap<Arc<str>, usize>>,
    next_member: AtomicU64,
    is_up: AtomicBool,
    is_draining: AtomicBool,
}

/// A topic with members on this node.
pub(super) struct Entry {
    options: Arc<Topic>,
    /// Subscriptions in all shards, and those that are on their way there.
    pub(super) subscribers: usize,
    /// The same for each shard.
    in_shard: Box<[u32]>,
    pub(super) stream: Stream,
    /// Who is present here, in topics with presence.
    pub(super) present: HashMap<MemberId, Identity>,
    /// Makes calls of the engine about this subscription one at a time. Holds whether it is subscribed.
    pub(super) gate: Arc<tokio::sync::Mutex<bool>>,
}

/// Why a member was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The node has as many members as its limit allows.
    Node,
    /// The user has.
    User,
}

/// A subscription that is counted and has not reached its shard yet. Dropping it takes it back.
pub(crate) struct Entered {
    node: Arc<Node>,
    name: TopicName,
    member: MemberId,
    identity: Identity,
    is_done: bool,
}

impl Node {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        patterns: Patterns,
        limits: Limits,
        shards: Vec<mpsc::UnboundedSender<Command>>,
        jobs: mpsc::UnboundedSender<Job>,
        name: String,
        lease: Duration,
    ) -> Self {
        Self {
            engine,
            counting: Counting::new(limits.events),
            patterns,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shards,
            jobs,
            id: random::number(),
            name,
            begun: clock::now(),
            lease,
            replays: Replays::default(),
            asked: Asked::default(),
            users: Mutex::default(),
            next_member: AtomicU64::new(1),
            is_up: AtomicBool::new(false),
            is_draining: AtomicBool::new(false),
            limits,
        }
    }

    /// Waits for a call of the engine, with a time limit.
    pub(crate) async fn call<T>(&self, call: EngineFuture<'_, T>) -> Result<T, EngineError> {
        let called = timeout(CALL_TIMEOUT, call).await.unwrap_or(Err(EngineError::TimedOut));
        if let Err(error) = &called {
            self.counting.engine_failed(error);
        }
        called
    }

    /// Adds a member.
    pub(crate) fn join(
        &self,
        identity: Identity,
        writer: Writer,
        encoding: Arc<dyn Encoding>,
    ) -> Result<Arc<Joined>, Full> {
        let limit = self.limits.members as u64;
        let count = &self.counting.members;
        count
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |members| (members < limit).then_some(members + 1))
            .map_err(|_| Full::Node)?;
        if let Some(user) = identity.shared_user() {
            let mut users = self.lock_users();
            let members = users.get(&user).copied().unwrap_or(0);
            if members >= self.limits.members_per_user {
                count.fetch_sub(1, Ordering::Relaxed);
                return Err(Full::User);
            }
            users.insert(user, members + 1);
        }
        let member = Arc::new(Joined::new(self.unused_id(), identity));
        self.send(member.id(), Command::Join { member: member.clone(), writer, encoding });
        Ok(member)
    }

    /// Uncounts a member that its shard has removed.
    pub(super) fn forget(&self, member: &Joined) {
        self.counting.members.fetch_sub(1, Ordering::Relaxed);
        let Some(user) = member.identity().user_id() else { return };
        let mut users = self.lock_users();
        let left = users.get_mut(user).map(|members| {
            *members -= 1;
            *members
        });
        if left == Some(0) {
            users.remove(user);
        }
    }

    /// Returns the number of different users.
    pub(super) fn users(&self) -> u64 {
        self.lock_users().len() as u64
    }

    fn lock_users(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an id for a connection that was refused.
    pub(crate) fn unused_id(&self) -> MemberId {
        MemberId::new(self.id, self.next_member.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends a command to the shard of a member. Returns `false` if the tasks have ended with their runtime.
    pub(crate) fn send(&self, member: MemberId, command: Command) -> bool {
        self.shards[self.shard_of(member)].send(command).is_ok()
    }

    pub(crate) fn send_to_all(&self, command: impl Fn() -> Command) {
        for shard in &self.shards {
            // A shard that has ended has no members.
            let _ = shard.send(command());
        }
    }

    /// Returns the number of shards.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(crate) fn options(&self, name: &TopicName) -> &Arc<Topic> {
        self.patterns.options(name.as_str())
    }

    pub(crate) fn is_up(&self) -> bool {
        self.is_up.load(Ordering::Acquire)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(crate) fn begin_drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Returns the number of subscriptions of a topic on this node.
    pub(crate) fn subscribers(&self, name: &TopicName) -> usize {
        self.stripe(name).get(name).map_or(0, |entry| entry.subscribers)
    }

    /// Counts a subscription, and subscribes the engine if it is the first one of the topic.
    pub(crate) async fn enter(self: &Arc<Self>, name: &TopicName, member: &Joined) -> Result<Entered, HubError> {
        let (entered, gate) = self.count(name, member)?;
        let mut is_subscribed = gate.lock().await;
        if !*is_subscribed {
            // A stream from before the last unsubscription does not know the publications since then.
            if let Some(entry) = self.stripe(name).get_mut(name) {
                entry.stream = Stream::default();
            }
            let position = self.call(self.engine.subscribe(name, self.options(name))).await?;
            if let Some(entry) = self.stripe(name).get_mut(name) {
                entry.stream.start(position);
            }
            *is_subscribed = true;
        }
        drop(is_subscribed);
        Ok(entered)
    }

    fn count(
        self: &Arc<Self>,
        name: &TopicName,
        member: &Joined,
    ) -> Result<(Entered, Arc<tokio::sync::Mutex<bool>>), HubError> {
        let shard = self.shard_of(member.id());
        let mut stripe = self.stripe(name);
        if !stripe.contains_key(name) {
            let topics = &self.counting.topics;
            let limit = self.limits.topics as u64;
            topics
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |topics| (topics < limit).then_some(topics + 1))
                .map_err(|_| LimitError::Topics(self.limits.topics))?;
            let entry = Entry {
                options: self.options(name).clone(),
                subscribers: 0,
                in_shard: vec![0; self.shards.len()].into(),
                stream: Stream::default(),
                present: HashMap::new(),
                gate: Arc::default(),
            };
            stripe.insert(name.clone(), entry);
        }
        let Some(entry) = stripe.get_mut(name) else { return Err(HubError::Stopped) };
        entry.subscribers += 1;
        entry.in_shard[shard] += 1;
        self.counting.subscriptions.fetch_add(1, Ordering::Relaxed);
        let gate = entry.gate.clone();
        drop(stripe);
        let (name, member, identity) = (name.clone(), member.id(), member.identity().clone());
        Ok((Entered { node: self.clone(), name, member, identity, is_done: false }, gate))
    }

    /// Uncounts a subscription that its shard has removed.
    pub(crate) fn leave(&self, name: &TopicName, member: MemberId) {
        let shard = self.shard_of(member);
        let mut stripe = self.stripe(name);
        let Some(entry) = stripe.get_mut(name) else { return };
        entry.subscribers -= 1;
        entry.in_shard[shard] -= 1;
        self.counting.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if entry.present.remove(&member).is_some() {
            self.job(Job::Release(name.clone(), member));
        }
        if entry.subscribers == 0 {
            self.job(Job::Unsubscribe(name.clone()));
        }
    }

    /// Tells the engine that a subscribed member is present.
    pub(crate) async fn lease(&self, name: &TopicName, member: &Joined) -> Result<(), EngineError> {
        let lease = Lease::new(name.clone(), member.id(), member.identity().clone());
        self.call(self.engine.lease(vec![lease], self.lease)).await?;
        let member = member.id();
        let is_gone = self.stripe(name).get(name).is_none_or(|entry| !entry.present.contains_key(&member));
        if is_gone {
            // It left before the engine knew that it had come.
            self.job(Job::Release(name.clone(), member));
        }
        Ok(())
    }

    /// Returns the members of this node, once the commands before this call have been handled.
    pub(crate) async fn members(&self) -> Vec<MemberId> {
        let mut members = Vec::new();
        for shard in &self.shards {
            let (reply, answer) = oneshot::channel();
            if shard.send(Command::Members(reply)).is_ok() {
                members.extend(answer.await.unwrap_or_default());
            }
        }
        members
    }

    /// Returns the topics with members here that match, at most `limit` of them, and whether there are more.
    pub(super) fn topics_with_members(
        &self,
        limit: usize,
        matches: impl Fn(&str) -> bool,
    ) -> (Vec<(TopicName, u64)>, bool) {
        let mut found = Vec::new();
        for number in 0..STRIPES {
            let stripe = self.locked(number);
            for (name, entry) in stripe.iter().filter(|(name, entry)| entry.subscribers > 0 && matches(name.as_str())) {
                if found.len() >= limit {
                    return (found, true);
                }
                found.push((name.clone(), entry.subscribers as u64));
            }
        }
        (found, false)
    }

    /// Returns the topics with members here that match, those with the most subscribers first.
    pub(crate) fn local_topics(&self, pattern: &str, limit: usize) -> LocalTopics {
        let mut all = LocalTopics::default();
        for number in 0..STRIPES {
            let stripe = self.locked(number);
            let matching = stripe.iter().filter(|(name, entry)| {
                entry.subscribers > 0 && (pattern.is_empty() || glob::matches(pattern, name.as_str()))
            });
            let before = all.topics.len();
            all.topics.extend(matching.map(|(name, entry)| LocalTopic {
                name: name.clone(),
                subscribers: entry.subscribers,
                position: entry.stream.position().cloned(),
            }));
            drop(stripe);
            all.total += all.topics.len() - before;
            // After each part, so that a node with a million topics does not copy them all.
            all.topics.sort_by(|a, b| b.subscribers.cmp(&a.subscribers).then_with(|| a.name.cmp(&b.name)));
            all.topics.truncate(limit);
        }
        all
    }

    pub(crate) fn status(&self) -> Status {
        let others = self.asked.nodes().into_iter().filter(|node| *node != self.id).count();
        self.counting.status(self.is_up(), others + 1)
    }

    /// Ends the node after its last handle: the engine hears about the members that have left.
    pub(crate) async fn end(&self) {
        self.begin_drain();
        // Asked, so that the shards have come to the last member.
        self.members().await;
        self.idle().await;
        self.say_goodbye().await;
    }

    /// Waits until the engine knows about the members that have left.
    pub(crate) async fn idle(&self) {
        let (reply, answer) = oneshot::channel();
        self.job(Job::Idle(reply));
        let _ = timeout(CALL_TIMEOUT, answer).await;
    }

    pub(super) fn job(&self, job: Job) {
        // Without its keeper the runtime has ended.
        let _ = self.jobs.send(job);
    }

    fn shard_of(&self, member: MemberId) -> usize {
        (member.number() % self.shards.len() as u64) as usize
    }

    pub(super) fn stripe(&self, name: &TopicName) -> MutexGuard<'_, HashMap<TopicName, Entry>> {
        let hash = self.hasher.hash_one(name) as usize;
        self.locked(hash % STRIPES)
    }

    pub(super) fn locked(&self, stripe: usize) -> MutexGuard<'_, HashMap<TopicName, Entry>> {
        self.stripes[stripe].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Handles the events of the engine.
impl Node {
    fn deliver(&self, publication: Publication, prev: Option<u64>, room: Room) {
        let name = publication.topic.clone();
        let mut stripe = self.stripe(&name);
        // The engine may be a little late to learn that the last member has left.
        let Some(entry) = stripe.get_mut(&name) else { return };
        match entry.stream.handle_arrival(publication, prev, self.limits.recovery) {
            Arrival::Deliver(publication) => self.pass_on(entry, publication, room),
            Arrival::NewEpoch(publication) => {
                self.counting.gaps.fetch_add(1, Ordering::Relaxed);
                self.report_incomplete(entry, &name);
                self.pass_on(entry, publication, room);
            }
            Arrival::Duplicate => {
                self.counting.duplicates.fetch_add(1, Ordering::Relaxed);
            }
            Arrival::Gap(after) => {
                self.counting.gaps.fetch_add(1, Ordering::Relaxed);
                self.job(Job::Recover(name, after));
            }
            Arrival::Kept => {}
        }
    }

    /// Hands a publication to the shards with members in its topic. Called under the lock that keeps the order.
    fn pass_on(&self, entry: &Entry, publication: Publication, room: Room) {
        let slow = entry.options.slow();
        let delivery = Arc::new(Delivery { publication, slow, arrived: clock::now(), _room: room });
        for (shard, _) in self.shards.iter().zip(&entry.in_shard).filter(|(_, members)| **members > 0) {
            let _ = shard.send(Command::Publish(delivery.clone()));
        }
    }

    fn report_incomplete(&self, entry: &Entry, name: &TopicName) {
        self.counting.incomplete(name);
        for (shard, _) in self.shards.iter().zip(&entry.in_shard).filter(|(_, members)| **members > 0) {
            let _ = shard.send(Command::Incomplete(name.clone(), entry.stream.position().cloned()));
        }
    }

    fn handle_control(&self, message: Bytes) {
        match Control::decode(message) {
            Some(Control::Order(target, order)) => self.order(&target, &order),
            Some(Control::Hello(node)) => self.asked.heard_of(node),
            Some(Control::Goodbye(node)) => self.asked.forget(node),
            Some(Control::Ask { node, number, question }) => self.job(Job::Answer { asker: node, number, question }),
            Some(Control::Answer { asker, number, node, part }) if asker == self.id => {
                self.asked.answered(number, node, part);
            }
            // The answer to another node, or a message of a newer version.
            Some(Control::Answer { .. }) | None => {}
        }
    }

    fn order(&self, target: &Arc<Target>, order: &Order) {
        let command = || Command::Order { target: target.clone(), order: order.clone() };
        match target.member {
            Some(member) if member.node() == self.id => _ = self.send(member, command()),
            Some(_) => {}
            None => self.send_to_all(command),
        }
    }

    /// Begins a recovery if the topic has a position to compare with.
    pub(super) fn begin_recovery(&self, name: &TopicName) {
        let after = self.stripe(name).get_mut(name).and_then(|entry| entry.stream.begin_recovery());
        if let Some(after) = after {
            self.job(Job::Recover(name.clone(), after));
        }
    }

    pub(super) fn is_recovering(&self, name: &TopicName) -> bool {
        self.stripe(name).get(name).is_some_and(|entry| entry.stream.is_recovering())
    }

    /// Ends the recovery of a topic.
    pub(super) fn handle_replay(&self, name: &TopicName, replay: Replay) {
        let mut stripe = self.stripe(name);
        let Some(entry) = stripe.get_mut(name).filter(|entry| entry.stream.is_recovering()) else { return };
        match entry.stream.handle_replay(replay) {
            Some(publications) => {
                publications.into_iter().for_each(|publication| self.pass_on(entry, publication, None));
            }
            None => self.report_incomplete(entry, name),
        }
    }

    /// Returns the topics of a stripe that have a history.
    pub(super) fn with_history(&self, stripe: usize) -> Vec<TopicName> {
        let stripe = self.locked(stripe);
        let with_history = |(_, entry): &(&TopicName, &Entry)| entry.options.history_limits().is_some();
        stripe.iter().filter(with_history).map(|(name, _)| name.clone()).collect()
    }
}

/// The node as its engine sees it. It does not keep the node alive, because the node holds the engine.
pub(super) struct Receiver(Weak<Node>);

impl Receiver {
    pub(super) fn new(node: &Arc<Node>) -> Self {
        Self(Arc::downgrade(node))
    }
}

impl Receive for Receiver {
    fn receive(&self, event: EngineEvent, room: Room) {
        let Some(node) = self.0.upgrade() else { return };
        match event {
            EngineEvent::Delivered { publication, prev } => node.deliver(publication, prev, room),
            EngineEvent::Up => {
                if !node.is_up.swap(true, Ordering::AcqRel) {
                    node.counting.engine_changed(HubEvent::EngineUp);
                    node.job(Job::CheckAll);
                    // A broker that has lost its memory does not know who is present.
                    node.job(Job::RenewAll);
                    node.job(Job::Hello);
                }
            }
            EngineEvent::Down => {
                if node.is_up.swap(false, Ordering::AcqRel) {
                    node.counting.engine_changed(HubEvent::EngineDown);
                }
            }
            EngineEvent::Gap(Some(name)) => node.begin_recovery(&name),
            EngineEvent::Gap(None) => node.job(Job::CheckAll),
            EngineEvent::Control(message) => node.handle_control(message),
        }
    }
}

impl Entered {
    /// Hands the subscription to its shard, with the position after which its publications reach the shard. The shard
    /// uncounts it from now on.
    pub(crate) fn hand_over(mut self, begins_live: bool) -> Result<(), HubError> {
        // Under the lock, so that no publication comes between.
        let mut stripe = self.node.stripe(&self.name);
        let entry = stripe.get_mut(&self.name);
        let position = entry.and_then(|entry| {
            if entry.options.has_presence() {
                // The shard removes it with the subscription, so it cannot stay behind.
                entry.present.insert(self.member, self.identity.clone());
            }
            entry.stream.position().cloned()
        });
        let command = Command::Subscribe { member: self.member, name: self.name.clone(), position, begins_live };
        let is_sent = self.node.send(self.member, command);
        drop(stripe);
        self.is_done = is_sent;
        if is_sent { Ok(()) } else { Err(HubError::Stopped) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if !self.is_done {
            self.node.leave(&self.name, self.member);
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("id", &self.id).field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Locks for topics. More of them than threads that publish.
pub(super) const STRIPES: usize = 16;
/// How long a call of the engine may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
