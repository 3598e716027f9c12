//! Publishes at a steady rate to all topics, and writes a journal. A publication that fails is sent again with the same
//! id, to the next node, until a node accepts it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{http::Client, journal::Journal, scale::topic_name};

/// One task for each topic, so that the order of the journal is the order of the topic.
pub(crate) struct Publisher {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

struct Shared {
    journal: Arc<Journal>,
    nodes: Vec<SocketAddr>,
    begun: Instant,
    is_stopping: AtomicBool,
    failures: AtomicUsize,
    padding: String,
}

/// What and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Publications in a second, over all topics.
    pub(crate) rate: u32,
    /// Bytes beside the number and the time.
    pub(crate) padding: usize,
}

impl Publisher {
    /// Begins. `begun` is the time from which the publications count theirs.
    pub(crate) fn start(journal: Arc<Journal>, nodes: Vec<SocketAddr>, begun: Instant, load: Load) -> Self {
        let topics = journal.topics();
        let shared = Arc::new(Shared {
            journal,
            nodes,
            begun,
            is_stopping: AtomicBool::new(false),
            failures: AtomicUsize::new(0),
            padding: "x".repeat(load.padding),
        });
        let mut tasks = JoinSet::new();
        let every = Duration::from_secs(1) * topics as u32 / load.rate;
        for topic in 0..topics {
            let shared = shared.clone();
            tasks.spawn(async move {
                sleep(every * topic as u32 / topics as u32).await;
                shared.publish_all(topic, every).await;
            });
        }
        Self { shared, tasks }
    }

    /// Stops after the publications that are under way have been accepted. Returns how many attempts have failed.
    pub(crate) async fn stop(mut self) -> usize {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        while self.tasks.join_next().await.is_some() {}
        self.shared.failures.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn publish_all(&self, topic: usize, every: Duration) {
        let mut clients: Vec<_> = self.nodes.iter().map(|node| Client::new(*node)).collect();
        let mut at = topic % clients.len();
        let mut ticks = interval(every);
        // After an outage everything that was due comes at once, as from programs that have waited.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            ticks.tick().await;
            if self.is_stopping.load(Ordering::Relaxed) {
                return;
            }
            while let Err(_error) = publish(&self.journal, topic, &mut clients[at], self.begun, &self.padding).await {
                self.failures.fetch_add(1, Ordering::Relaxed);
                at = (at + 1) % clients.len();
                sleep(RETRY).await;
            }
        }
    }
}

/// Sends the next publication of a topic, and notes it once it is accepted. Only one caller at a time may do this for a
/// topic.
pub(crate) async fn publish(
    journal: &Journal,
    topic: usize,
    client: &mut Client,
    begun: Instant,
    padding: &str,
) -> Result<(), String> {
    let number = journal.len(topic);
    let sent = begun.elapsed().as_micros() as u64;
    let data = json!({ "number": number, "sent": sent, "padding": padding });
    let position = client.publish(&topic_name(topic), &format!("{topic}-{number}"), data).await?;
    journal.push(topic, position.epoch, position.offset);
    Ok(())
}

/// The wait before a publication is sent again.
const RETRY: Duration = Duration::from_millis(100);
