//! What the nodes have answered to a question.

use std::{collections::BTreeMap, time::Duration};

use super::{event::Counters, name::TopicName};

/// The nodes that have answered; see [`Hub::nodes`](crate::Hub::nodes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Nodes {
    /// The answers, in the order of the nodes' ids.
    pub nodes: Vec<NodeReport>,
    /// Nodes that were heard of in the last 30 s and did not answer in time. They may have died.
    pub silent: usize,
}

/// The state of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeReport {
    /// Its random id, as in [`MemberId::node`](crate::MemberId::node).
    pub node: u64,
    /// Its name: [`HubBuilder::name`](crate::HubBuilder::name).
    pub name: String,
    /// The time since it has started.
    pub uptime: Duration,
    /// Different users with members there. Members without a user id do not count.
    pub users: u64,
    /// Its counters.
    pub counters: Counters,
}

/// The topics with members on any node; see [`Hub::topics`](crate::Hub::topics).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topics {
    /// The number of subscriptions of each topic, over all nodes that have answered.
    pub topics: BTreeMap<TopicName, u64>,
    /// A node has more topics than the call asked for, so some are missing and counts may be too low.
    pub is_cut: bool,
    /// Nodes that were heard of in the last 30 s and did not answer in time.
    pub silent: usize,
}
