//! A broker, nodes, members and a publisher, and what must hold once everything runs again.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use silverback_testkit::broker::Broker;
use tokio::time::sleep;

use crate::{
    checker::{self, Summary},
    http::Client,
    journal::Journal,
    member::{Latencies, Member, Wish},
    node::{Node, Settings},
    publisher::{Load, Publisher, publish},
    scale::topic_name,
};

/// Everything that one run needs.
pub(crate) struct Stage {
    /// `None` with the engine in memory.
    pub(crate) broker: Option<Broker>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) members: Vec<Member>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) begun: Instant,
    publisher: Option<Publisher>,
    lease: Duration,
    /// What earlier faults on this stage have shown.
    before: Shown,
}

/// What a run has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) summary: Summary,
    pub(crate) published: usize,
    /// Attempts to publish that failed and were repeated.
    pub(crate) failures: usize,
    /// The longest time without an accepted publication.
    pub(crate) stall: Duration,
    /// How connections and subscriptions ended.
    pub(crate) ends: BTreeMap<String, usize>,
}

impl Shown {
    fn since(&self, before: &Self) -> Self {
        let new = |(end, count): (&String, &usize)| {
            let more = count - before.ends.get(end).copied().unwrap_or_default();
            (more > 0).then(|| (end.clone(), more))
        };
        Self {
            summary: self.summary.since(&before.summary),
            published: self.published - before.published,
            ends: self.ends.iter().filter_map(new).collect(),
            ..self.clone()
        }
    }
}

impl Stage {
    /// Prepares nodes for a broker. Nothing but the broker runs yet.
    pub(crate) fn new(
        broker: Option<Broker>,
        settings: &Settings,
        nodes: usize,
        topics: usize,
    ) -> Result<Self, String> {
        let nodes = (0..nodes).map(|number| Node::new(settings, &format!("node-{number}")));
        Ok(Self {
            broker,
            nodes: nodes.collect::<Result<_, _>>().map_err(|error| format!("a node cannot be prepared: {error}"))?,
            members: Vec::new(),
            journal: Arc::new(Journal::new(topics)),
            begun: Instant::now(),
            publisher: None,
            lease: settings.lease,
            before: Shown::default(),
        })
    }

    pub(crate) fn start_nodes(&mut self) -> Result<(), String> {
        for node in &mut self.nodes {
            node.start().map_err(|error| format!("a node does not start: {error}"))?;
        }
        Ok(())
    }

    pub(crate) async fn wait_until_ready(&mut self, is_ready: bool) -> Result<(), String> {
        for node in &mut self.nodes {
            node.wait_until_ready(is_ready).await?;
        }
        Ok(())
    }

    /// Adds members that try `first` and then the other nodes.
    pub(crate) fn add_members(
        &mut self,
        count: usize,
        first: impl Fn(usize) -> usize,
        topics: impl Fn(usize) -> Vec<usize>,
    ) {
        for number in 0..count {
            let wish = self.wish(first(number), topics(number));
            self.members.push(Member::start(wish));
        }
    }

    pub(crate) fn wish(&self, first: usize, topics: Vec<usize>) -> Wish {
        Wish {
            nodes: self.addresses().into(),
            topics,
            first,
            backoff: Duration::from_millis(100),
            receive_buffer: None,
            begun: self.begun,
            latencies: None::<Arc<Latencies>>,
        }
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Node::address).collect()
    }

    pub(crate) fn start_publisher(&mut self, load: Load) {
        self.publisher = Some(Publisher::start(self.journal.clone(), self.addresses(), self.begun, load));
    }

    /// Waits until all members are connected and subscribed.
    pub(crate) async fn wait_for_members(&self) -> Result<(), String> {
        let missing = || {
            let missing = self.members.iter().filter(|member| member.live_client().is_none()).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} members are not subscribed: {:?}", self.ends())) }
        };
        wait_for(PATIENCE, || std::future::ready(missing())).await
    }

    /// Ends the load and checks everything that must hold. Returns what is new since the last time. The stage can go on
    /// afterwards.
    pub(crate) async fn settle(&mut self, since: Instant) -> Result<Shown, String> {
        self.wait_until_ready(true).await?;
        let failures = match self.publisher.take() {
            Some(publisher) => publisher.stop().await,
            None => 0,
        };
        self.wait_for_members().await?;
        self.publish_through_each_node().await?;
        self.check_presence().await?;
        let all = self.check_members()?;
        let mut shown = all.since(&self.before);
        self.before = all;
        shown.failures = failures;
        shown.stall = self.journal.longest_gap(since);
        Ok(shown)
    }

    /// Nothing is stuck: a publication through each node reaches every member, at the first attempt, because the nodes
    /// say that they are ready.
    async fn publish_through_each_node(&self) -> Result<(), String> {
        for node in self.addresses() {
            let mut client = Client::new(node);
            for topic in 0..self.journal.topics() {
                let published = publish(&self.journal, topic, &mut client, self.begun, "").await;
                published.map_err(|error| format!("a node that is ready does not publish: {error}"))?;
            }
            let late = || {
                let last = |topic: &usize| self.journal.len(*topic) - 1;
                let is_late =
                    |member: &&Member| !member.topics().iter().all(|topic| member.has_seen(*topic, last(topic)));
                match self.members.iter().filter(is_late).count() {
                    0 => Ok(()),
                    late => Err(format!("a fresh publication does not reach {late} members: {:?}", self.ends())),
                }
            };
            wait_for(PATIENCE, || std::future::ready(late())).await?;
        }
        Ok(())
    }

    /// Each node must say of each topic that exactly those are present who are: nobody is missing, and there is no ghost
    /// after its lease.
    async fn check_presence(&self) -> Result<(), String> {
        for node in self.addresses() {
            for topic in 0..self.journal.topics() {
                wait_for(self.lease + PATIENCE, || self.compare_presence(node, topic)).await?;
            }
        }
        Ok(())
    }

    async fn compare_presence(&self, node: SocketAddr, topic: usize) -> Result<(), String> {
        let members = self.members.iter().filter(|member| member.topics().contains(&topic));
        let there: BTreeSet<_> = members.filter_map(Member::live_client).collect();
        let present: BTreeSet<_> = Client::new(node).present(&topic_name(topic)).await?.into_iter().collect();
        let (ghosts, unseen) = (present.difference(&there).count(), there.difference(&present).count());
        match (ghosts, unseen) {
            (0, 0) => Ok(()),
            _ => Err(format!(
                "topic {topic}: {ghosts} are present who are not there, {unseen} of {} are missing",
                there.len()
            )),
        }
    }

    /// Checks the whole sequence of each member.
    pub(crate) fn check_members(&self) -> Result<Shown, String> {
        let mut shown = Shown { published: self.journal.total(), ends: self.ends(), ..Shown::default() };
        let journal: Vec<_> = (0..self.journal.topics()).map(|topic| self.journal.of(topic)).collect();
        for (topic, journal) in journal.iter().enumerate() {
            checker::check_positions(journal).map_err(|error| format!("topic {topic}: {error}"))?;
        }
        let mut faults = Vec::new();
        for (number, member) in self.members.iter().enumerate() {
            faults.extend(member.faults().into_iter().map(|fault| format!("member {number}: {fault}")));
            for topic in member.topics() {
                match checker::check(&journal[topic], &member.seen(topic), true) {
                    Ok(summary) => shown.summary.add(summary),
                    Err(fault) => faults.push(format!("member {number}, topic {topic}: {fault}")),
                }
            }
        }
        if faults.is_empty() {
            return Ok(shown);
        }
        let more = faults.len().saturating_sub(FAULTS);
        faults.truncate(FAULTS);
        Err(format!("{}; and {more} more; ends: {:?}", faults.join("; "), self.ends()))
    }

    pub(crate) fn ends(&self) -> BTreeMap<String, usize> {
        let mut all = BTreeMap::new();
        for (end, count) in self.members.iter().flat_map(Member::ends) {
            *all.entry(end).or_default() += count;
        }
        all
    }
}

/// Asks until the answer is good.
pub(crate) async fn wait_for<F>(limit: Duration, mut ask: impl FnMut() -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let until = Instant::now() + limit;
    loop {
        match ask().await {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= until => return Err(format!("after {limit:?}: {error}")),
            Err(_) => sleep(POLL).await,
        }
    }
}

/// How long members may take to be back.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// How many faults one message names.
const FAULTS: usize = 5;
