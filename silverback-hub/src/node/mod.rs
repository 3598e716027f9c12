//! One node: the topics with members here, the engine, and the tasks.
//!
//! ```text
//!   engine --events--> routing       --commands--> shards (one task each) --frames--> connections
//!                          |                          |
//!                          +------------jobs----------+--> keeper (one task): unsubscribe, recover, lease, check
//! ```
//! `routing` sorts out duplicates and gaps under the lock of a few topics, and hands each publication to the shards
//! that have members in its topic. It takes as long with one member as with many.

pub(crate) mod asked;
pub(crate) mod commands;
pub(crate) mod control;
pub(crate) mod counting;
pub(crate) mod joined;
pub(crate) mod keeper;
pub(crate) mod replays;
pub(crate) mod routing;
pub(crate) mod shard;
pub(crate) mod subscribing;
pub(crate) mod surveys;
pub(crate) mod waiters;

use std::sync::Arc;

use tokio::sync::mpsc;

use self::{
    keeper::Pace,
    routing::{Node, Receiver},
    shard::Shard,
};
use crate::{
    engine::{Engine, events::Events},
    model::{error::EngineError, limits::Limits, pattern::Patterns},
};

/// Starts the tasks of a node, and then its engine.
pub(crate) async fn start(
    engine: Box<dyn Engine>,
    patterns: Patterns,
    limits: Limits,
    shards: usize,
    pace: Pace,
    name: String,
) -> Result<Arc<Node>, EngineError> {
    let (jobs, queue) = mpsc::unbounded_channel();
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..shards.max(1)).map(|_| mpsc::unbounded_channel()).unzip();
    let in_flight = limits.in_flight;
    let node = Arc::new(Node::new(engine, patterns, limits, senders, jobs, name, pace.lease));
    for (number, receiver) in receivers.into_iter().enumerate() {
        tokio::spawn(Shard::new(number, &node, receiver).run());
    }
    tokio::spawn(keeper::run(Arc::downgrade(&node), queue, pace));
    let events = Events::new(Arc::new(Receiver::new(&node)), in_flight);
    node.call(node.engine.start(events)).await?;
    Ok(node)
}
